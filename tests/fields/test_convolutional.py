import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.fields.convolutional import MOST_POINTS, ConvolutionalField
from ungrid.fields.record import Recipe
from ungrid.fields.storage import load_field, save_field
from ungrid.networks.convolutional import ConvolutionalNetwork
from ungrid.papers import keys_of
from ungrid.tasks.represent import represent
from ungrid.testing.contracts import known_parts
from ungrid.testing.toys import pixel_box, tiny_picture, unit_box

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "convolutional.json").read_text())["field"]
SHAPES = {1: (23,), 2: (12, 16), 3: (7, 6, 9)}
BRANCHES = ("full", "lines", "point", "identity")


def a_field(box=None, shape=(12, 16), *, encoding=None, branches=BRANCHES, depth=2, out_dim=2, **arguments):
    box = box or pixel_box(*shape)
    encoding = encoding or Identity(box.dim)
    network = ConvolutionalNetwork(box.dim, encoding.out_dim, out_dim, 5, depth=depth, branches=branches, **arguments)
    return ConvolutionalField(box, shape, encoding, network, (2.0,), (0.25,))


def blocks(grid):
    """Blocks of a grid inside, at each end, of one cell, and the whole."""
    for cut in [(0, None), (2, 5), (0, 3), (-2, None), (3, 4)]:
        yield tuple(slice(*slice(*cut).indices(n)[:2]) for n in grid.shape)


def test_a_tiny_field_is_the_formula_computed_apart():
    box = pixel_box(*GOLDEN["shape"])
    network = ConvolutionalNetwork(2, 2, 2, 3, depth=2, branches=tuple(GOLDEN["branches"]))
    field = ConvolutionalField(box, tuple(GOLDEN["shape"]), Identity(2), network, (2.0,), (0.25,)).double().train()
    given = [*[weights for layer in GOLDEN["layers"] for weights in layer], GOLDEN["last"]]
    with torch.no_grad():
        for branch, weights in zip([*[b for layer in network.layers for b in layer], network.last], given, strict=True):
            for name, parameter in branch.named_parameters():
                parameter.copy_(torch.tensor(weights[name], dtype=torch.float64))
    places = torch.tensor(GOLDEN["places"], dtype=torch.float64) + 0.5  # sample 0 lies half a pixel inside
    expected = torch.tensor(GOLDEN["between"], dtype=torch.float64)
    for settled in (field, field.eval(), field.fold()):
        assert_close(
            settled.on(Grid(box, box_shape(box))), torch.tensor(GOLDEN["values"], dtype=torch.float64), atol=1e-10, rtol=0
        )
        assert_close(settled(places), expected, atol=1e-10, rtol=0)


def box_shape(box):
    return tuple(round(extent) for extent in box.extent)


@pytest.mark.parametrize("in_dim", [1, 2, 3])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_block_of_the_own_grid_is_the_block_of_the_whole(in_dim, training, normalize):
    field = a_field(unit_box(in_dim), SHAPES[in_dim], normalize=normalize).double().train(training)
    grid = Grid(field.box, field.shape)
    whole = field.on(grid)
    for where in blocks(grid):
        assert_close(field.on(grid.part(where)), whole[where], rtol=0, atol=1e-12)


@pytest.mark.parametrize("in_dim", [1, 2, 3])
@pytest.mark.parametrize("training", [False, True])
def test_any_grid_and_any_chunks_give_the_values_of_its_points(in_dim, training):
    field = a_field(unit_box(in_dim), SHAPES[in_dim]).double().train(training)
    own = Grid(field.box, field.shape)
    finer = Grid(field.box, tuple(2 * n + axis for axis, n in enumerate(field.shape)))
    coarser = Grid(field.box, (3, 2, 4)[:in_dim])
    for grid in (own, finer, coarser, finer.part(tuple(slice(1, 4) for _ in field.shape))):
        expected = field(grid.points(dtype=torch.float64)).detach()
        assert_close(field.on(grid), expected, rtol=0, atol=1e-10)
        for max_memory in (None, 40 * field.bytes_per_point()):
            assert_close(field.sample(grid, max_memory=max_memory), expected, rtol=0, atol=1e-10)


def test_a_block_evaluates_no_more_than_its_reach_around_it(monkeypatch):
    field = a_field(shape=(60, 50))
    seen = []
    through = ConvolutionalNetwork.forward
    monkeypatch.setattr(ConvolutionalNetwork, "forward", lambda self, f: seen.append(tuple(f.shape[:2])) or through(self, f))
    grid = Grid(field.box, field.shape)
    field.on(grid.part((slice(20, 24), slice(0, 10))))
    assert seen == [(4 + 2 * 3, 10 + 3)]
    assert field.chunk_points() == 16_384
    assert field.chunk_points(10 * field.bytes_per_point()) == 10
    assert a_field(shape=(2000, 1000)).chunk_points() == MOST_POINTS


