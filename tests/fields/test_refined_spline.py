import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.testing import assert_close

import ungrid as ug
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, UngridError
from ungrid.fields.refined_spline import RefinedSpline
from ungrid.fields.refinement import block_shape, level_shapes, to_samples
from ungrid.testing.examples import refined_field
from ungrid.testing.toys import unit_box

SHAPE = (9, 12, 10)
BOX = Box(("z", "y", "x"), ((0.0, 18.0), (-6.0, 6.0), (0.0, 10.0)), ("mm",) * 3)


def whole(shape=SHAPE, box=BOX):
    """All blocks kept, the finest nodes random and the others zero: the spline through some samples."""
    counts = tuple(math.prod(block_shape(nodes)) for nodes in level_shapes(shape))
    field = RefinedSpline(box, 1, shape, counts).double()
    field.keep([torch.ones(count, dtype=torch.bool) for count in counts])
    with torch.no_grad():
        field.nodes[0].copy_(torch.randn(field.nodes[0].shape, generator=torch.Generator().manual_seed(0)))
    return field.eval()


def test_between_the_samples_it_is_scipys_cubic_spline():
    field = whole()
    nodes = field.expand(list(field.nodes))[..., 0].detach().numpy()
    places = np.random.default_rng(0).uniform(0, np.array(SHAPE) - 1, (200, 3))
    expected = ndimage.map_coordinates(nodes, places.T, order=3, prefilter=False, mode="mirror")
    coords = torch.from_numpy((places + 0.5) * np.array([2.0, 1.0, 1.0]) + np.array([0.0, -6.0, 0.0]))
    assert np.abs(field(coords)[:, 0].detach().numpy() - expected).max() < 1e-12


def test_on_its_own_grid_it_has_the_values_at_the_samples():
    field = refined_field(unit_box(3), 2).double()
    grid = Grid(field.box, field.shape)
    at_samples = to_samples(field.expand(list(field.nodes))) * 0.5 + 0.1
    assert_close(field.sample(grid), at_samples.detach())
    assert_close(field(grid.points(dtype=torch.float64)), at_samples)


def test_collapsing_is_the_transpose_of_expanding():
    field = refined_field(unit_box(3), 2).double()
    rng = torch.Generator().manual_seed(0)
    slopes = torch.randn(*field.shape, 2, dtype=torch.float64, generator=rng)
    inner = sum((nodes * found).sum() for nodes, found in zip(field.nodes, field.collapse(slopes), strict=True))
    assert_close((field.expand(list(field.nodes)) * slopes).sum(), inner)


def test_nodes_written_to_in_place_are_seen_at_once():
    field = whole()
    before = field([[9.0, 0.0, 5.0]])
    field.nodes[0].data.mul_(2)
    assert_close(field([[9.0, 0.0, 5.0]]), 2 * before)


def test_its_gradient_is_that_of_scipys_spline():
    field = whole()
    at = torch.tensor([[8.3, 0.2, 4.9]], dtype=torch.float64)
    steps = 1e-5 * torch.eye(3, dtype=torch.float64)
    differences = (field(at + steps) - field(at - steps))[:, 0] / 2e-5
    assert_close(ug.gradient(field, at)[0, 0], differences, atol=1e-7, rtol=1e-6)


def test_a_file_holds_only_the_kept_nodes(tmp_path):
    box = unit_box(3)
    counts = [math.prod(block_shape(nodes)) for nodes in level_shapes((40, 40, 40))]
    field = RefinedSpline(box, 1, (40, 40, 40), (5, *[0] * (len(counts) - 2), counts[-1]))
    field.keep([torch.arange(count) < n for count, n in zip(counts, field.n_blocks, strict=True)])
    field.save(tmp_path / "few.ung")
    assert (tmp_path / "few.ung").stat().st_size < 10_000
    assert ug.load(tmp_path / "few.ung").n_params == field.n_params == 8 * (5 + counts[-1])


def test_a_file_whose_blocks_are_not_as_many_as_its_nodes_is_refused(tmp_path):
    field = refined_field(unit_box(2), 1)
    field.get_buffer("kept_0").zero_()
    with pytest.raises(UngridError, match="keeps 0 blocks"):
        field([[0.0, 0.0]])


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="levels"):
        RefinedSpline(unit_box(2), 1, (9, 9), (1,))
    with pytest.raises(InputError, match=r"n_blocks\[1\]"):
        RefinedSpline(unit_box(2), 1, (9, 9), (1, 1))
    with pytest.raises(InputError, match="shape"):
        RefinedSpline(unit_box(2), 1, (9,), (1,))
    with pytest.raises(InputError, match="value_scale"):
        RefinedSpline(unit_box(1), 3, (4,), (2,), value_scale=(1.0, 2.0))
