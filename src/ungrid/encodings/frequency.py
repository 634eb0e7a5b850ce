"""Positional encodings: sines and cosines of each coordinate at fixed frequencies."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.encodings.base import Encoding
from ungrid.encodings.limits import MAX_IN_DIM, check_count, check_number

MAX_OCTAVES = 64


class Frequency(Encoding):
    """NeRF's positional encoding: γ(x) = [sin 2ᵏπx, cos 2ᵏπx] for k = 0 … n_frequencies - 1, of each coordinate.

    Its waves run along the axes only, so detail along the diagonals comes slower than with `FourierFeatures`.
    With one frequency it is the "basic" mapping [cos 2πu, sin 2πu] of the Fourier-features paper, u = (x + 1) / 2 in
    [0, 1), up to sign and order of the features.

    Args:
        in_dim: d, length of a coordinate, 1 to 16.
        n_frequencies: n, 1 to 64; the finest wave has 2ⁿ⁻¹ periods across the box. NeRF has 10 for points, 4 for directions.
        include_coords: whether the coordinates themselves come first, as in NeRF's released code.

    Shape: coords [*, d] in [-1, 1] → features [*, 2dn (+ d)] in [-1, 1]: (coords,) all sines, all cosines; within each, an axis
        at a time, coarse to fine.
    Raises: InputError: an argument out of range.
    Differs from the paper: the order of the features, which the first layer undoes.
    """

    paper = "mildenhall2020nerf"

    def __init__(self, in_dim: int, n_frequencies: int = 10, include_coords: bool = False):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_IN_DIM)
        check_count("n_frequencies", n_frequencies, 1, MAX_OCTAVES)
        self.in_dim, self.out_dim = in_dim, 2 * in_dim * n_frequencies + in_dim * bool(include_coords)
        self.n_frequencies, self.include_coords = n_frequencies, include_coords

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        scales = torch.exp2(torch.arange(self.n_frequencies, dtype=coords.dtype, device=coords.device))
        phase = torch.pi * (coords[..., None] * scales).flatten(-2)
        waves = [phase.sin(), phase.cos()]
        return torch.cat([coords, *waves] if self.include_coords else waves, dim=-1)

    def octaves(self) -> Float[Tensor, " features"]:
        """k of each wave; where the coordinates are included, they are 0 and the waves k + 1."""
        octaves = torch.arange(self.n_frequencies, dtype=torch.get_default_dtype()).repeat(2 * self.in_dim)
        return torch.cat([torch.zeros(self.in_dim), octaves + 1]) if self.include_coords else octaves


class LogFrequency(Encoding):
    """The Fourier-features paper's positional encoding: γ(u) = [sin 2πfu, cos 2πfu], f = 2^(max_octave · i / (n - 1)) - 1.

    `Frequency` with many frequencies between the octaves, and not only at them: the fair rival of random Fourier features.

    Args:
        in_dim: d, length of a coordinate, 1 to 16.
        n_frequencies: n, frequencies per axis; i runs from 0 to n - 1. The paper's picture tables have 128.
        max_octave: the highest frequency is 2^max_octave - 1 periods across the box; 0 to 64. To be tuned on held-out data.

    Shape: coords [*, d] in [-1, 1] → features [*, 2dn] in [-1, 1]: all sines, all cosines; within each, an axis at a time.
    Raises: InputError: an argument out of range.
    Differs from the paper: coordinates there are u in [0, 1); ours are mapped by u = (x + 1) / 2, which gives the same features.
        The formula is that of the authors' notebooks (`posenc_new`), where the lowest frequency is 0: a constant.
    """

    paper = "tancik2020fourier"

    def __init__(self, in_dim: int, n_frequencies: int, max_octave: float):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_IN_DIM)
        check_count("n_frequencies", n_frequencies, 1, 65536)
        check_number("max_octave", max_octave, 0, MAX_OCTAVES)
        self.in_dim, self.out_dim = in_dim, 2 * in_dim * n_frequencies
        self.n_frequencies, self.max_octave = n_frequencies, max_octave

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        octaves = torch.linspace(0, self.max_octave, self.n_frequencies, dtype=coords.dtype, device=coords.device)
        phase = torch.pi * ((coords[..., None] + 1) * (octaves.exp2() - 1)).flatten(-2)
        return torch.cat([phase.sin(), phase.cos()], dim=-1)

    def octaves(self) -> Float[Tensor, " features"]:
        """log₂(f + 1) of each wave: f itself starts at 0."""
        return torch.linspace(0, self.max_octave, self.n_frequencies).repeat(2 * self.in_dim)
