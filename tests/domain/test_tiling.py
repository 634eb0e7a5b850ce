import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.tiling import Tiling, fade
from ungrid.errors import InputError


def box(*extents):
    return Box(("z", "y", "x")[-len(extents) :], tuple((-1.0, -1.0 + extent) for extent in extents))


@pytest.mark.parametrize(("extents", "counts"), [((7.0,), (5,)), ((6.0, 9.0), (3, 4)), ((5.0, 4.0, 3.0), (2, 1, 3))])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, None])
def test_the_weights_of_all_tiles_sum_to_one(extents, counts, share):
    overlap = share or (0.3, 1e-6, 0.5)[: len(counts)]
    tiling = Tiling(box(*extents), counts, overlap)
    place = torch.rand(500, len(counts), dtype=torch.float64) * torch.tensor(counts) * 1.2 - 0.1
    total = sum(tiling.weight(place, tiling.index(flat)) for flat in range(tiling.size))
    assert_close(total, torch.ones_like(total), atol=1e-12, rtol=0)


def test_the_weights_on_a_grid_are_those_at_its_points_and_sum_to_one():
    tiling = Tiling(box(6.0, 9.0), (3, 4), 0.2)
    grid = Grid(tiling.box, (37, 53)).part((slice(3, 31), slice(5, 50)))
    total = torch.zeros(grid.shape, dtype=torch.float64)
    for index, where, (down, across) in tiling.touched(grid):
        outer = down[:, None] * across
        place = tiling.place(grid.points(dtype=torch.float64))
        assert_close(outer, tiling.weight(place, index)[where], atol=1e-12, rtol=0)
        total[where] += outer
    assert_close(total, torch.ones_like(total), atol=1e-12, rtol=0)


def test_a_part_of_a_grid_touches_only_the_tiles_that_it_lies_in():
    tiling = Tiling(box(100.0, 100.0), (10, 10), 0.1)
    inside = Grid(tiling.box, (100, 100)).part((slice(42, 48), slice(12, 18)))
    assert [index for index, _, _ in tiling.touched(inside)] == [(4, 1)]
    across = Grid(tiling.box, (100, 100)).part((slice(38, 48), slice(12, 18)))
    assert [index for index, _, _ in tiling.touched(across)] == [(3, 1), (4, 1)]


def test_local_coords_are_as_exact_in_an_hour_of_sound_as_in_a_second():
    n = 44_100 * 3600
    tiling = Tiling(Box(("t",), ((0.0, 3600.0),), ("s",)), (302,), 0.01)
    grid = Grid(tiling.box, (n,))
    local, where = tiling.cell(grid, (301,))
    assert where[0].stop == n
    own = local.axis_coords(0, dtype=torch.float32)
    assert float(own.diff().min()) > 0.9 * local.spacing[0]
    assert_close(own.diff().double().mean(), torch.tensor(local.spacing[0]).double(), rtol=1e-4, atol=0)


def test_the_cells_of_all_tiles_cover_the_grid_and_their_local_coords_lie_within_minus_one_and_one():
    tiling, seen = Tiling(box(6.0, 9.0), (3, 4), 0.2), torch.zeros(37, 53)
    grid = Grid(tiling.box, (37, 53))
    for flat in range(tiling.size):
        local, where = tiling.cell(grid, tiling.index(flat))
        assert float(local.points().abs().max()) <= 1
        again = tiling.local(tiling.place(grid.part(where).points(dtype=torch.float64)), tiling.index(flat))
        assert_close(local.points(dtype=torch.float64), again, atol=1e-12, rtol=0)
        seen[where] += 1
    assert seen.min() >= 1


def test_the_fade_has_two_continuous_derivatives():
    t = torch.tensor([0.0, 1e-6, 1 - 1e-6, 1.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(fade(t).sum(), t, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), t)
    assert slope.abs().max() < 1e-9
    assert bend.abs().max() < 1e-3


def test_numbers_of_tiles_turn_into_positions_and_back():
    tiling = Tiling(box(6.0, 9.0, 2.0), (3, 4, 2), 0.2)
    assert [tiling.flat(tiling.index(flat)) for flat in range(24)] == list(range(24))


@pytest.mark.parametrize(
    ("counts", "overlap", "said"),
    [
        ((0, 2), 0.1, "at least 1 each"),
        ((2,), 0.1, "expected that many"),
        ((2**22, 2), 0.1, "tiles together"),
        ((2, 2), 0.0, "overlap is 0.0"),
        ((2, 2), 0.6, "overlap is 0.6"),
        ((2, 2), float("nan"), "overlap is nan"),
        ((2, 2), (0.1,), "overlap is"),
        ((2, 2), (0.1, 0.0), "overlap is"),
    ],
)
def test_absurd_tilings_are_refused(counts, overlap, said):
    with pytest.raises(InputError, match=said):
        Tiling(box(6.0, 9.0), counts, overlap)


def test_more_tiles_than_samples_are_refused():
    with pytest.raises(InputError, match="take fewer tiles"):
        Tiling(box(4.0), (16,), 0.01).cell(Grid(box(4.0), (4,)), (0,))


def test_each_axis_has_its_own_reach():
    tiling = Tiling(box(6.0, 9.0), (3, 1), (0.25, 1e-6))
    grid = Grid(tiling.box, (60, 90))
    local, where = tiling.cell(grid, (1, 0))
    assert where == (slice(15, 45), slice(0, 90))
    assert local.box.bounds[0] == pytest.approx((-1.0, 1.0))
    assert local.box.bounds[1] == pytest.approx((-1.0, 1.0), abs=1e-5)
    seen = {index: slices for index, slices, _ in tiling.touched(grid)}
    assert seen[(0, 0)] == (slice(0, 25), slice(0, 90))
