"""Symmetric banded equations, solved for all their unknowns at once: cyclic reduction over blocks."""

import torch
from jaxtyping import Float
from torch import Tensor


def solve_banded(bands: Float[Tensor, "*batch b n"], right: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """x of A x = right, for symmetric positive definite A of b − 1 diagonals below the main one.

    Blocks of b − 1 unknowns make A block tridiagonal; every second block is eliminated, until one is left. That is log₂ n rounds
    of small dense products, which PyTorch does for all blocks together, in time and memory linear in n.

    Args:
        bands: bands[k, i] = A[i + k, i], the main diagonal first; entries beyond the end are not looked at.
        right: right side, of the same dtype; float64 where A is ill-conditioned.
    """
    n, width = bands.shape[-1], max(1, bands.shape[-2] - 1)
    n_blocks = -(-n // width)
    batch = bands.shape[:-2]
    diagonal = bands.new_zeros((*batch, n_blocks, width, width))
    below = bands.new_zeros((*batch, n_blocks, width, width))  # couples block i with block i − 1; none for the first
    column = torch.arange(n, device=bands.device)
    for k in range(min(bands.shape[-2], n)):
        at = column[: n - k]
        row, values = at + k, bands[..., k, : n - k]
        same = row // width == at // width
        inside, across = at[same], at[~same]
        diagonal[..., inside // width, (inside + k) % width, inside % width] = values[..., same]
        diagonal[..., inside // width, inside % width, (inside + k) % width] = values[..., same]
        below[..., (across + k) // width, (across + k) % width, across % width] = values[..., ~same]
    spare = torch.arange(n, n_blocks * width, device=bands.device)
    diagonal[..., spare // width, spare % width, spare % width] = 1
    blocks = torch.nn.functional.pad(right, (0, n_blocks * width - n)).unflatten(-1, (n_blocks, width))[..., None]
    solution = _solved(diagonal, below, blocks).flatten(-3)[..., :n]
    rest = right - multiply_banded(
        bands, solution
    )  # once more with what is left: 1e-12 in place of 1e-3 where A is near singular
    blocks = torch.nn.functional.pad(rest, (0, n_blocks * width - n)).unflatten(-1, (n_blocks, width))[..., None]
    return solution + _solved(diagonal, below, blocks).flatten(-3)[..., :n]


def multiply_banded(bands: Float[Tensor, "*batch b n"], x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """A x, with A as in `solve_banded`."""
    n = x.shape[-1]
    product = bands[..., 0, :] * x
    for k in range(1, min(bands.shape[-2], n)):
        product[..., k:] += bands[..., k, : n - k] * x[..., : n - k]
        product[..., : n - k] += bands[..., k, : n - k] * x[..., k:]
    return product


def _solved(diagonal: Tensor, below: Tensor, right: Tensor) -> Tensor:
    """Block tridiagonal equations: Dᵢ xᵢ + Lᵢ xᵢ₋₁ + Lᵢ₊₁ᵀ xᵢ₊₁ = rᵢ; blocks [*, n, w, w], right sides [*, n, w, 1]."""
    n = diagonal.shape[-3]
    if n == 1:
        only: Tensor = torch.linalg.solve(diagonal, right)
        return only
    odd_below = below[..., 1::2, :, :]  # couples an odd block with the even one before it
    n_odd = odd_below.shape[-3]
    odd_above = _padded(below[..., 2::2, :, :], n_odd).mT  # and with the one after it
    joined = torch.cat([odd_below, odd_above, right[..., 1::2, :, :]], dim=-1)
    solved = torch.linalg.solve(diagonal[..., 1::2, :, :], joined)
    width = diagonal.shape[-1]
    from_before, from_after, own = solved[..., :width], solved[..., width : 2 * width], solved[..., 2 * width :]
    n_even = n - n_odd
    even_diagonal, even_right = diagonal[..., ::2, :, :].clone(), right[..., ::2, :, :].clone()
    even_diagonal[..., :n_odd, :, :] -= odd_below.mT @ from_before
    even_right[..., :n_odd, :, :] -= odd_below.mT @ own
    before = slice(0, n_even - 1)  # the odd blocks that stand before an even one
    even_diagonal[..., 1:, :, :] -= odd_above.mT[..., before, :, :] @ from_after[..., before, :, :]
    even_right[..., 1:, :, :] -= odd_above.mT[..., before, :, :] @ own[..., before, :, :]
    even_below = torch.zeros_like(even_diagonal)
    even_below[..., 1:, :, :] = -odd_above.mT[..., before, :, :] @ from_before[..., before, :, :]
    even = _solved(even_diagonal, even_below, even_right)
    after = _padded(even[..., 1:, :, :], n_odd)
    odd = own - from_before @ even[..., :n_odd, :, :] - from_after @ after
    result = torch.empty_like(right)
    result[..., ::2, :, :], result[..., 1::2, :, :] = even, odd
    return result


def _padded(blocks: Tensor, n: int) -> Tensor:
    """Zero blocks behind, up to n."""
    return torch.nn.functional.pad(blocks, (0, 0, 0, 0, 0, n - blocks.shape[-3]))
