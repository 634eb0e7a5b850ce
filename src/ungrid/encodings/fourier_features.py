"""Random Fourier features: waves in all directions, at frequencies drawn from a normal distribution."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.encodings.base import Encoding
from ungrid.encodings.limits import MAX_IN_DIM, check_count, check_number


class FourierFeatures(Encoding):
    """Random Fourier features: γ(x) = [cos 2πBx, sin 2πBx], B ~ N(0, bandwidth²).

    Lets an MLP learn detail up to about `bandwidth` cycles per unit of the normalized coordinate; too large a
    value gives noise between the samples, too small a blur.

    Args:
        in_dim: d, length of a coordinate, 1 to 16.
        n_frequencies: m, rows of B.
        bandwidth: standard deviation of B, in cycles per unit. An image of n pixels across rarely needs more than n / 8.
            The default is the paper's for natural pictures (σ = 10), tuned there for 256² samples and not universal.
        seed: of B, which is fixed and saved with the field.

    Shape: coords [*, d] in [-1, 1] → features [*, 2m] in [-1, 1].
    Raises: InputError: an argument out of range.
    Differs from the paper: coordinates there lie in [0, 1], so its σ is twice our `bandwidth`, and its phases are ours plus a
        constant per row of B.
    """

    paper = "tancik2020fourier"
    frequencies: Float[Tensor, "m d"]

    def __init__(self, in_dim: int, n_frequencies: int = 256, *, bandwidth: float = 5.0, seed: int = 0):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_IN_DIM)
        check_count("n_frequencies", n_frequencies, 1, 65536)
        check_number("bandwidth", bandwidth, 1e-9, 1e9)
        self.in_dim, self.out_dim = in_dim, 2 * n_frequencies
        self.n_frequencies, self.bandwidth, self.seed = n_frequencies, bandwidth, seed
        rng = torch.Generator().manual_seed(seed)
        self.register_buffer("frequencies", torch.randn(n_frequencies, in_dim, generator=rng).mul_(bandwidth))

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        phase = 2 * torch.pi * coords @ self.frequencies.T
        return torch.cat([phase.cos(), phase.sin()], dim=-1)

    def octaves(self) -> Float[Tensor, " features"]:
        """log₂ of |row of B| above the lowest; waves longer than the box count as one period per box."""
        cycles = self.frequencies.norm(dim=-1).clamp_min(0.5)  # the box is 2 long: half a cycle per unit is one period
        return torch.log2(cycles / cycles.min()).repeat(2)
