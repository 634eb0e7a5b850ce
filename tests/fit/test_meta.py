import copy

import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError, UnknownName
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.fit.loop import Budget, run
from ungrid.fit.meta import Learning, Maml, Reptile, Reweighted, draw, learn, total
from ungrid.fit.state import FitState
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.signals.base import Signal
from ungrid.signals.image import from_array
from ungrid.tasks.represent import represent

SIDE = 10


def ellipse(seed):
    """A soft ellipse somewhere on a sky that gets darker: pictures of one kind."""
    rng = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, SIDE)], indexing="ij")
    top, left, high, wide, bright = (torch.rand(5, generator=rng) * 0.3).tolist()
    inside = 1 - ((y - top) / (0.3 + high)) ** 2 - ((x - left) / (0.3 + wide)) ** 2
    return from_array((0.7 - 0.3 * y) * (0.5 + bright) + 0.4 * torch.sigmoid(4 * inside) - 0.2)


def problems(n, first=0):
    return [represent(ellipse(first + seed), heldout=0.0) for seed in range(n)]


def a_field(rate=1e-4, width=24):
    box = Box(("y", "x"), ((0.0, float(SIDE)), (0.0, float(SIDE))), ("px", "px"))
    field = EncodedField(box, Identity(2), Siren(2, 1, width, depth=2, first_omega=15.0), (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=rate)
    return field


def line():
    """A field of one weight and one bias, y = wx + b, on three points of a line."""
    field = EncodedField(Box(("x",), ((0.0, 3.0),)), Identity(1), Mlp(1, 1, depth=0))
    field.recipe = Recipe(optimizer="sgd", learning_rate=0.1)
    return field


def psnr_after(field, problem, steps):
    state = run(FitState(copy.deepcopy(field), problem, field.recipe, 0), Budget(steps))
    return problem.judge.monitor(state.field)


@pytest.mark.parametrize(("method", "settings"), [("maml", {"steps": 25}), ("reptile", {"steps": 15, "inner_steps": 10})])
def test_ten_steps_from_a_learned_start_are_worth_fifty_from_a_random_one(method, settings):
    random = a_field()
    start = copy.deepcopy(random)
    learn(start, problems(6), Learning(method, members=1, **settings))
    for unseen in problems(2, first=100):
        assert psnr_after(start, unseen, 10) > psnr_after(random, unseen, 50) + 1


@pytest.mark.parametrize("method", ["maml", "reptile", "strainer"])
def test_the_same_seed_learns_the_same_bits_and_another_seed_others(method):
    def learned(seed):
        field = a_field()
        learn(field, problems(3), Learning(method, steps=3), seed=seed)
        return torch.cat([p.detach().flatten() for p in field.parameters()])

    assert torch.equal(learned(1), learned(1))
    if method != "strainer":  # which looks at all samples of all signals
        assert not torch.equal(learned(1), learned(2))


def test_reptiles_gradient_points_from_the_start_to_where_the_inner_fits_end():
    field, two = a_field(1e-3), problems(2)
    recipe = Recipe(learning_rate=1e-3)
    term = Reptile(two, recipe, inner_steps=4, members=2)
    batch = term.sample(torch.Generator().manual_seed(0), field, None)
    assert sorted(signal for signal, _ in batch) == [0, 1]
    term(field, batch).backward()
    ends = []
    for signal, seed in batch:
        own = copy.deepcopy(field)
        ends.append(dict(run(FitState(own, two[signal], recipe, seed), Budget(4)).field.named_parameters()))
    for name, parameter in field.named_parameters():
        torch.testing.assert_close(parameter.grad, parameter.detach() - (ends[0][name] + ends[1][name]).detach() / 2)


def test_one_step_of_reptile_at_rate_one_is_the_mean_of_the_ends():
    field = line()
    alike = [represent(from_line([0.0, 1.0, 2.0]), heldout=0.0) for _ in range(2)]
    own = copy.deepcopy(field)
    run(FitState(own, alike[0], own.recipe, 0), Budget(3))
    learn(field, alike, Learning("reptile", steps=1, inner_steps=3))
    torch.testing.assert_close(dict(field.named_parameters()), dict(own.named_parameters()))


def from_line(values):
    return Signal(
        torch.tensor(values)[:, None], Grid(Box(("x",), ((0.0, 3.0),)), (3,)), "volume", ("v",), {"sample_format": "float"}
    )


def test_mamls_gradient_goes_through_the_inner_step():
    """The gradient of L(θ − r ∇L(θ)) is (1 − r H) ∇L(θ − r ∇L(θ)), with the Hessian H of L."""
    field = line()
    one = represent(from_line([0.5, -1.0, 2.0]), heldout=0.0)
    rate = 0.2
    term = Maml([one, one], inner_steps=1, inner_rate=rate, members=1)
    batch = term.sample(torch.Generator().manual_seed(0), field, None)
    term(field, batch).backward()
    x = torch.tensor([-2 / 3, 0.0, 2 / 3])
    y = torch.tensor([0.5, -1.0, 2.0])
    design = torch.stack([x, torch.ones(3)], dim=1)
    theta = torch.cat([p.detach().flatten() for p in field.parameters()])
    curvature = 2 / 3 * design.T @ design
    slope = lambda at: 2 / 3 * design.T @ (design @ at - y)  # noqa: E731
    expected = (torch.eye(2) - rate * curvature) @ slope(theta - rate * slope(theta))
    found = torch.cat([p.grad.flatten() for p in field.parameters()])
    torch.testing.assert_close(found, expected)


def test_mamls_gradient_of_a_siren_is_that_of_finite_differences():
    field = a_field(width=16).double()
    picture = ellipse(0)
    one = represent(picture.with_values(picture.values.double()), heldout=0.0)
    term = Maml([one, one], inner_steps=2, inner_rate=0.1, members=1)
    batch = term.sample(torch.Generator().manual_seed(0), field, None)
    term(field, batch).backward()
    rng, step = torch.Generator().manual_seed(1), 1e-5
    directions = [torch.randn(p.shape, generator=rng, dtype=p.dtype) for p in field.parameters()]

    def moved(by):
        with torch.no_grad():
            for parameter, direction in zip(field.parameters(), directions, strict=True):
                parameter.add_(direction, alpha=by)
        return float(term(field, batch).detach())

    slope = (moved(step) - moved(-2 * step)) / (2 * step)
    along = sum(float((p.grad * d).sum()) for p, d in zip(field.parameters(), directions, strict=True))
    assert along == pytest.approx(slope, rel=1e-4)


def test_a_reweighted_field_is_the_field_with_those_weights():
    field, other = a_field(), a_field()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.01)
    coords = torch.rand(5, 2, generator=torch.Generator().manual_seed(0)) * SIDE
    assert torch.equal(Reweighted(field, dict(other.named_parameters()))(coords), other(coords))
    one = problems(1)[0]
    batches = draw(one, torch.Generator().manual_seed(0), field, None)
    assert torch.equal(total(one, field, batches), one.terms[0](field, batches["misfit"]))


def test_a_maml_start_is_for_plain_descent_and_a_reptile_start_for_its_recipe():
    maml, reptile = a_field(), a_field()
    learn(maml, problems(2), Learning("maml", steps=1, inner_rate=0.3))
    learn(reptile, problems(2), Learning("reptile", steps=1, inner_rate=0.002))
    assert (maml.recipe.optimizer, maml.recipe.learning_rate) == ("sgd", 0.3)
    assert (reptile.recipe.optimizer, reptile.recipe.learning_rate) == ("adam", 0.002)


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(InputError, match="got 1, expected at least 2"):
        learn(a_field(), problems(1), Learning())
    with pytest.raises(UnknownName, match="did you mean 'reptile'"):
        Learning("reptil")
    with pytest.raises(InputError, match="inner_steps is 0"):
        Learning(inner_steps=0)
    with pytest.raises(InputError, match="inner_rate is -1"):
        Learning(inner_rate=-1.0)
    with pytest.raises(InputError, match="strainer fits all signals at once"):
        Learning("strainer", inner_steps=3)
