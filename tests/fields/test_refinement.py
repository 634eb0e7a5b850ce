import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.testing import assert_close

from ungrid.fields.refinement import (
    along_axes,
    at_samples,
    blocked,
    coarsen,
    from_samples,
    level_bases,
    level_shapes,
    level_weights,
    mirrored,
    placed,
    refine,
    refining_axes,
    taken,
    to_samples,
    unblocked,
)

SHAPES = [(1, 2, 9), (3, 10, 11), (17, 16, 4), (12,)]


def noise(shape, seed=0):
    return torch.randn(*shape, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_each_level_has_half_the_nodes_until_an_axis_is_short():
    assert level_shapes((33, 10, 3)) == [(33, 10, 3), (17, 6, 3), (9, 6, 3), (5, 6, 3)]
    assert level_shapes((1, 1)) == [(1, 1)]


def test_a_mirror_folds_integers_at_both_ends():
    assert mirrored(torch.arange(-3, 8), 4).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
    assert mirrored(torch.arange(-2, 3), 1).tolist() == [0] * 5


@pytest.mark.parametrize("shape", SHAPES)
def test_nodes_by_scipy_give_the_samples(shape):
    values = noise(shape)[..., 0].numpy()
    nodes = torch.from_numpy(ndimage.spline_filter(values, 3, mode="mirror"))[..., None]
    assert_close(to_samples(nodes)[..., 0], torch.from_numpy(values), atol=1e-10, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_of_neighbors_are_the_matrices(shape):
    nodes = noise(shape)
    assert_close(to_samples(nodes), along_axes(nodes, [at_samples(n) for n in shape]))
    coarse = noise(level_shapes(shape)[min(1, len(level_shapes(shape)) - 1)])
    assert_close(refine(coarse, shape), along_axes(coarse, refining_axes(shape, coarse.shape[:-1])))


@pytest.mark.parametrize("shape", SHAPES)
def test_transposes_have_the_same_inner_products(shape):
    nodes, slopes = noise(shape), noise(shape, 1)
    assert_close((to_samples(nodes) * slopes).sum(), (nodes * from_samples(slopes)).sum())
    coarse = noise(level_shapes(shape)[min(1, len(level_shapes(shape)) - 1)])
    assert_close((refine(coarse, shape) * slopes).sum(), (coarse * coarsen(slopes, coarse.shape[:-1])).sum())


def test_a_refined_spline_is_the_same_spline():
    coarse = torch.randn(7, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    places = np.linspace(0, 6, 25)
    seen = ndimage.map_coordinates(coarse[:, 0].numpy(), places[None], order=3, prefilter=False, mode="mirror")
    fine = refine(coarse, (13,))
    again = ndimage.map_coordinates(fine[:, 0].numpy(), 2 * places[None], order=3, prefilter=False, mode="mirror")
    assert np.abs(seen - again).max() < 1e-12


def test_a_weight_is_the_mean_energy_of_a_node():
    shape = (9, 12)
    for bases, weight in zip(level_bases(shape), level_weights(shape), strict=True):
        functions = torch.kron(*bases)
        assert functions.square().sum(dim=0).mean().item() == pytest.approx(weight)


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_hold_each_node_once(shape):
    nodes = noise(shape)
    assert torch.equal(unblocked(blocked(nodes), shape), nodes)
    kept = torch.arange(len(blocked(nodes))) % 2 == 0
    rows = taken(nodes, kept)
    assert len(rows) == int(kept.sum()) * 2 ** len(shape)
    assert math.isclose(float((placed(rows, kept, shape) * nodes).sum()), float((rows * rows).sum()))
