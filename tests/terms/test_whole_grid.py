import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fit.conjugate import ConjugateGradients
from ungrid.presets.published import siren
from ungrid.terms.whole_grid import WholeMisfit, WholeSamples
from ungrid.testing.examples import refined_field
from ungrid.testing.toys import unit_box

RNG = torch.Generator().manual_seed(0)


def case(**held):
    field = refined_field(unit_box(3), 2).double()
    grid = Grid(field.box, field.shape)
    values = torch.randn(*field.shape, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return field, values, WholeMisfit(WholeSamples(grid, values, **held)), grid


def loss_of(term, field):
    return term(field, term.sample(RNG, field, None))


def test_the_loss_is_the_mean_square_in_units_of_the_scale():
    field, values, term, grid = case()
    assert_close(loss_of(term, field), ((field.sample(grid) - values) / 0.5).square().mean())


def test_its_gradient_is_that_of_the_field():
    field, values, term, grid = case(known=torch.arange(0, 390, 2))
    loss_of(term, field).backward()
    found = [nodes.grad.clone() for nodes in field.nodes]
    field.zero_grad()
    left = (field(grid.points(dtype=torch.float64)) - values).flatten(0, -2)[::2][:195] / 0.5
    left.square().mean().backward()
    for nodes, expected in zip(field.nodes, found, strict=True):
        assert_close(nodes.grad, expected)


def test_what_is_not_known_has_no_influence():
    field, values, term, grid = case(known=torch.arange(100))
    before = loss_of(term, field)
    values.flatten(0, -2)[100:] = 1e9
    assert_close(loss_of(WholeMisfit(WholeSamples(grid, values, known=torch.arange(100))), field), before)


def test_conjugate_gradients_lower_the_loss_at_each_step():
    field, _, term, _ = case()
    optimizer = ConjugateGradients(field.parameters())

    def closure():
        optimizer.zero_grad()
        loss = loss_of(term, field)
        loss.backward()
        return float(loss)

    losses = [optimizer.step(closure) for _ in range(6)]
    assert losses == sorted(losses, reverse=True)


def test_what_is_given_back_is_taken_in_at_once():
    withheld = torch.tensor([200])
    known = torch.tensor([i for i in range(396) if i != 200])
    field, values, term, grid = case(known=known, withheld=withheld)
    kept = field.kept()[0]
    field.get_buffer("kept_0").fill_(255)  # all blocks: the finest level alone passes through every sample
    field.n_blocks = (len(kept), field.n_blocks[1])
    field.nodes[0] = torch.nn.Parameter(torch.zeros(len(kept) * 8, 2, dtype=torch.float64))
    loss_of(term, field)
    before = field.sample(grid)
    term.sampler.give_back()
    term.absorb(field)
    after = field.sample(grid)
    assert_close(after.flatten(0, -2)[200], values.flatten(0, -2)[200])
    assert_close(after.flatten(0, -2)[known], before.flatten(0, -2)[known])
    assert term.sampler.state() == {"given_back": True, "absorbed": True}


def test_a_state_saved_before_giving_back_can_be_continued():
    _, _, term, _ = case(known=torch.arange(300), withheld=torch.arange(300, 396))
    term.sampler.restore({"given_back": True, "absorbed": True})
    assert term.sampler.state() == {"given_back": True, "absorbed": True}


def test_other_fields_and_other_grids_are_refused():
    field, values, term, grid = case()
    with pytest.raises(InputError, match="for a RefinedSpline"):
        term.sample(RNG, siren(grid.box, 2, width=8, depth=1), None)
    smaller = WholeMisfit(WholeSamples(Grid(grid.box, (3, 3, 3)), values[:3, :3, :3]))
    with pytest.raises(InputError, match="the signal"):
        smaller.sample(RNG, field, None)