@pytest.mark.parametrize("encoding", [Identity(2), FourierFeatures(2, 4), DenseGrid(2, ((3, 4),), 3, init_scale=1.0)])
def test_a_folded_field_is_the_same_field_with_fewer_parameters(encoding, tmp_path):
    field = a_field(encoding=encoding)
    field.recipe = Recipe(order="tiles")
    folded = field.fold()
    coords = field.box.denormalize(2 * torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) - 1)
    assert_close(folded(coords), field(coords), rtol=1e-5, atol=1e-5)
    grid = Grid(field.box, field.shape)
    assert_close(folded.on(grid), field.on(grid), rtol=1e-5, atol=1e-5)
    assert folded.n_params < field.n_params
    assert folded.recipe == field.recipe
    assert all(parameter.requires_grad for parameter in folded.parameters())
    save_field(folded, tmp_path / "folded.ung", version="0")
    assert torch.equal(load_field(tmp_path / "folded.ung", known_parts(field))(coords), folded(coords))


def test_folding_in_the_middle_of_training_takes_the_statistics_of_the_weights_as_they_are():
    field = a_field().train()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.mul_(1.5)
    grid = Grid(field.box, field.shape)
    assert_close(field.fold().on(grid), field.on(grid), rtol=1e-5, atol=1e-5)
    assert field.training


def test_leaving_training_changes_no_value_and_entering_it_none():
    field = a_field().train()
    grid = Grid(field.box, field.shape)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.1)
    training = field.on(grid)
    assert_close(field.eval().on(grid), training, rtol=1e-5, atol=1e-5)
    assert_close(field.train().on(grid), training, rtol=0, atol=0)


def test_a_fit_measures_what_its_file_gives(tmp_path):
    picture = tiny_picture()
    field = a_field(out_dim=3)
    field.recipe = Recipe(learning_rate=3e-3, steps=60, order="tiles")
    problem = represent(picture, order="tiles")
    before = problem.judge.quality(field)["psnr"]
    fitted = ug.fit(field, problem, callbacks=[])
    psnr = fitted.metrics["quality"]["psnr"]
    assert psnr > before + 5
    fitted.save(tmp_path / "picture.ung")
    loaded = ug.load(tmp_path / "picture.ung")
    assert problem.judge.quality(loaded)["psnr"] == pytest.approx(psnr, abs=1e-6)
    assert problem.judge.quality(loaded.fold())["psnr"] == pytest.approx(psnr, abs=1e-3)
    assert fitted.train() is fitted
    assert problem.judge.quality(fitted)["psnr"] == pytest.approx(psnr, abs=1e-3)


def test_the_same_seed_fits_the_same_bits():
    def fitted():
        field = a_field(out_dim=3)
        field.recipe = Recipe(learning_rate=3e-3, steps=5, order="tiles")
        return ug.fit(field, represent(tiny_picture(), order="tiles"), callbacks=[]).state_dict()

    assert all(map(torch.equal, fitted().values(), fitted().values()))


def test_another_shape_with_the_same_parts_is_another_function():
    field = a_field()
    finer = ConvolutionalField(field.box, (24, 32), field.encoding, field.network, field.value_scale, field.value_offset)
    coords = torch.tensor([[6.0, 8.0]])
    assert not torch.allclose(finer(coords), field(coords), atol=1e-3)


def test_derivatives_by_the_coords_exist_and_values_are_once_continuously_differentiable():
    field = a_field(branches=("full",)).double()
    coords = torch.tensor([[3.2, 5.7]], dtype=torch.float64)
    step = 1e-5
    ahead, behind = (field(coords + torch.tensor([s, 0.0], dtype=torch.float64)) for s in (step, -step))
    assert_close(ug.jacobian(field, coords)[0, :, 0], (ahead - behind)[0] / (2 * step), rtol=1e-5, atol=1e-8)
    assert field.smoothness == 1.0


def test_a_field_cites_the_paper():
    assert keys_of(a_field()) == {"cai2024convinr"}


@pytest.mark.parametrize(
    ("box", "shape", "encoding", "network"),
    [
        (pixel_box(), (12,), Identity(2), (2, 2)),
        (pixel_box(), (12, 16), Identity(3), (2, 3)),
        (pixel_box(), (12, 16), Identity(2), (3, 2)),
        (pixel_box(), (12, 16), Identity(2), (2, 3)),
        (unit_box(4), (2, 2, 2, 2), Identity(4), (3, 4)),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(box, shape, encoding, network):
    with pytest.raises(InputError, match="parts do not fit: box of"):
        ConvolutionalField(box, shape, encoding, ConvolutionalNetwork(*network, 1, 4, depth=1))


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2**20, 2**20), (True, 4)])
def test_shapes_out_of_range_are_refused(shape):
    with pytest.raises(InputError, match=r"shape|number of samples"):
        ConvolutionalField(pixel_box(), shape, Identity(2), ConvolutionalNetwork(2, 2, 1, 4, depth=1))


@pytest.mark.parametrize("wrong", [{"value_scale": (1.0, 2.0)}, {"value_offset": ()}])
def test_one_number_for_each_channel_or_for_all(wrong):
    with pytest.raises(InputError, match=r"value_\w+ has \d entries; expected 1 or 3"):
        ConvolutionalField(pixel_box(), (12, 16), Identity(2), ConvolutionalNetwork(2, 2, 3, 4, depth=1), **wrong)
