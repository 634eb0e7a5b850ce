import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.lattice import LatticeField
from ungrid.terms.smoothness import AtLeast, TotalVariation
from ungrid.testing.toys import unit_box

GRID = Grid(Box(("y", "x"), ((0.0, 8.0), (0.0, 18.0))), (8, 9))  # pixels twice as wide as high


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_step_costs_its_height_for_each_sample_along_it():
    values = torch.zeros(8, 9, 1, dtype=torch.float64)
    values[4:] = 3.0
    term = TotalVariation(GRID, 2.0)
    assert term.apply(values).abs().sum() == 9 * 3
    torch.testing.assert_close(float(term(LatticeField.of(GRID.box, values))), 2.0 * 9 * 3 / 72, atol=1e-3, rtol=0)


def test_differences_are_per_distance():
    values = GRID.points(dtype=torch.float64)[..., 1:]  # x, which grows by 2 from pixel to pixel
    assert torch.allclose(TotalVariation(GRID, 1.0).apply(values)[1, :, :-1], torch.ones(8, 8, 1, dtype=torch.float64))


def test_the_adjoint_is_the_adjoint():
    term, values, differences = TotalVariation(GRID, 1.0), random(8, 9, 2), random(2, 8, 9, 2, seed=1)
    torch.testing.assert_close((term.apply(values) * differences).sum(), (values * term.adjoint(differences)).sum())


def test_the_symbol_is_that_of_the_adjoint_times_itself_away_from_the_ends():
    grid = Grid(unit_box(2), (32, 32))
    term, delta = TotalVariation(grid, 1.0), torch.zeros(32, 32, 1, dtype=torch.float64)
    delta[16, 16] = 1.0
    spectrum = torch.fft.rfftn(term.adjoint(term.apply(delta))[..., 0]).abs()
    torch.testing.assert_close(spectrum, term.symbol().double(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("amount", [0.0, 0.3, 5.0])
def test_shrinking_is_the_proximal_map(amount):
    term, image = TotalVariation(GRID, 1.0), random(2, 8, 9, 2)

    def cost(z):
        return amount * z.square().sum((0, -1)).sqrt().sum() + 0.5 * (z - image).square().sum()

    best = term.shrink(image.clone(), amount)
    assert all(cost(best) <= cost(best + 0.01 * random(2, 8, 9, 2, seed=k)) for k in range(1, 20))


def test_gradients_pass_through_both_terms():
    field = LatticeField.of(GRID.box, random(8, 9, 1))
    for term in (TotalVariation(GRID, 1.0), AtLeast(GRID, 0.1)):
        term(field).backward()
        assert field.samples.grad.abs().sum() > 0
        field.samples.grad = None


def test_a_bound_holds_values_up():
    term = AtLeast(GRID, 0.25)
    values = random(8, 9, 1)
    assert term.settle(values).min() == 0.25
    assert torch.equal(term.shrink(values.clone(), 3.0), values.clamp_min(0.25))
