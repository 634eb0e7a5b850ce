import json
import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.dictionary import FactorGrid, cosine_patterns, sawtooth, triangle
from ungrid.errors import InputError, UnknownName

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "dictionary.json").read_text())


def tensor(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def golden_grid(mapping):
    periods = tuple(tuple(counts) for counts in GOLDEN["periods"])
    grid = FactorGrid(2, (2, 3), (3, 4), (2, 1), periods, mapping=mapping).double()
    grid.coefficients.data.copy_(tensor(GOLDEN["coefficients"]))
    for basis, numbers in zip(grid.bases, GOLDEN["bases"], strict=True):
        basis.data.copy_(tensor(numbers))
    return grid


@pytest.mark.parametrize("mapping", ["sawtooth", "triangle"])
def test_features_are_coefficients_times_patterns(mapping):
    expected = tensor(GOLDEN["features"][mapping])
    assert_close(golden_grid(mapping)(tensor(GOLDEN["points"])), expected, atol=1e-6, rtol=0)


def test_float32_on_the_kernels_agrees_with_the_formula():
    found = golden_grid("sawtooth").float()(torch.tensor(GOLDEN["points"]))
    assert_close(found.double(), tensor(GOLDEN["features"]["sawtooth"]), atol=1e-5, rtol=0)


def test_bases_start_as_the_authors_cosines():
    patterns = cosine_patterns(5, 2, 6).movedim(-1, 0).double()
    assert_close(patterns, tensor(GOLDEN["cosines"]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("in_dim", "count"), [(1, 5), (2, 32), (3, 16)])
def test_patterns_are_as_many_as_asked_for_and_of_unit_norm(in_dim, count):
    patterns = cosine_patterns(12, in_dim, count)
    assert patterns.shape == (*[12] * in_dim, count)
    assert_close(patterns.flatten(0, -2).norm(dim=0), torch.ones(count))


def test_a_sawtooth_repeats_and_a_triangle_turns_around():
    u = torch.tensor([0.0, 0.25, 0.999, 1.0, 1.25, 2.5, -0.25], dtype=torch.float64)
    assert_close(sawtooth(u), tensor([-1, -0.5, 0.998, -1, -0.5, 0, 0.5]))
    assert_close(triangle(u), tensor([-1, -0.5, 0.998, 1, 0.5, 0, -0.5]))


def test_patterns_repeat_with_their_period():
    grid = FactorGrid(1, (2,), (6,), (3,), ((4.0,),)).double()
    grid.coefficients.data.fill_(1)
    x = torch.linspace(-0.97, -0.53, 9, dtype=torch.float64)[:, None]
    assert_close(grid(x + 0.5), grid(x))  # [-1, 1] holds four periods of length one half


def test_a_period_of_as_many_samples_as_nodes_has_a_node_of_a_sample():
    # the authors' picture setting: n nodes on n samples, whose centers move between the first and the last node
    n = 8
    grid = FactorGrid(1, (2,), (n,), (1,), ((1.0,),)).double()
    grid.coefficients.data.fill_(1)
    grid.bases[0].data.copy_(torch.arange(n, dtype=torch.float64)[:, None])
    centers = -1 + (2 * torch.arange(n, dtype=torch.float64) + 1) / n
    assert_close(grid(centers[:, None])[:, 0], (centers + 1) / 2 * (n - 1))


def test_coefficients_lie_at_cell_centers_and_reach_to_the_faces():
    grid = FactorGrid(1, (4,), (2,), (1,), ((1.0,),)).double()
    grid.bases[0].data.fill_(1)
    grid.coefficients.data.copy_(tensor([3.0, 1.0, 4.0, 1.5])[:, None])
    x = tensor([-1.0, -0.75, -0.25, 0.25, 0.75, 1.0, 2.0])[:, None]
    assert_close(grid(x)[:, 0], tensor([3.0, 3.0, 1.0, 4.0, 1.5, 1.5, 1.5]))


@pytest.mark.parametrize(("mapping", "smoothness"), [("sawtooth", -1.0), ("triangle", 0.0)])
def test_only_a_triangle_is_continuous_where_a_period_ends(mapping, smoothness):
    grid = FactorGrid(1, (2,), (5,), (2,), ((2.0,),), mapping=mapping, coefficient_start=1.0).double()
    before, after = grid(tensor([[-1e-9], [1e-9]]))
    assert grid.smoothness == smoothness
    assert bool(((before - after).abs().max() < 1e-6) == (mapping == "triangle"))


def test_coefficients_start_at_one_value():
    grid = FactorGrid(2, (3, 4), (5,), (2,), ((1.0, 2.0),), coefficient_start=0.25)
    assert bool((grid.coefficients == 0.25).all())
    assert grid.coefficients.shape == (3, 4, 2)


def test_octaves_count_nodes_across_the_box():
    grid = FactorGrid(1, (2,), (4, 8), (1, 2), ((2.0,), (2.0,)))
    assert grid.octaves().tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"basis_dims": (1, 1)},
        {"basis_resolutions": (), "basis_dims": (), "periods": ()},
        {"basis_resolutions": (1,)},
        {"coefficient_resolution": (4,)},
        {"coefficient_resolution": (1, 4)},
        {"periods": ((1.0,),)},
        {"periods": ((1.0, 0.0),)},
        {"periods": ((1.0, math.inf),)},
        {"basis_dims": (0,)},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    given = {"coefficient_resolution": (4, 4), "basis_resolutions": (3,), "basis_dims": (2,), "periods": ((1.0, 1.0),)}
    with pytest.raises(InputError):
        FactorGrid(2, **{**given, **wrong})


def test_an_unknown_mapping_is_refused():
    with pytest.raises(UnknownName, match="sawtooth"):
        FactorGrid(1, (2,), (2,), (1,), ((1.0,),), mapping="hash")
