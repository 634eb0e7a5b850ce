"""INCODE: a sine network whose amplitude, frequency, phase and offset come from a second network."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, linear, sine_layers
from ungrid.networks.limits import check_positive

MAX_HARMONIZER_DEPTH = 16
HARMONIZER_STD, HARMONIZER_BIAS = 0.001, 0.312  # of the authors' picture notebook


class Incode(Network):
    """Conditioned sine network: hₗ₊₁ = eᵃ sin(eᵇ ωₗu + c) + d, u = Wₗhₗ + bₗ, then a linear layer.

    The harmonizer, a small SiLU network, gives a, b, c and d, the same for all layers and points, from a code of the signal:
    descent tunes the sines while it fits the weights. Smooth. Takes bare coordinates (`Identity`).

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each sine layer.
        depth: number of sine layers, 1 to 256; the authors' `hidden_layers=3` is 4 here, since they do not count the first.
        first_omega: ω of the first layer, in radians per unit of u.
        hidden_omega: ω of the other layers; it scales their gradients, since the initial weights are divided by it.
        code_dim: length of the signal's code, 1 to 65536.
        harmonizer_widths: of the harmonizer's hidden layers, at most 16 of 1 to 65536.
        seed: of the initial weights and code.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, or an ω that is not in (0, 10⁶].
    Differs from the paper: its harmonizer sees the signal itself through a convolutional network (in the authors' code the first
        layers of a ResNet, untrained and fitted along), pooled to 64 numbers. For one signal these are 64 fitted numbers, and
        so they are here: a code that starts as N(0, 1). Their penalty on negative a, b, c, d is left out; all start at 0.31.
    """

    paper = "kazerouni2024incode"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 4,
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
        code_dim: int = 64,
        harmonizer_widths: tuple[int, ...] = (64, 32),
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"first_omega": first_omega, "hidden_omega": hidden_omega})
        if len(harmonizer_widths) > MAX_HARMONIZER_DEPTH:
            raise InputError(f"harmonizer_widths has {len(harmonizer_widths)} entries, expected at most {MAX_HARMONIZER_DEPTH}")
        for harmonizer_width in harmonizer_widths:
            check_sizes(code_dim, 4, harmonizer_width, 1)
        check_sizes(code_dim, 4, 1, 1)
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.first_omega, self.hidden_omega, self.seed = first_omega, hidden_omega, seed
        self.code_dim, self.harmonizer_widths = code_dim, tuple(harmonizer_widths)
        rng = torch.Generator().manual_seed(seed)
        self.layers = sine_layers([in_dim, *[width] * depth, out_dim], [hidden_omega] * depth, rng)
        self.code = nn.Parameter(torch.randn(code_dim, generator=rng))
        sizes = zip((code_dim, *harmonizer_widths), (*harmonizer_widths, 4), strict=True)
        weights = [torch.randn(fan_out, fan_in, generator=rng).mul_(HARMONIZER_STD) for fan_in, fan_out in sizes]
        self.harmonizer = nn.ModuleList(linear((weight, torch.full(weight.shape[:1], HARMONIZER_BIAS))) for weight in weights)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        log_amplitude, log_frequency, phase, offset = self.harmony().unbind()
        amplitude, frequency = log_amplitude.exp(), log_frequency.exp()
        *hidden, last = self.layers
        values, omega = features, self.first_omega
        for layer in hidden:
            values = amplitude * torch.sin(frequency * omega * layer(values) + phase) + offset
            omega = self.hidden_omega
        raw: Tensor = last(values)
        return raw

    def harmony(self) -> Float[Tensor, "4"]:
        """(a, b, c, d): logarithms of the sines' amplitude and frequency factor, their phase in radians, their offset."""
        *hidden, last = self.harmonizer
        values: Tensor = self.code
        for layer in hidden:
            values = nn.functional.silu(layer(values))
        values = last(values)
        return values

    def width_sum(self) -> int:
        """Sum of the sine layers' widths; the harmonizer is evaluated once for all points."""
        return sum(layer.out_features for layer in self.layers if isinstance(layer, nn.Linear))
