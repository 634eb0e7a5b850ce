import json

import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.asking import query
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.tiling import local_box
from ungrid.encodings.identity import Identity
from ungrid.errors import FormatError, InputError
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Record
from ungrid.fields.storage import load_field, save_field
from ungrid.fields.tiled import TiledField
from ungrid.networks.mlp import Mlp
from ungrid.testing.contracts import known_parts
from ungrid.testing.examples import wave_field
from ungrid.testing.mutations import join, take_apart

PIXELS = Box(("y", "x"), ((0.0, 60.0), (0.0, 80.0)), ("px", "px"))


def varied(counts=(3, 4), coarse=None, coarse_shape=(), box=PIXELS):
    """A tiled field whose tiles differ."""
    field = TiledField(box, wave_field(local_box(box.axes), 2, 0), counts, 0.1, coarse, coarse_shape)
    with torch.no_grad():
        for parameter in field.tile.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return field


def linear_tiles(box, counts):
    """A tiled field that is exactly linear over the whole box, although each of its tiles has its own offset."""
    tile = EncodedField(local_box(box.axes), Identity(box.dim), Mlp(box.dim, 1, 4, depth=0))
    field = TiledField(box, tile, counts, 0.2)
    names = dict(field.tile.named_parameters())
    weight = next(p for p in names.values() if p.shape[1:] == (1, box.dim))
    bias = next(p for p in names.values() if p.shape[1:] == (1,))
    with torch.no_grad():
        for flat in range(field.tiling.size):
            index = field.tiling.index(flat)
            weight[flat] = torch.tensor([[2.0 * (0.5 + field.overlap) for _ in index]])
            bias[flat] = 2.0 * sum(i + 0.5 for i in index)
    return field


def test_tiles_that_agree_make_one_smooth_function_across_seams():
    field = linear_tiles(PIXELS, (3, 4)).double()
    coords = torch.rand(400, 2, dtype=torch.float64) * torch.tensor([60.0, 80.0])
    expected = 2 * (coords / 20).sum(dim=-1, keepdim=True)
    assert_close(field(coords), expected, atol=1e-6, rtol=0)
    assert_close(ug.gradient(field, coords), torch.full((400, 1, 2), 0.1, dtype=torch.float64), atol=1e-6, rtol=0)
    assert ug.hessian(field, coords).abs().max() < 1e-6


def test_values_and_two_derivatives_are_continuous_across_seams_of_tiles_that_differ():
    field = varied().double()
    at = torch.tensor([[20.0, 33.0], [22.0, 40.0], [18.0, 20.0], [31.0, 58.0], [20.0, 20.0]], dtype=torch.float64)
    for ask in (field, lambda x: ug.gradient(field, x), lambda x: ug.hessian(field, x)):
        below, above = ask(at - 1e-7), ask(at + 1e-7)
        assert_close(below, above, atol=1e-4, rtol=0)


def test_a_grid_gives_what_its_points_give_with_and_without_chunks():
    field = varied(coarse=wave_field(PIXELS, 2, 3), coarse_shape=(6, 8))
    grid = Grid(PIXELS, (30, 41))
    points = field(grid.points())
    assert_close(field.on(grid), points, atol=1e-5, rtol=0)
    assert_close(field.sample(grid), points, atol=1e-5, rtol=0)
    assert_close(field.sample(grid, max_memory=5000), points, atol=1e-5, rtol=0)


def test_a_crop_of_a_drawing_equals_the_whole():
    field = varied()
    whole = Grid(PIXELS, (60, 80))
    for where in ((slice(20, 40), slice(20, 40)), (slice(7, 33), slice(55, 80))):
        assert_close(field.sample(whole.part(where)), field.sample(whole)[where], atol=2e-6, rtol=0)


def test_a_part_of_a_grid_asks_only_the_tiles_that_it_touches(monkeypatch):
    field, asked = varied((6, 8)), []
    monkeypatch.setattr(field, "numbers_of", lambda flat: asked.append(flat) or TiledField.numbers_of(field, flat))
    field.sample(Grid(PIXELS, (60, 80)).part((slice(12, 18), slice(22, 28))))
    assert asked == [8 + 2]
    asked.clear()
    field(torch.tensor([[5.0, 5.0], [55.0, 75.0], [5.5, 5.5]]))
    assert sorted(asked) == [0, 47]


def test_lists_keep_their_precision_in_long_signals():
    long = Box(("t",), ((0.0, 1e6),), ("s",))
    field = varied((1000,), box=long)
    places = [[999_990.0 + 0.001 * i] for i in range(4)]
    values = field(places)
    assert len(values.unique(dim=0)) == 4
    in_double = field.double()(torch.tensor(places, dtype=torch.float64))
    assert_close(values.double(), in_double, atol=1e-5, rtol=0)


