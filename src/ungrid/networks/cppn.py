"""The compositional pattern-producing network: every unit has its own pointwise function."""

import itertools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.kernels.activations import ACTIVATIONS, Activation
from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, linear
from ungrid.spec import lookup

MOST_WIDTH, MOST_LAYERS = 1024, 64  # a unit has a name of its own, and names take room before any tensor is made
MAX_WEIGHT_SCALE = 1e6


def gaussian(values: Float[Tensor, "*batch c"]) -> Float[Tensor, "*batch c"]:
    """exp(−x²): symmetric, so that what comes after it is, too."""
    return torch.exp(-values.square())


UNIT_ACTIVATIONS: dict[str, Activation] = {
    "abs": torch.abs,
    "cosine": torch.cos,
    "gaussian": gaussian,
    "none": ACTIVATIONS["none"],
    "sigmoid": torch.sigmoid,
    "sine": torch.sin,
    "square": torch.square,
    "tanh": torch.tanh,
}
KINKED = frozenset({"abs"})
MIXED = ("abs", "cosine", "gaussian", "none", "sigmoid", "sine", "square", "tanh")


class Cppn(Network):
    """Compositional pattern-producing network: hₗ₊₁ = f(Wₗhₗ + bₗ) with another f for each unit, then a linear layer.

    With random weights it draws: sines repeat, Gaussians and absolute values mirror, squares bend, sigmoids part. Small ones
    draw large forms, wide or deep ones, or larger weights, fine detail. Takes `Radial` features.

    Args:
        in_dim: length of the features, 1 to 1024.
        out_dim: c, length of a value, 1 to 1024.
        width: of each hidden layer, 1 to 1024.
        depth: number of hidden layers, 1 to 64.
        activations: names in `UNIT_ACTIVATIONS` that the units draw theirs from, each with equal chance; a name that stands
            there twice has twice the chance.
        units: the name of each unit in each hidden layer, or None to draw them.
        weight_scale: standard deviation of the normal distribution of weights and biases, above 0.
        output_activation: likewise a name, of the values.
        seed: of functions, weights and biases.

    Shape: features [*, in_dim] → values [*, c].
    Raises: InputError: a size out of range, units that are not depth × width. UnknownName: no such activation.
    Differs from the paper: a fixed number of full layers, where NEAT grows a sparse graph one unit at a time. Weights N(0, 1)
        and biases, and 4 layers of 32, are those of hardmaru's `cppn-tensorflow`, whose units are all tanh. Which functions
        there are to draw from, and the Gaussian without constants, is our choice.
    """

    paper = "stanley2007compositional"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 32,
        *,
        depth: int = 4,
        activations: tuple[str, ...] = MIXED,
        units: tuple[tuple[str, ...], ...] | None = None,
        weight_scale: float = 1.0,
        output_activation: str = "none",
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        if max(in_dim, out_dim, width) > MOST_WIDTH or depth > MOST_LAYERS:
            raise InputError(
                f"a CPPN of {in_dim} → {depth} × {width} → {out_dim}; expected widths up to {MOST_WIDTH}, depth to {MOST_LAYERS}"
            )
        if not isinstance(weight_scale, int | float) or not 0 < weight_scale <= MAX_WEIGHT_SCALE:
            raise InputError(f"weight_scale is {weight_scale!r}, expected a number above 0 and at most {MAX_WEIGHT_SCALE:g}")
        if not activations:
            raise InputError(f"activations is empty; expected some of {', '.join(UNIT_ACTIVATIONS)}")
        for name in activations:
            lookup(name, UNIT_ACTIVATIONS, "unit's activation")
        self.activate_output: Activation = lookup(output_activation, UNIT_ACTIVATIONS, "activation")
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.activations, self.weight_scale, self.seed = tuple(activations), weight_scale, seed
        self.units = None if units is None else tuple(tuple(layer) for layer in units)
        self.output_activation = output_activation
        rng = torch.Generator().manual_seed(seed)
        self.drawn_units = self._drawn(rng) if self.units is None else self.units
        self.runs = [_runs(layer) for layer in self._checked(self.drawn_units)]
        used = {name for layer in self.drawn_units for name in layer} | {output_activation}
        self.smoothness = 0.0 if used & KINKED else math.inf
        sizes = itertools.pairwise([in_dim] + [width] * depth + [out_dim])
        self.layers = nn.ModuleList(
            linear(
                (torch.randn(n_out, n_in, generator=rng).mul_(weight_scale), torch.randn(n_out, generator=rng).mul_(weight_scale))
            )
            for n_in, n_out in sizes
        )

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        *hidden, last = self.layers
        values = features
        for layer, runs in zip(hidden, self.runs, strict=True):
            parts = layer(values).split([length for _, length in runs], dim=-1)
            values = torch.cat([activate(part) for part, (activate, _) in zip(parts, runs, strict=True)], dim=-1)
        return self.activate_output(last(values))

    def _drawn(self, rng: torch.Generator) -> tuple[tuple[str, ...], ...]:
        """A name for each unit, equal ones side by side: the units of a layer are alike but for it, and runs are fast."""
        index = torch.randint(len(self.activations), (self.depth, self.width), generator=rng, device="cpu")
        return tuple(tuple(sorted(self.activations[i] for i in layer)) for layer in index.tolist())

    def _checked(self, units: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        if len(units) != self.depth or any(len(layer) != self.width for layer in units):
            raise InputError(
                f"units names {[len(layer) for layer in units][:8]} activations, layer by layer; expected {self.width} in each "
                f"of {self.depth}"
            )
        return units


def _runs(names: tuple[str, ...]) -> list[tuple[Activation, int]]:
    """Functions and lengths of consecutive units with the same name."""
    groups = ((name, len(list(group))) for name, group in itertools.groupby(names))
    return [(lookup(name, UNIT_ACTIVATIONS, "unit's activation"), length) for name, length in groups]
