"""Many small fields of one structure as one: each step of a fit then costs one call for all of them, and not one for each."""

import copy
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.errors import InputError
from ungrid.fields.base import CoordsLike, Field
from ungrid.fields.encoded import EncodedField
from ungrid.kernels.grid import encode
from ungrid.kernels.grid_native import dense_layout
from ungrid.kernels.mlp import fused_mlp
from ungrid.networks.initialize import parameters_of
from ungrid.networks.mlp import Mlp

Scales = Sequence[tuple[float, float]]


class StackedField(Field):
    """Fields of one structure, all asked at the same coords: values [*, members, c]. For fitting; `member` gives each apart.

    The members share nothing but the coords: a grid's cell is found once and its nodes read for all of them side by side, and
    the networks are one call of grouped products. What one member holds, not a number say, never reaches another.

    Args:
        template: a dense grid and a plain network, whose weights every member begins from.
        scales: (factor, offset) of each member's values, which take the network's range to its signal's.

    Shape: coords [*, d] in the units of the template's box → values [*, members, c]; the first axis of every parameter is that of
        the members.
    Raises: InputError: a template of other parts, or no members.
    """

    def __init__(self, template: Field, scales: Scales):
        super().__init__()
        encoding, network = check_stackable(template)
        if not scales:
            raise InputError("a stack of fields needs at least one member")
        self._template = [template]  # in a list: its parameters are none of the stack's
        self.box, self.out_dim, self.recipe = template.box, template.out_dim, template.recipe
        self.n_members = len(scales)
        self.levels = _repeated(encoding.levels, self.n_members)
        weights, biases = parameters_of(network.layers)
        self.weights, self.biases = _repeated(weights, self.n_members), _repeated(biases, self.n_members)
        pairs = torch.tensor(scales, dtype=self.weights[0].dtype)
        self.register_buffer("value_scale", pairs[:, 0, None])
        self.register_buffer("value_offset", pairs[:, 1, None])
        self.layout = dense_layout(encoding.resolutions, encoding.n_features_per_level * self.n_members, encoding.interpolation)

    value_scale: Tensor
    value_offset: Tensor

    @property
    def template(self) -> EncodedField:
        """The structure of every member."""
        template = self._template[0]
        assert isinstance(template, EncodedField)
        return template

    def forward(self, coords: CoordsLike, inputs: Mapping[str, Tensor] | None = None) -> Float[Tensor, "*batch members c"]:
        """Values of all members at coords in the units of the template's box."""
        return self.values_at(self.box.normalize(self.as_coords(coords)), inputs)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch members c"]:
        """Values of all members at normalized coords."""
        encoding, network = check_stackable(self.template)
        points = coords.reshape(-1, coords.shape[-1])
        n, n_levels = len(points), len(encoding.resolutions)
        tables = [table.movedim(0, -2).flatten(-2) for table in self.levels]  # [*nodes, members · F]
        features = encode(points, tables, self.layout, encoding.reference)
        grouped = features.reshape(n, n_levels, self.n_members, encoding.n_features_per_level).permute(2, 0, 1, 3)
        values = self._network(grouped.reshape(self.n_members, n, encoding.out_dim), network)
        own = values.movedim(0, 1) * self.value_scale + self.value_offset
        return own.reshape(*coords.shape[:-1], self.n_members, self.out_dim)

    def member(self, index: int, box: Box | None = None) -> EncodedField:
        """One field apart, with copies of its weights, on a box of its own or the template's."""
        field = copy.deepcopy(self.template)
        field.box = field.box if box is None else box
        field.value_scale, field.value_offset = (float(self.value_scale[index]),), (float(self.value_offset[index]),)
        encoding, network = check_stackable(field)
        weights, biases = parameters_of(network.layers)
        own = [*encoding.levels, *weights, *biases]
        with torch.no_grad():
            for parameter, stacked in zip(own, self.parameters(), strict=True):
                parameter.copy_(stacked[index])
        return field

    def width_sum(self) -> int:
        """Floats that one point needs on its way: those of every member."""
        return self.n_members * (self.template.width_sum() + self.out_dim)

    def _network(self, features: Float[Tensor, "members n f"], network: Mlp) -> Float[Tensor, "members n c"]:
        """Every member's network on its own features: grouped kernels on a CPU, batched products elsewhere."""
        n = features.shape[1]
        if n and features.is_cpu and features.dtype == torch.float32:
            values = fused_mlp(
                features.flatten(0, 1),
                list(self.weights),
                list(self.biases),
                activation=network.activation,
                output_activation=network.output_activation,
                offsets=torch.arange(0, self.n_members * n + 1, n),
            )
            return values.reshape(self.n_members, n, -1)
        *hidden, last = [(weight.mT, bias[:, None]) for weight, bias in zip(self.weights, self.biases, strict=True)]
        values = features
        for weight, bias in hidden:
            values = network.activate(torch.baddbmm(bias, values, weight))
        values = network.activate_output(torch.baddbmm(last[1], values, last[0]))
        return values


def check_stackable(field: Field) -> tuple[DenseGrid, Mlp]:
    """The parts of a field that can be stacked.

    Raises:
        InputError: it is no dense grid with a network without skips.
    """
    if isinstance(field, EncodedField):
        encoding, network = field.encoding, field.network
        if isinstance(encoding, DenseGrid) and isinstance(network, Mlp) and not network.skips:
            return encoding, network
    raise InputError(f"only a dense grid with a network without skips can be stacked; got {type(field).__name__}")


def _repeated(parameters: Sequence[Tensor] | nn.ParameterList, n: int) -> nn.ParameterList:
    """Each parameter once for every member [members, …]."""
    return nn.ParameterList(nn.Parameter(p.detach().expand(n, *p.shape).clone()) for p in parameters)
