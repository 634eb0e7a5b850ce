"""Colors for a pattern: one number walks along a palette of cosines, another gives light and shade."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.networks.base import Network

PATTERN_DIM = 2  # what is colored: place on the palette, shade
AMPLITUDES = (0.38, 0.5)  # around ½: from nearly to fully black and white
TURNS = (0.22, 0.45)  # of the palette for places from 0 to 1, so that places from −1 to 1 see up to nine tenths of it
JITTER = 0.35  # of phases, in units of the spread
MOST_CHANNELS = 1024


class CosinePalette(Network):
    """A network's pattern (t, q) in color: c = s(q) · (½ + a cos 2π(f tanh t + φ)), s(q) = k + (1 − k) sigmoid 2q.

    The colors of a picture then lie on one smooth curve and suit each other, whatever the pattern; a, f and φ are one number for
    each channel. Phases that follow one another from channel to channel give the harmony of sky and sand: warm against cold. The
    cosine with a, f, φ is Inigo Quilez's (iquilezles.org/articles/palettes); tanh, shade and how the numbers are drawn are ours.

    Args:
        network: whose two values are t and q, both best of about unit size: `out_dim` 2.
        out_dim: c, channels of a color, 1 to 1024.
        spread: how far the first channel's phase lies from the last one's, in turns, 0 to 1: 0 gives one hue from dark to light.
        shade: k, the light that is left in the darkest shade, 0 to 1; 1 leaves shade out.
        seed: of a, f and φ, which are parameters.

    Shape: features [*, in_dim] of `network` → values [*, c] in (0, 1).
    Raises: InputError: a network of other than two values, a number out of range.
    """

    def __init__(self, network: Network, out_dim: int = 3, *, spread: float = 0.25, shade: float = 0.35, seed: int = 0):
        super().__init__()
        if network.out_dim != PATTERN_DIM:
            raise InputError(f"a palette colors {PATTERN_DIM} values, place and shade; the network gives {network.out_dim}")
        if not isinstance(out_dim, int) or not 1 <= out_dim <= MOST_CHANNELS:
            raise InputError(f"out_dim is {out_dim!r}, expected an integer from 1 to {MOST_CHANNELS}")
        for name, value in (("spread", spread), ("shade", shade)):
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise InputError(f"{name} is {value!r}, expected a number from 0 to 1")
        self.network, self.in_dim, self.out_dim = network, network.in_dim, out_dim
        self.spread, self.shade, self.seed = spread, shade, seed
        self.smoothness = network.smoothness
        rng = torch.Generator().manual_seed(seed)
        start, turns, order = (torch.rand(1, generator=rng) for _ in range(3))
        steps = torch.arange(out_dim) / max(1, out_dim - 1)
        steps = torch.where(order < 0.5, steps, 1 - steps) + JITTER * torch.randn(out_dim, generator=rng)
        low, high = TURNS
        self.phase = nn.Parameter(start + spread * steps)
        self.frequency = nn.Parameter((low + (high - low) * turns) * (1 + 0.12 * torch.randn(out_dim, generator=rng)))
        low, high = AMPLITUDES
        self.amplitude = nn.Parameter(torch.rand(out_dim, generator=rng).mul_(high - low).add_(low))

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        place, shade = self.network(features).unbind(-1)
        color = 0.5 + self.amplitude * torch.cos(2 * torch.pi * (self.frequency * place.tanh()[..., None] + self.phase))
        return color * (self.shade + (1 - self.shade) * torch.sigmoid(2 * shade))[..., None]

    def width_sum(self) -> int:
        """Floats that one point needs: the network's, and those of three colors."""
        return self.network.width_sum() + 3 * self.out_dim