def test_a_drawing_no_finer_than_the_coarse_field_asks_it_alone():
    coarse = wave_field(PIXELS, 2, 3)
    field = varied(coarse=coarse, coarse_shape=(6, 8))
    field.record = Record("image", (60, 80), ("r", "g"))
    assert field.seen_from(Grid(PIXELS, (6, 8))) is coarse
    assert field.seen_from(Grid(PIXELS, (3, 4))) is coarse
    assert field.seen_from(Grid(PIXELS, (3, 20))) is field
    assert coarse.grid().shape == (6, 8)


def test_the_coarse_field_is_frozen_and_the_tiles_are_fitted():
    field = varied(coarse=wave_field(PIXELS, 2, 3), coarse_shape=(6, 8))
    assert not any(p.requires_grad for p in field.coarse.parameters())
    assert all(p.requires_grad for p in field.tile.parameters())
    assert all(p.shape[0] == 12 for p in field.tile.parameters())


def test_a_file_of_halves_is_left_where_it_is_and_gives_the_same_values(tmp_path):
    field = varied(coarse=wave_field(PIXELS, 2, 3), coarse_shape=(6, 8))
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.copy_(parameter.half())
    field.record = Record("image", (60, 80), ("r", "g"), stored="float16")
    save_field(field, tmp_path / "a.ung", version="0")
    again = load_field(tmp_path / "a.ung", known_parts())
    assert {p.dtype for p in again.tile.parameters()} == {torch.float16}
    assert again.dtype == torch.float32
    grid = Grid(PIXELS, (30, 40))
    assert torch.equal(again.sample(grid), field.sample(grid))
    assert torch.equal(again(grid.points()), field(grid.points()))
    assert {p.dtype for p in again.train().parameters()} == {torch.float32}
    assert torch.equal(query(again, [[20.0, 20.0]]), field([[20.0, 20.0]]).detach())


def rewritten(path, change):
    description, tensors, data = take_apart(path.read_bytes())
    change(description, tensors)
    path.write_bytes(join(description, tensors, data))


@pytest.mark.parametrize(
    "change",
    [
        lambda description, tensors: description["spec"].update(counts=[3, 5]),
        lambda description, tensors: description["spec"].update(counts=[2**40, 2**40]),
        lambda description, tensors: description["spec"].update(counts=[2**22, 1]),
        lambda description, tensors: description["spec"].update(counts=[0, 4]),
        lambda description, tensors: description["spec"].update(counts=[12]),
        lambda description, tensors: description["spec"].update(overlap=0.9),
        lambda description, tensors: description["spec"].update(coarse_shape=[6, 8]),
        lambda description, tensors: description.update(n_params=1),
        lambda description, tensors: description["spec"]["tile"]["box"].update(bounds=[[0.0, 1.0], [0.0, 1.0]]),
        lambda description, tensors: description["spec"].update(tile=json.loads(json.dumps(description["spec"]))),
    ],
)
def test_a_file_whose_tiles_lie_is_refused(tmp_path, change):
    save_field(varied(), tmp_path / "a.ung", version="0")
    rewritten(tmp_path / "a.ung", change)
    with pytest.raises(FormatError):
        load_field(tmp_path / "a.ung", known_parts())


def test_numbers_that_are_not_finite_are_refused_when_they_are_read(tmp_path):
    field = varied()
    with torch.no_grad():
        next(field.tile.parameters())[5] = torch.nan
    save_field(field, tmp_path / "a.ung", version="0")
    again = load_field(tmp_path / "a.ung", known_parts())
    assert again([[5.0, 5.0]]).isfinite().all()
    with pytest.raises(FormatError, match="tile 5 holds values that are not finite"):
        again([[30.0, 30.0]])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TiledField(PIXELS, wave_field(PIXELS, 2, 0), (2, 2), 0.1), "a tile lives in a box of"),
        (lambda: TiledField(PIXELS, varied(box=local_box(("y", "x"))), (2, 2), 0.1), "tiled themselves"),
        (lambda: varied(coarse=wave_field(PIXELS, 1, 0), coarse_shape=(3, 4)), "has 1 channels"),
        (lambda: varied(coarse=wave_field(PIXELS, 2, 0)), "coarse_shape is"),
        (lambda: varied(coarse_shape=(3, 4)), "there is no coarse field"),
        (lambda: varied(coarse=wave_field(PIXELS.crop({"x": (0.0, 9.0)}), 2, 0), coarse_shape=(3, 4)), "does not hold"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()
