import copy
import threading

import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.sampling import Batch
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.kernels.native_library import library, torch_only
from ungrid.measurements.values import PointValues
from ungrid.presets.published import dense_grid, hash_grid, siren
from ungrid.tasks.represent import represent
from ungrid.terms.misfit import Misfit
from ungrid.terms.regression import absolute_error
from ungrid.testing.toys import tiny_picture

needs_library = pytest.mark.skipif(library() is None, reason="no native kernels here")
BUILDERS = {"dense": dense_grid, "hash": hash_grid}


def a_field(build, dim, out_dim=3, seed=0):
    box = Box(("t", "z", "y", "x")[-dim:], ((-3.0, 17.0),) * dim)
    options = {"shape": (12,) * dim} if build is dense_grid else {"n_levels": 3, "log2_hashmap_size": 10}
    field = build(box, out_dim, seed=seed, **options)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=rng))
    return field


def a_batch(field, n=700, seed=1):
    rng = torch.Generator().manual_seed(seed)
    coords = torch.rand(n, field.in_dim, generator=rng) * 22 - 4  # some beyond the box
    return coords, torch.rand(n, field.out_dim, generator=rng)


def by_autograd(field, coords, targets, factor):
    field.zero_grad()
    loss = factor * (field(coords) - targets).square().mean()
    loss.backward()
    return float(loss.detach()), [parameter.grad.clone() for parameter in field.parameters()]


@needs_library
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("n", [1, 255, 700])
@pytest.mark.parametrize(("name", "dim"), [("dense", 1), ("dense", 2), ("dense", 3), ("hash", 2), ("hash", 3)])
def test_a_step_in_one_call_leaves_the_gradients_of_autograd(name, dim, n, threads):
    field = a_field(BUILDERS[name], dim)
    coords, targets = a_batch(field, n)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        expected, gradients = by_autograd(field, coords, targets, 0.7)
        field.zero_grad()
        loss = field.add_squared_error(coords, targets, 0.7)
    finally:
        torch.set_num_threads(before)
    assert loss == pytest.approx(expected, rel=1e-5)
    for parameter, gradient in zip(field.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=2e-6 * float(gradient.abs().max()) + 1e-12)


@needs_library
def test_gradients_are_added_to_those_that_are_there():
    field = a_field(dense_grid, 2)
    coords, targets = a_batch(field)
    field.add_squared_error(coords, targets, 1.0)
    once = [parameter.grad.clone() for parameter in field.parameters()]
    field.add_squared_error(coords, targets, 1.0)
    for parameter, gradient in zip(field.parameters(), once, strict=True):
        torch.testing.assert_close(parameter.grad, 2 * gradient)


@needs_library
def test_two_threads_have_memory_of_their_own():
    fields = [a_field(dense_grid, 2, seed=seed) for seed in (0, 1)]
    batches = [a_batch(field, seed=seed) for seed, field in enumerate(fields)]
    expected = [by_autograd(field, *batch, 1.0)[0] for field, batch in zip(fields, batches, strict=True)]
    losses = [[], []]

    def work(which):
        for _ in range(40):
            losses[which].append(fields[which].add_squared_error(*batches[which], 1.0))

    threads = [threading.Thread(target=work, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found, loss in zip(losses, expected, strict=True):
        assert found == pytest.approx([loss] * 40, rel=1e-5)


@needs_library
def test_what_needs_autograd_is_left_to_it():
    field = a_field(dense_grid, 2)
    coords, targets = a_batch(field)
    assert field.add_squared_error(coords.clone().requires_grad_(), targets, 1.0) is None
    assert field.add_squared_error(coords, targets[:, :1], 1.0) is None
    assert field.double().add_squared_error(coords.double(), targets.double(), 1.0) is None
    frozen = a_field(dense_grid, 2)
    next(frozen.parameters()).requires_grad_(False)
    assert frozen.add_squared_error(coords, targets, 1.0) is None
    with torch_only():
        assert a_field(dense_grid, 2).add_squared_error(coords, targets, 1.0) is None
    with torch.no_grad():
        assert a_field(dense_grid, 2).add_squared_error(coords, targets, 1.0) is None
    assert siren(field.box, 3, width=8, depth=1).add_squared_error(coords, targets, 1.0) is None
    assert all(parameter.grad is None for parameter in (*field.parameters(), *frozen.parameters()))


@needs_library
def test_other_losses_and_some_channels_are_left_to_autograd():
    field = a_field(dense_grid, 2)
    batch, sampler = Batch(*a_batch(field)), represent(tiny_picture()).terms[0].sampler
    assert Misfit(PointValues(), sampler).accumulate(field, batch, 1.0) is not None
    assert Misfit(PointValues(), sampler, absolute_error).accumulate(field, batch, 1.0) is None
    assert Misfit(PointValues((0,)), sampler).accumulate(field, batch, 1.0) is None


@needs_library
def test_a_fit_takes_the_same_way_with_and_without_it():
    picture = tiny_picture()
    field = dense_grid(picture.box, picture.out_dim, shape=picture.grid.shape)
    ways = []
    for in_one in (True, False):
        own = copy.deepcopy(field)
        problem = represent(picture)
        if not in_one:
            problem.terms[0].accumulate = lambda *_: None
        run(FitState(own, problem, own.recipe, 0), Budget(30))
        ways.append(own.sample(picture.grid))
    torch.testing.assert_close(*ways, atol=2e-4, rtol=0)
