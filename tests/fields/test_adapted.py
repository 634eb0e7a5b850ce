import pytest
import torch
from torch import nn
from torch.testing import assert_close

import ungrid as ug
from ungrid.differentiate import gradient
from ungrid.domain.grid import Grid
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.fields.adapted import AdaptedField
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Record
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.tasks.represent import represent
from ungrid.testing.toys import tiny_picture

PICTURE = tiny_picture(16, 16)
BOX = PICTURE.box
X = torch.tensor([[3.0, 4.0], [7.5, 0.25]])


def a_field(width=12, depth=3):
    return EncodedField(BOX, Identity(2), Siren(2, 3, width, depth=depth, first_omega=5.0))


def moved(field, seed=1):
    """With B away from zero."""
    rng = torch.Generator().manual_seed(seed)
    for up in field.ups:
        up.data.copy_(0.1 * torch.randn(up.shape, generator=rng))
    return field


def test_a_field_starts_as_it_was():
    field = a_field()
    before, grid = field(X).detach(), Grid(BOX, (4, 5))
    adapted = AdaptedField(field, 2)
    assert torch.equal(adapted(X), before)
    assert torch.equal(adapted.on(grid), field.on(grid))


def test_values_are_those_of_matrices_moved_by_the_products():
    field = a_field()
    adapted = moved(AdaptedField(field, 3, alpha=4.5))
    first, *hidden, last = field.network.layers
    weights = [layer.weight + 1.5 * up @ down for layer, up, down in zip(hidden, adapted.ups, adapted.downs, strict=True)]
    values = torch.sin(5 * (BOX.normalize(X) @ first.weight.T + first.bias))
    for weight, layer in zip(weights, hidden, strict=True):
        values = torch.sin(30 * (values @ weight.T + layer.bias))
    assert_close(adapted(X), values @ last.weight.T + last.bias)


def test_only_matrices_larger_than_their_adapter_are_adapted():
    # 12 × 12 has 144 numbers and an adapter of rank 3 has 72; the first layer has 24 against 42, the last 36 against 45
    adapted = AdaptedField(a_field(), 3)
    assert adapted.names == ("network.layers.1.weight", "network.layers.2.weight")
    assert [tuple(down.shape) for down in adapted.downs] == [(3, 12)] * 2
    assert sum(p.numel() for p in adapted.parameters() if p.requires_grad) == 2 * 72
    assert AdaptedField(a_field(), 1).names[0] == "network.layers.0.weight"


def test_matrices_start_as_in_the_authors_code():
    wide = AdaptedField(a_field(width=256, depth=2), 8)
    reference = nn.init.kaiming_uniform_(torch.empty(8, 256), a=5**0.5, generator=torch.Generator().manual_seed(0))
    (down,), (up,) = wide.downs, wide.ups
    assert float(down.detach().abs().max()) <= 1 / 16
    assert_close(down.detach().std(), reference.std(), rtol=0.05, atol=0)
    assert not up.any()


def test_a_fit_moves_the_adapters_alone():
    field = a_field()
    before = {name: tensor.clone() for name, tensor in field.state_dict().items()}
    adapted = ug.fit(AdaptedField(field, 2), represent(PICTURE), steps=3, callbacks=[])
    assert all(torch.equal(tensor, before[name]) for name, tensor in field.state_dict().items())
    assert all(up.any() for up in adapted.ups)


def test_a_merged_field_is_of_the_plain_kind_with_the_same_values(tmp_path):
    adapted = moved(AdaptedField(a_field(), 2))
    merged = adapted.merged()
    assert type(merged) is EncodedField
    assert_close(merged(X), adapted(X))
    assert_close(gradient(merged, X), gradient(adapted, X))
    assert all(parameter.requires_grad for parameter in merged.parameters())
    assert merged.n_params == adapted.field.n_params
    adapted.save(tmp_path / "a.ung")
    assert_close(ug.load(tmp_path / "a.ung").merged()(X), merged(X))


def test_an_adapter_of_a_grid_field_adapts_its_network():
    grid = DenseGrid(2, ((4, 4),), 4)
    adapted = moved(AdaptedField(EncodedField(BOX, grid, Mlp(4, 3, 16, depth=2)), 1))
    assert all(name.startswith("network.") for name in adapted.names)
    drawn = Grid(BOX, (5, 6))
    assert_close(adapted.on(drawn), adapted(drawn.points()))


def test_an_adapter_of_double_precision_is_double():
    assert AdaptedField(a_field().double(), 2)(X.double()).dtype == torch.float64


def test_half_digits_are_too_few_for_adapters():
    field = a_field()
    field.record = Record("image", (16, 16), ("r", "g", "b"), stored="float16")
    adapted = AdaptedField(field, 2)
    assert adapted.record == Record("image", (16, 16), ("r", "g", "b"), stored="float32")
    assert field.record.stored == "float16"


def test_fields_without_large_matrices_and_wrong_numbers_are_refused():
    with pytest.raises(InputError, match="no linear layer with more numbers than an adapter of rank 4"):
        AdaptedField(a_field(width=3))
    with pytest.raises(InputError, match="rank is 0, expected an integer from 1"):
        AdaptedField(a_field(), 0)
    with pytest.raises(InputError, match=r"alpha is 0\.0"):
        AdaptedField(a_field(), 2, alpha=0.0)
