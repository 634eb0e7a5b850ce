import pytest
import torch

from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.fields.refinement import to_samples
from ungrid.fit import band
from ungrid.fit.band import BandSolver, _LevelSystem
from ungrid.fit.limits import Limits
from ungrid.fit.state import FitState
from ungrid.presets.auto_shape import banded
from ungrid.presets.published import siren
from ungrid.signals.surface import Surface
from ungrid.tasks.surface import represent_surface
from ungrid.testing.surfaces import sphere, torus

pytest.importorskip("igl", reason="libigl is not installed")
NO_LIMITS = Limits()


def state_of(field, surface):
    return FitState(field, represent_surface(surface, field.box, n_points=50), Recipe(), 0)


def solved(surface, nodes, *, n_points=4_000, limits=NO_LIMITS, iterations=20):
    field, levels = banded(surface, nodes)
    points, _ = surface.sample(n_points, torch.Generator().manual_seed(0))
    state = state_of(field, surface)
    BandSolver(levels, points, iterations=iterations).run(state, limits)
    return field, state


def test_the_distance_of_a_sphere_is_found_to_a_thousandth_of_its_radius_near_it():
    field, state = solved(Surface(sphere(48)), 64)
    at = torch.nn.functional.normalize(torch.randn(2000, 3, generator=torch.Generator().manual_seed(1)), dim=1)
    for radius in (0.97, 1.0, 1.03):
        with torch.no_grad():
            assert float((field(at * radius)[:, 0] - (radius - 1)).abs().mean()) < 1e-3
    assert (state.stopped_by, state.progress) == ("solved", 1.0)


def test_distances_far_away_are_right_to_a_wide_node():
    field, _ = solved(Surface(sphere(32)), 64)
    inner = torch.rand(2000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        error = (field(inner)[:, 0] - (inner.norm(dim=1) - 1)).abs()
    assert float(error.mean()) < 0.01


def test_what_the_file_will_keep_is_what_was_solved_for():
    field, _ = solved(Surface(torus(32)), 48)
    for nodes in field.nodes:
        assert torch.equal(nodes, nodes.half().float())


@pytest.mark.parametrize("dense", [True, False])
def test_the_products_of_a_level_are_transposes_of_each_other(monkeypatch, dense):
    monkeypatch.setattr(band, "DENSE", 2**30 if dense else 0)
    shape, rng = (12, 14, 13), torch.Generator().manual_seed(0)
    kept = torch.zeros(6, 7, 7, dtype=torch.bool)
    kept[1:4, 2:5, 1:5] = torch.rand(3, 3, 4, generator=rng) < 0.7
    system = _LevelSystem(shape, kept.flatten())
    assert system.is_dense == dense
    x, y = (torch.randn(system.n, generator=rng) * system.real for _ in range(2))
    assert float(system._smooth(x) @ y) == pytest.approx(float(x @ system._smooth_back(y)), rel=1e-4)
    assert float(system._bend(x) @ y) == pytest.approx(float(x @ system._bend(y)), rel=1e-4)
    assert float(system._bend(x) @ x) > 0
    whole = to_samples(system.placed(x[:, None]))
    torch.testing.assert_close(system._smooth(x), band.taken(whole, system.kept)[:, 0])


def test_the_sparse_and_the_dense_products_solve_the_same(monkeypatch):
    surface = Surface(torus(32))
    dense, _ = solved(surface, 48)
    monkeypatch.setattr(band, "DENSE", 0)
    sparse, _ = solved(surface, 48)
    with torch.no_grad():
        at = surface.sample(2000, torch.Generator().manual_seed(3))[0].float()
        torch.testing.assert_close(dense(at), sparse(at), atol=2e-4, rtol=0)


def test_a_level_that_touches_the_mirror_is_solved_with_it(monkeypatch):
    monkeypatch.setattr(band, "DENSE", 0)
    assert _LevelSystem((8, 8, 8), torch.ones(64, dtype=torch.bool)).is_dense


def test_it_stops_after_steps_and_after_seconds():
    surface = Surface(sphere(8))
    assert solved(surface, 48, limits=Limits(steps=3))[1].step == 3
    _, state = solved(surface, 48, limits=Limits(max_seconds=1e-9))
    assert state.stopped_by == "max_seconds"
    assert state.step <= 3


def test_another_field_and_a_target_are_refused():
    surface = Surface(sphere(8))
    field, levels = banded(surface, 48)
    solver = BandSolver(levels, surface.shape.vertices)
    with pytest.raises(InputError, match="RefinedSpline"):
        solver.run(state_of(siren(field.box, 1, width=8, depth=1), surface), Limits())
    with pytest.raises(InputError, match="target in dB"):
        solver.run(state_of(field, surface), Limits(target_psnr=50.0))
