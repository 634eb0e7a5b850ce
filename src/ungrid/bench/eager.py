"""A field as one would first write it: every layer a plain operation on all points at once. The reference of all timings."""

from collections.abc import Callable

from torch import Tensor

from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.hash_grid import HashGrid
from ungrid.fields.encoded import EncodedField
from ungrid.kernels.mlp import reference_mlp
from ungrid.networks.initialize import parameters_of
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren


def eager(field: EncodedField) -> Callable[[Tensor], Tensor]:
    """Values [n, c] of a field with one scale for all channels at normalized coords [n, d], by plain PyTorch operations."""
    encoding, network = field.encoding, field.network
    assert isinstance(network, Mlp | Siren)
    assert len(field.value_scale) == len(field.value_offset) == 1
    scale, offset = field.value_scale[0], field.value_offset[0]
    weights, biases = parameters_of(network.layers)
    activation = "sine" if isinstance(network, Siren) else network.activation
    omegas = network.layer_omegas if isinstance(network, Siren) else ()

    def values(coords: Tensor) -> Tensor:
        if isinstance(encoding, HashGrid | DenseGrid):
            features = encoding.reference(coords, tuple(encoding.levels))
        else:
            features = encoding(coords)
        return reference_mlp(features, weights, biases, activation=activation, omegas=omegas) * scale + offset

    return values
