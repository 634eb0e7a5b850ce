import pytest
import torch

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.lattice import LatticeField
from ungrid.fit.callbacks import Callback
from ungrid.fit.convex_solver import Convex, relative_residual
from ungrid.fit.problem import Problem
from ungrid.measurements.linear import OnGrid, Samples
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import AtLeast, TotalVariation
from ungrid.testing.examples import Doubled, wave_field
from ungrid.testing.toys import unit_box

GRID = Grid(unit_box(2), (12, 10))


def measured(seed=0):
    return torch.randn(12, 10, 1, generator=torch.Generator().manual_seed(seed))


def test_fit_solves_what_is_convex_and_says_so():
    field = LatticeField(GRID.box, GRID.shape, 1)
    problem = Problem((LinearMisfit(OnGrid(Doubled(), GRID), Doubled().A(measured())),))
    fitted = ug.fit(field, problem, callbacks=())
    torch.testing.assert_close(fitted.samples.detach(), measured(), atol=2e-3, rtol=0)
    assert fitted.record.fit["stopped_by"] == "converged"
    assert "convex" in fitted.record.fit["reason"]
    assert relative_residual(problem, fitted) < 1e-3


def test_it_begins_at_the_samples_that_the_field_has():
    problem = Problem((LinearMisfit(OnGrid(Doubled(), GRID), Doubled().A(measured())),))
    first = ug.fit(LatticeField(GRID.box, GRID.shape, 1), problem, callbacks=())
    again = ug.fit(LatticeField.of(GRID.box, first.samples.detach()), problem, callbacks=())
    assert again.record.fit["steps"] < first.record.fit["steps"] / 4


def test_steps_and_watchers_count_iterations():
    seen = []

    class Watch(Callback):
        def __call__(self, state, losses):
            seen.append((state.step, losses["residual"]))

    problem = Problem((LinearMisfit(Samples(GRID), measured()), TotalVariation(GRID, 0.1), AtLeast(GRID, 0.0)))
    fitted = ug.fit(LatticeField(GRID.box, GRID.shape, 1), problem, steps=4, callbacks=[Watch()])
    assert [step for step, _ in seen] == [1, 2, 3, 4]
    assert fitted.record.fit["stopped_by"] == "steps"
    assert fitted.samples.min() >= 0


def test_other_fields_and_other_terms_are_left_to_descent():
    misfit = LinearMisfit(Samples(GRID), measured())
    assert Convex.of(LatticeField(GRID.box, GRID.shape, 1), Problem((misfit,))) is not None
    assert Convex.of(wave_field(GRID.box, 1, 0), Problem((misfit,))) is None
    assert Convex.of(LatticeField(GRID.box, (6, 5), 1), Problem((misfit,))) is None
    assert Convex.of(LatticeField(GRID.box, GRID.shape, 1), Problem((TotalVariation(GRID, 1.0),))) is None


def test_a_network_is_fitted_to_the_same_problem_by_descent():
    field = ug.presets.siren(GRID.box, 1, width=16, depth=1)
    problem = Problem((LinearMisfit(Samples(GRID), torch.full((12, 10, 1), 0.5)), TotalVariation(GRID, 0.01)))
    fitted = ug.fit(field, problem, steps=200, callbacks=())
    assert float((fitted.sample(GRID) - 0.5).abs().mean()) < 0.05


def test_a_target_of_decibels_is_refused():
    problem = Problem((LinearMisfit(Samples(GRID), measured()),))
    with pytest.raises(InputError, match="target_psnr"):
        ug.fit(LatticeField(GRID.box, GRID.shape, 1), problem, target_psnr=30.0, callbacks=())
