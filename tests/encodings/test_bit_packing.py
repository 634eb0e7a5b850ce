import pytest
import torch

from ungrid.encodings.bit_packing import MAX_BITS, pack, packed_size, unpack


@pytest.mark.parametrize("bits", range(1, MAX_BITS + 1))
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100])
def test_numbers_come_back_from_their_bytes(bits, count):
    numbers = torch.randint(2**bits, (count,), generator=torch.Generator().manual_seed(bits))
    packed = pack(numbers, bits)
    assert packed.dtype == torch.uint8
    assert len(packed) == packed_size(count, bits)
    assert torch.equal(unpack(packed, bits, count), numbers)


@pytest.mark.parametrize("bits", [1, 3, 4, 8, 11, 16])
def test_the_largest_number_comes_back(bits):
    numbers = torch.full((9,), 2**bits - 1)
    assert torch.equal(unpack(pack(numbers, bits), bits, 9), numbers)


def test_eight_numbers_fill_as_many_bytes_as_they_have_bits():
    assert [packed_size(8, bits) for bits in (1, 4, 6, 16)] == [1, 4, 6, 16]
    assert packed_size(9, 4) == 8


def test_the_lowest_bit_of_the_first_number_is_the_lowest_of_the_first_byte():
    assert pack(torch.tensor([1, 0, 0, 0, 0, 0, 0, 0]), 1).tolist() == [1]
    assert pack(torch.tensor([2, 15]), 4).tolist() == [0xF2, 0, 0, 0]
    # 257 = 1 0000 0001 in nine bits: its ninth bit is the lowest of the second byte
    assert pack(torch.tensor([257]), 9).tolist()[:2] == [1, 1]


def test_numbers_of_any_shape_are_packed_row_by_row():
    numbers = torch.arange(12).reshape(3, 4)
    assert torch.equal(pack(numbers, 5), pack(numbers.flatten(), 5))
