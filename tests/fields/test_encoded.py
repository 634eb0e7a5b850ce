import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.identity import Identity
from ungrid.encodings.split_axis import SplitAxis
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.testing.toys import pixel_box, unit_box


def test_values_are_scale_times_network_of_encoding_plus_offset():
    box, encoding = pixel_box(4, 8), DenseGrid(2, ((3, 3),), init_scale=1.0)
    network = Mlp(2, 3, 5, depth=1)
    field = EncodedField(box, encoding, network, (2.0, 3.0, 4.0), (0.1, 0.2, 0.3))
    coords = torch.tensor([[1.0, 2.0], [3.5, 7.0]])
    normalized = torch.tensor([[-0.5, -0.5], [0.75, 0.75]])
    expected = network(encoding(normalized)) * torch.tensor([2.0, 3.0, 4.0]) + torch.tensor([0.1, 0.2, 0.3])
    assert_close(field(coords), expected)
    one_for_all = EncodedField(box, encoding, network, (2.0,), (1.0,))
    assert_close(one_for_all(coords), 2 * network(encoding(normalized)) + 1)


@pytest.mark.parametrize(
    ("encoding", "network"),
    [(Identity(3), Siren(3, 1, 4)), (Identity(2), Siren(3, 1, 4)), (DenseGrid(2, ((2, 2),)), Siren(3, 1, 4))],
)
def test_parts_that_do_not_fit_together_are_refused(encoding, network):
    with pytest.raises(InputError, match="parts do not fit: box of 2 axes"):
        EncodedField(pixel_box(), encoding, network)


@pytest.mark.parametrize("wrong", [{"value_scale": (1.0, 2.0)}, {"value_offset": ()}])
def test_one_number_for_each_channel_or_for_all(wrong):
    with pytest.raises(InputError, match=r"value_\w+ has \d entries; expected 1 or 3"):
        EncodedField(pixel_box(), Identity(2), Siren(2, 3, 4), **wrong)


def test_a_grid_of_another_box_with_the_same_axes_is_seen_in_the_fields_own_units():
    field = EncodedField(unit_box(2), Identity(2), Siren(2, 1, 4)).double()
    grid = Grid(field.box, (9, 7)).crop({"y": (0.0, 2.0)})
    assert_close(field.on(grid), field(grid.points(dtype=torch.float64)))


def test_a_long_grid_keeps_distinct_normalized_coordinates_in_float32():
    seen = []
    field = EncodedField(pixel_box(1, 1_000_000), Identity(2), Siren(2, 1, 4))
    field.encoding.on_axes = lambda axes: seen.extend(axes) or torch.zeros(*(len(axis) for axis in axes), 2)
    with torch.no_grad():
        field.on(Grid(field.box, (1, 1_000_000)))
    assert bool((seen[1][1:] > seen[1][:-1]).all())


def test_chunks_are_larger_where_a_chunks_axes_are_encoded_by_themselves():
    plain = EncodedField(pixel_box(), Identity(2), Siren(2, 1, 256, depth=4))
    split = EncodedField(pixel_box(), SplitAxis(2, 256, depth=1), Siren(256, 1, 256, depth=3))
    assert split.chunk_points() == 4 * plain.chunk_points() == 65_536
    assert split.chunk_points(10 * split.bytes_per_point()) == 10
