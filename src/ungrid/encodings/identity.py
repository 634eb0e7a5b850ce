"""No encoding: the coordinates themselves."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.encodings.base import Encoding
from ungrid.encodings.limits import MAX_IN_DIM, check_count


class Identity(Encoding):
    """The coordinates as they are: γ(x) = x.

    What a sine network (`Siren`) wants, and what one concatenates to another encoding.

    Args:
        in_dim: d, length of a coordinate, 1 to 16.

    Shape: coords [*, d] in [-1, 1] → features [*, d] in [-1, 1].
    Raises: InputError: `in_dim` out of range.
    """

    def __init__(self, in_dim: int):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_IN_DIM)
        self.in_dim = self.out_dim = in_dim

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        return coords

    def octaves(self) -> Float[Tensor, " features"]:
        """Zeros: a coordinate is slower than any wave."""
        return torch.zeros(self.out_dim)
