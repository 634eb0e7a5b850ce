"""Split axes: a network's first layers, run for each axis by itself and fused, so that a grid costs the sum of its axes."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.encodings.base import Encoding
from ungrid.encodings.fusion import FUSIONS, fuse, fuse_axes, summed
from ungrid.encodings.limits import MAX_IN_DIM, check_count, check_number
from ungrid.errors import InputError
from ungrid.kernels.activations import ACTIVATIONS, Activation, smoothness_of
from ungrid.spec import lookup

MAX_WIDTH = 65536
MAX_DEPTH = 256
MAX_TERMS = 64
MAX_OMEGA = 1e6


class SplitAxis(Encoding):
    """The split layers of CoordX: γ(x) = Σᵣ Πₐ hₐᵣ, where hₐ = [hₐ₁, hₐ₂ …] comes from layers that see axis a alone.

    Stands for the first layers of a network, whose tail is left: a `Siren` behind sines, an `Mlp` behind others. On a grid these
    layers run once for each coordinate of an axis, and only the tail for each point. The less a signal follows its axes, the more
    is lost against a network that is not split.

    Args:
        in_dim: d, length of a coordinate, 1 to 16.
        width: of each layer, and length of the features.
        depth: number of layers, 1 to 256. The first has weights of its own for each axis; all axes share those of the others.
        n_terms: R, the number of products that are summed: the last layer is this many times as wide. 1 to 64.
        fusion: of the axes, "product" or "sum".
        activation: "sine", or another name in `ACTIVATIONS`.
        first_omega: ω of the first layer, in radians per unit of its pre-activation; of sines alone.
        hidden_omega: ω of the layers behind it, likewise.
        encoding: of one coordinate, before the first layer and the same for each axis, or None. ReLU layers need one.
        seed: of the initial weights.

    Shape: coords [*, d] in [-1, 1] → features [*, width].
    Raises: InputError: an argument out of range, or an encoding of more than one coordinate.
        UnknownName: no such fusion or activation.
    Differs from the paper: as in the authors' code, layers behind the first add their bias divided by d; sines start as SIREN's
        and others as He's. The authors can also keep some axes together, as those of space beside time; here each is by itself.
    """

    paper = "liang2022coordx"
    is_separable = True

    def __init__(
        self,
        in_dim: int,
        width: int = 256,
        *,
        depth: int = 3,
        n_terms: int = 1,
        fusion: str = "product",
        activation: str = "sine",
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
        encoding: Encoding | None = None,
        seed: int = 0,
    ):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_IN_DIM)
        check_count("width", width, 1, MAX_WIDTH)
        check_count("depth", depth, 1, MAX_DEPTH)
        check_count("n_terms", n_terms, 1, MAX_TERMS)
        for name, omega in (("first_omega", first_omega), ("hidden_omega", hidden_omega)):
            check_number(name, omega, 1e-6, MAX_OMEGA)
        if encoding is not None and encoding.in_dim != 1:
            raise InputError(f"the encoding takes {encoding.in_dim} coordinates, expected one: each axis is encoded by itself")
        lookup(fusion, FUSIONS, "fusion")
        self.activate: Activation = lookup(activation, ACTIVATIONS, "activation")
        self.in_dim, self.out_dim, self.width, self.depth, self.n_terms = in_dim, width, width, depth, n_terms
        self.fusion, self.activation, self.encoding, self.seed = fusion, activation, encoding, seed
        self.first_omega, self.hidden_omega = first_omega, hidden_omega
        self.omegas = (first_omega,) + (hidden_omega,) * (depth - 1) if activation == "sine" else (1.0,) * depth
        self.smoothness = min(smoothness_of(activation), math.inf if encoding is None else encoding.smoothness)
        fan_in = 1 if encoding is None else encoding.out_dim
        first, *others = [width] * (depth - 1) + [width * n_terms]
        rng = torch.Generator().manual_seed(seed)
        self.first = nn.ModuleList(self._layer(fan_in, first, 1 / fan_in, rng) for _ in range(in_dim))
        self.shared = nn.ModuleList(self._layer(width, n, math.sqrt(6 / width) / hidden_omega, rng) for n in others)

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        branches = [self._branch(axis, along) for axis, along in enumerate(coords.unbind(-1))]
        return summed(fuse(branches, self.fusion), self.n_terms)

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """Features on the grid of the given axis coordinates: each axis once, then products alone."""
        branches = [self._branch(axis, along) for axis, along in enumerate(axis_coords)]
        return fuse_axes(branches, self.fusion, self.n_terms)

    def width_sum(self) -> int:
        """Floats that one point needs on its way, those of all axes included."""
        own = self.in_dim * self.width * (self.depth - 1 + self.n_terms) + 2 * self.width * self.n_terms
        return own + (0 if self.encoding is None else self.in_dim * self.encoding.width_sum())

    def _layer(self, fan_in: int, fan_out: int, bound: float, rng: torch.Generator) -> nn.ParameterDict:
        """Weights and biases: those of SIREN, or He's."""
        if self.activation == "sine":
            weight = torch.rand(fan_out, fan_in, generator=rng).mul_(2 * bound).sub_(bound)
        else:
            weight = torch.randn(fan_out, fan_in, generator=rng).mul_(math.sqrt(2 / fan_in))
        bias = torch.rand(fan_out, generator=rng).mul_(2).sub_(1).div_(math.sqrt(fan_in))
        return nn.ParameterDict({"weight": nn.Parameter(weight), "bias": nn.Parameter(bias)})

    def _branch(self, axis: int, along: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch features"]:
        """The last layer's values [*, width · n_terms] at coordinates of one axis."""
        features = along[..., None]
        features = features if self.encoding is None else self.encoding(features)
        for layer, omega in zip((self.first[axis], *self.shared), self.omegas, strict=True):
            share = 1 if layer is self.first[axis] else self.in_dim
            features = self.activate(omega * F.linear(features, layer["weight"], layer["bias"] / share))
        return features
