import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.domain.sampling import Tile
from ungrid.errors import InputError
from ungrid.fit.tiles import TileSampler, block_shape, every
from ungrid.measurements.values import PointValues
from ungrid.testing.toys import unit_box


def numbered(shape=(8, 12), **given):
    """A sampler of a grid whose values are the cells' row-major numbers."""
    grid = Grid(unit_box(len(shape)), shape)
    return TileSampler(grid, torch.arange(float(grid.size)).reshape(*shape, 1), **given)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_without_a_batch_size_a_batch_is_the_whole_grid():
    sampler = numbered()
    batch = sampler.sample(generator(), None)
    assert batch.query.grid == sampler.grid
    assert batch.query.index is None
    assert batch.target[:, 0].tolist() == list(range(96))


def test_a_tile_has_the_values_that_lie_at_its_points():
    sampler, rng = numbered(), generator()
    for _ in range(50):
        batch = sampler.sample(rng, 16)
        points = batch.query.grid.points().flatten(0, -2)
        whole = sampler.grid.points().flatten(0, -2)
        torch.testing.assert_close(points, whole[batch.target[:, 0].long()])


def test_the_corners_of_a_grid_are_seen_as_often_as_the_middle():
    sampler, rng = numbered((9, 9)), generator()
    seen = torch.zeros(81)
    for _ in range(4000):
        seen[sampler.sample(rng, 9).target[:, 0].long()] += 1
    assert seen.reshape(9, 9)[0, 0] > 0.9 * seen.reshape(9, 9)[4, 4]


def test_withheld_samples_are_not_seen_until_they_are_given_back():
    withheld = torch.tensor([5, 40])
    known = torch.tensor([i for i in range(96) if i not in (5, 40)])
    sampler = numbered(known=known, withheld=withheld)
    assert not {5, 40} & set(sampler.sample(generator(), None).target[:, 0].long().tolist())
    again = numbered(known=known, withheld=withheld)
    sampler.give_back()
    again.restore(sampler.state())
    for each in (sampler, again):
        assert {5, 40} <= set(each.sample(generator(), None).target[:, 0].long().tolist())


def test_a_block_without_a_known_sample_is_not_drawn():
    sampler, rng = numbered(known=torch.tensor([95])), generator()
    assert all(sampler.sample(rng, 4).target.tolist() == [[95.0]] for _ in range(5))
    with pytest.raises(InputError, match="nothing to fit"):
        numbered(known=torch.empty(0, dtype=torch.long))


def test_the_value_measurement_asks_a_field_for_a_tile_as_for_its_points():
    batch = numbered(known=torch.tensor([3, 7, 50])).sample(generator(), None)

    class Sum:
        def __call__(self, coords):
            return coords.sum(dim=-1, keepdim=True) * torch.tensor([1.0, 2.0])

        def on(self, grid):
            return self(grid.points())

    points = batch.query.grid.points().flatten(0, -2)[batch.query.index]
    torch.testing.assert_close(PointValues()(Sum(), batch.query), Sum()(points))
    torch.testing.assert_close(PointValues((1,))(Sum(), batch.query), 2 * points.sum(dim=-1, keepdim=True))
    with pytest.raises(InputError, match=r"on\(grid\)"):
        PointValues()(lambda coords: coords, Tile(batch.query.grid))


@pytest.mark.parametrize(
    ("shape", "size", "expected"), [((8, 12), 16, (4, 4)), ((2, 100), 64, (2, 32)), ((5,), 9, (5,)), ((3, 3, 3), 1, (1, 1, 1))]
)
def test_blocks_are_cubes_but_for_short_axes(shape, size, expected):
    assert block_shape(shape, size) == expected


def test_a_lattice_has_the_values_that_lie_at_its_points_and_reaches_across_the_grid():
    sampler, rng = numbered((9, 13), is_spread=True), generator()
    whole = sampler.grid.points().flatten(0, -2)
    for _ in range(50):
        batch = sampler.sample(rng, 16)
        torch.testing.assert_close(batch.query.grid.points().flatten(0, -2), whole[batch.target[:, 0].long()])
        rows, columns = torch.unravel_index(batch.target[:, 0].long(), (9, 13))
        assert rows.max() - rows.min() >= 6
        assert columns.max() - columns.min() >= 9


def test_every_cell_is_on_as_many_lattices():
    sampler, rng = numbered((8, 12), is_spread=True), generator()
    seen = torch.zeros(96)
    for _ in range(2000):
        seen[sampler.sample(rng, 24).target[:, 0].long()] += 1
    assert 0.85 * 500 < seen.min() <= seen.max() < 1.15 * 500


def test_a_lattice_leaves_out_what_is_not_known():
    known = torch.tensor([0, 1, 50])
    sampler, rng = numbered(known=known, is_spread=True), generator()
    for _ in range(20):
        batch = sampler.sample(rng, 24)
        assert set(batch.target[:, 0].long().tolist()) <= set(known.tolist())
        points = batch.query.grid.points().flatten(0, -2)[batch.query.index]
        torch.testing.assert_close(points, sampler.grid.points().flatten(0, -2)[batch.target[:, 0].long()])


def test_a_lattice_without_steps_is_a_block():
    grid = Grid(unit_box(2), (8, 12))
    where = (slice(2, 5), slice(0, 12))
    assert every(grid, where) == grid.part(where)
