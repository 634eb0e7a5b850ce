"""A fitted field with a Gaussian posterior over the weights of its last layer."""

import copy
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.fields.uncertain import Calibration, UncertainField, check_spacing
from ungrid.kernels.activations import Activation, unchanged
from ungrid.networks.base import Network

MAX_FEATURES = 4096  # the posterior has the square of it


class LaplaceField(UncertainField):
    """The field's own values, with the variance σ² (∂v/∂z)² φᵀ(Σᵢ φᵢφᵢᵀ + λI)⁻¹φ: a Laplace approximation of the last layer.

    φ(x) holds the last hidden layer's outputs and a 1, and z = Wφ is what the last layer gives. Costs one fit, and tells
    mostly where the last layer has seen little like x. Built around a field it knows nothing; `ungrid.fit.posterior` settles
    it on samples, and `ungrid.fit.calibrate` makes its intervals true.

    Args:
        field: fitted; its network ends in a linear layer, of at most 4095 inputs, perhaps with an `output_activation`.
        spacing: distance between the fitted samples along each axis, in the units of the box.

    Shape: coords [*, d] in the units of the box → values [*, c]; `deviation` likewise.
    Raises: InputError: a network that does not end in a linear layer, or a spacing that is not positive.
    Differs from the paper: channels share λ and one matrix, where the output is bent their mean; each has its σ².
    """

    paper = "daxberger2021laplace"
    noise: Tensor
    whitener: Tensor

    def __init__(self, field: EncodedField, spacing: tuple[float, ...]):
        super().__init__()
        check_spacing(spacing, field.in_dim)
        layer = last_layer(field.network)[1]
        n = layer.in_features + 1
        if n > MAX_FEATURES:
            raise InputError(f"the last layer has {n - 1} inputs, and a posterior over more than {MAX_FEATURES - 1} is too large")
        self.box, self.out_dim = field.box, field.out_dim
        self.field, self.spacing = field, tuple(spacing)
        self.calibration = Calibration()
        self.register_buffer("noise", torch.ones(field.out_dim))  # σ², in squared units of z
        unit = torch.zeros(n, n)
        unit.diagonal().fill_(1.0)  # torch.eye loads the compiler when a file is built on the meta device
        self.register_buffer("whitener", unit)  # R with RᵀR = (Σ φφᵀ + λI)⁻¹

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values of the field at normalized coords."""
        return self.field.values_at(coords, inputs)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values of the field on a whole grid."""
        return self.field.on(grid)

    def noise_variance(self) -> Float[Tensor, "c"]:
        """σ² in squared units of the values."""
        return self.noise * self.noise.new_tensor(self.field.value_scale).square()

    def model_variance_at(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch c"]:
        """σ² (∂v/∂z)² φᵀ(Σ φφᵀ + λI)⁻¹φ at normalized coords."""
        features, slopes = self.features_at(coords)
        share = (features @ self.whitener.T).square().sum(dim=-1, keepdim=True)
        return self.noise_variance() * slopes.square() * share

    def features_at(self, coords: Float[Tensor, "*batch d"]) -> tuple[Float[Tensor, "*batch n"], Float[Tensor, "*batch c"]]:
        """φ, and the slope of the output activation for each channel, at normalized coords."""
        hidden = last_inputs(self.field, coords)
        features = torch.cat([hidden, torch.ones_like(hidden[..., :1])], dim=-1)
        raw = last_layer(self.field.network)[1](hidden)
        activate = output_activation(self.field.network)
        if activate is unchanged:
            return features, torch.ones_like(raw)
        slopes: Tensor = torch.func.vjp(activate, raw)[1](torch.ones_like(raw))[0]
        return features, slopes


def last_inputs(field: EncodedField, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
    """What the last layer of a field's network sees at normalized coords: the network with the unit matrix in its place."""
    name, layer = last_layer(field.network)
    bare = copy.copy(field.network)
    if hasattr(bare, "output_activation"):
        bare.output_activation, bare.activate_output = "none", unchanged  # type: ignore[assignment]
    unit = torch.eye(layer.in_features, dtype=coords.dtype, device=coords.device)
    instead: dict[str, Tensor] = {  # parameters, since networks ask their layers for some
        f"{name}.weight": nn.Parameter(unit, False),
        f"{name}.bias": nn.Parameter(unit.new_zeros(len(unit)), False),
    }
    seen: Tensor = torch.func.functional_call(bare, instead, (field.encoding(coords),))
    return seen


def output_activation(network: Network) -> Activation:
    """What a network does to the values of its last layer."""
    activate: Activation = getattr(network, "activate_output", unchanged)
    return activate


def last_layer(network: Network) -> tuple[str, nn.Linear]:
    """The last layer of a network and its name.

    Raises:
        InputError: it is not a linear one with biases.
    """
    layers = getattr(network, "layers", None)
    name, layer = ("last", getattr(network, "last", None))
    if isinstance(layers, nn.ModuleList) and len(layers):
        name, layer = f"layers.{len(layers) - 1}", layers[-1]
    if not isinstance(layer, nn.Linear) or layer.bias is None or layer.out_features != network.out_dim:
        raise InputError(
            f"{type(network).__name__} does not end in a linear layer over real features, which a Laplace approximation of "
            f"the last layer needs; take an ensemble"
        )
    return name, layer
