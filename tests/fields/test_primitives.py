import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.primitives import GaussianMixture
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.presets.compact import gaussian_image
from ungrid.tasks.represent import represent
from ungrid.testing.toys import pixel_box, tiny_picture, unit_box

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "primitives.json").read_text())


def tensor(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def psnr(field, signal):
    error = field.on(signal.grid).detach() - signal.values
    return float(-10 * error.square().mean().log10())


@pytest.mark.parametrize("golden", GOLDEN, ids=["1-D", "2-D", "3-D"])
def test_values_are_the_formula_with_the_covariance_inverted(golden):
    shape = tuple(golden["shape"])
    field = GaussianMixture(unit_box(len(shape)), 2, 4, shape=shape).double()
    for name in ("positions", "factors", "weights"):
        getattr(field, name).data.copy_(tensor(golden[name]))
    assert_close(field.values_at(tensor(golden["points"])), tensor(golden["values"]), atol=1e-6, rtol=0)


def test_a_start_by_chance_is_that_of_the_authors():
    field = GaussianMixture(pixel_box(64, 96), 3, 20_000)
    centers, factors, weights = field.gaussians()
    assert_close(centers.mean(dim=0), torch.tensor([32.0, 48.0]), rtol=0.02, atol=0)
    assert bool(((centers > 0) & (centers < torch.tensor([64.0, 96.0]))).all())
    low, high = factors.amin(dim=0), factors.amax(dim=0)
    assert_close(low, torch.tensor([0.5, 0.0, 0.5]), atol=1e-3, rtol=0)
    assert_close(high, torch.tensor([1.5, 1.0, 1.5]), atol=1e-3, rtol=0)
    assert 0 <= float(weights.detach().min()) < float(weights.detach().max()) < 1


def test_a_gaussian_of_a_picture_has_eight_parameters():
    assert GaussianMixture(pixel_box(), 3, 10).n_params == 80


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_unit_of_a_factor_is_a_sample_whatever_the_boxs_unit(dim):
    shape = (6, 4, 5)[:dim]
    metric, plain = unit_box(dim), Box(("z", "y", "x")[:dim], tuple((0.0, float(n)) for n in shape))
    fields = [GaussianMixture(box, 2, 8, shape=shape, seed=3) for box in (metric, plain)]
    assert fields[1].samples == GaussianMixture(plain, 2, 8).samples
    unit = torch.rand(9, dim) * 2 - 1
    assert_close(*(field(field.box.denormalize(unit)) for field in fields), atol=1e-5, rtol=0)


def test_a_grid_in_another_box_is_a_part_of_the_whole():
    field = GaussianMixture(pixel_box(24, 40), 3, 60)
    grid = Grid(field.box, (24, 40))
    part = grid.part((slice(5, 17), slice(0, 33)))
    assert_close(field.on(part), field.on(grid)[5:17, 0:33], atol=1e-5, rtol=0)


def test_its_derivatives_are_those_of_a_bell():
    field = GaussianMixture(pixel_box(8, 8), 1, 1).double()
    field.positions.data.zero_()
    field.factors.data.copy_(tensor([[1.5, 0.0, 0.5]]))  # deviations of 2 and 1 pixel
    field.weights.data.fill_(3.0)
    hessian = torch.func.hessian(lambda x: field(x)[0])(tensor([4.0, 4.0]))
    assert_close(hessian, tensor([[-3.0 / 4, 0.0], [0.0, -3.0]]))
    assert field.smoothness == math.inf


def test_a_start_from_a_signal_is_near_it_and_goes_where_it_changes():
    signal = tiny_picture(48, 64)
    field = GaussianMixture(signal.grid.box, 3, 400)
    before = psnr(field, signal)
    field.start_from(signal.values)
    assert psnr(field, signal) > max(15.0, before + 5)
    edge = torch.zeros(48, 64, 3)
    edge[:, 32:] = 1
    field.start_from(edge, uniform=0.2)
    near = (field.gaussians().centers[:, 1] - 32).abs() < 2
    assert 0.75 < float(near.float().mean()) < 0.9


def test_the_same_seed_starts_at_the_same_place():
    signal, starts = tiny_picture(12, 16), []
    for seed in (0, 0, 1):
        field = GaussianMixture(signal.grid.box, 3, 30)
        field.start_from(signal.values, seed=seed)
        starts.append(field.positions.detach())
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("level", [0.0, 0.7])
def test_a_flat_signal_is_started_from_too(dim, level):
    shape = (9, 7, 5)[:dim]
    field = GaussianMixture(unit_box(dim), 1, 50, shape=shape)
    field.start_from(torch.full((*shape, 1), level))
    assert all(bool(torch.isfinite(parameter).all()) for parameter in field.parameters())


def test_gaussians_fit_a_picture():
    signal = tiny_picture(32, 40)
    field = gaussian_image(signal.grid.box, 3, n_gaussians=80)
    recipe = dataclasses.replace(field.recipe, learning_rate=1e-2)
    field.start_from(signal.values)
    before = psnr(field, signal)
    problem = represent(signal, order="tiles", heldout=0.0)
    run(FitState(field, problem, recipe, 0), Budget(60))
    assert psnr(field, signal) > max(26.0, before + 5)


@pytest.mark.parametrize(
    "wrong",
    [{"n_gaussians": 0}, {"n_gaussians": 2**30}, {"out_dim": 0}, {"shape": (3,)}, {"shape": (0, 4)}, {"box": unit_box(4)}],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        GaussianMixture(**{"box": unit_box(2), "out_dim": 1, "n_gaussians": 3, **wrong})


@pytest.mark.parametrize(("shape", "uniform"), [((3, 5, 1), 0.3), ((3, 4, 2), 0.3), ((3, 4, 1), 1.5)])
def test_a_start_from_what_does_not_fit_is_refused(shape, uniform):
    with pytest.raises(InputError, match="expected"):
        GaussianMixture(unit_box(2), 1, 3, shape=(3, 4)).start_from(torch.zeros(shape), uniform=uniform)
