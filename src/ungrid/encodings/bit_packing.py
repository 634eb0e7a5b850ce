"""Small whole numbers side by side in bytes: b bits each, for tables of indices that files hold at their real size."""

import torch
import torch.nn.functional as F
from jaxtyping import Int, UInt8
from torch import Tensor

GROUP = 8  # this many numbers of b bits fill exactly b bytes
MAX_BITS = 16


def packed_size(count: int, bits: int) -> int:
    """Bytes that `count` numbers of `bits` bits take: whole groups of eight, each of `bits` bytes."""
    return -(-count // GROUP) * bits


def pack(numbers: Int[Tensor, "*shape"], bits: int) -> UInt8[Tensor, " bytes"]:
    """Numbers from 0 to 2^bits - 1, row-major, as bytes; the lowest bit of the first number is the first byte's lowest.

    Args:
        numbers: of any integer dtype; higher bits than `bits` are lost.
        bits: of each, 1 to 16.

    Shape: numbers [*shape] → bytes [packed_size]; the last group is filled up with zeros.
    """
    flat = numbers.reshape(-1).int()
    groups = F.pad(flat, (0, -len(flat) % GROUP)).reshape(-1, GROUP)
    bit = torch.arange(bits, device=numbers.device, dtype=torch.int32)
    stream = ((groups[..., None] >> bit) & 1).reshape(len(groups), bits, 8)
    place = torch.arange(8, device=numbers.device, dtype=torch.int32)
    packed: Tensor = (stream << place).sum(dim=-1).to(torch.uint8).flatten()
    return packed


def unpack(packed: UInt8[Tensor, " bytes"], bits: int, count: int) -> Int[Tensor, " count"]:
    """The first `count` numbers of what `pack` made, as int64."""
    groups = F.pad(packed.reshape(-1, bits).int(), (0, 2))
    start = torch.arange(GROUP, device=packed.device, dtype=torch.int32) * bits
    first = (start // 8).long()
    # a number of up to 16 bits that starts inside a byte reaches into the two that follow
    words = groups[:, first] | (groups[:, first + 1] << 8) | (groups[:, first + 2] << 16)
    numbers: Tensor = (words >> (start % 8)) & (2**bits - 1)
    return numbers.flatten()[:count].long()
