"""Fusion: features of single axes, or of a few, joined to features of all axes, at points or on a whole grid."""

import functools
import operator
from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor

from ungrid.kernels.outer import outer

Join = Callable[[Tensor, Tensor], Tensor]

FUSIONS: dict[str, Join] = {"product": operator.mul, "sum": operator.add}


def fuse(parts: Sequence[Float[Tensor, "*#batch features"]], fusion: str) -> Float[Tensor, "*batch features"]:
    """The parts multiplied or added, of equal shapes or broadcasting to one; the last ones first."""
    return functools.reduce(lambda joined, part: FUSIONS[fusion](part, joined), reversed(parts))


def fuse_axes(parts: Sequence[Float[Tensor, "_ terms"]], fusion: str, n_terms: int = 1) -> Float[Tensor, "*shape features"]:
    """One part for each axis [n, n_terms · features], joined for every point of the axes' grid, and its terms summed.

    The last axes come first, so that all but the last joint are small.
    """
    if fusion != "product" or len(parts) == 1:
        return summed(fuse([across(part, (axis,), len(parts)) for axis, part in enumerate(parts)], fusion), n_terms)
    first, *others = parts
    joined = functools.reduce(lambda flat, part: outer(part[:, None], flat[:, None]).flatten(0, 1), reversed(others))
    flat = outer(first.unflatten(-1, (n_terms, -1)), joined.unflatten(-1, (n_terms, -1)))
    return flat.reshape(*(len(part) for part in parts), flat.shape[-1])


def summed(terms: Float[Tensor, "*batch terms"], n_terms: int) -> Float[Tensor, "*batch features"]:
    """The sum of so many terms, which lie behind each other."""
    return terms if n_terms == 1 else terms.unflatten(-1, (n_terms, -1)).sum(dim=-2)


def across(part: Float[Tensor, "*sizes features"], axes: Sequence[int], dim: int) -> Float[Tensor, "*broadcast features"]:
    """A part on some of `dim` axes, given in rising order, with size 1 along the others, so that it broadcasts."""
    sizes = [1] * dim
    for size, axis in zip(part.shape, axes, strict=False):
        sizes[axis] = size
    return part.reshape(*sizes, part.shape[-1])
