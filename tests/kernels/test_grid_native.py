"""How a grid is described to native code."""

import copy
import pickle

import pytest

from ungrid.encodings.hash_grid import PRIMES, lattice, level_scales
from ungrid.kernels.grid_native import dense_layout, hash_layout


def hash_layout_of(d, **arguments):
    settings = {"n_levels": 16, "base_resolution": 16, "per_level_scale": 2.0} | arguments
    lattices = [lattice(scale, d, 14) for scale in level_scales(*settings.values())]
    return hash_layout(lattices, PRIMES[:d], 2, "linear")


def test_a_layout_can_be_copied_compared_hashed_and_pickled():
    layout = dense_layout(((3, 4), (5, 6)), 2, "cubic")
    assert pickle.loads(pickle.dumps(layout)) == copy.deepcopy(layout) == layout
    assert len({layout, copy.copy(layout), dense_layout(((3, 4), (5, 7)), 2, "cubic")}) == 2


@pytest.mark.parametrize(("interpolation", "more"), [("linear", 1), ("smoothstep", 1), ("cubic", 3)])
def test_a_dense_layout_has_the_sizes_of_its_tables(interpolation, more):
    layout = dense_layout(((3, 4, 5), (6, 7, 8)), 4, interpolation)
    assert layout.table_sizes == tuple(4 * (a + more) * (b + more) * (c + more) for a, b, c in ((3, 4, 5), (6, 7, 8)))
    assert layout.is_dense_linear == (interpolation == "linear")


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("base_resolution", [1, 2, 3, 16, 11585])
def test_no_lattice_reaches_twice_past_its_table(d, base_resolution):
    assert hash_layout_of(d, base_resolution=base_resolution, per_level_scale=1.3).table_sizes[-1] <= 2 * 2**14
