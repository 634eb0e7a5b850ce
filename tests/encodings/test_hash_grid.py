import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.encodings.hash_grid import HashGrid, lattice
from ungrid.errors import InputError, UnknownName
from ungrid.spec import from_spec, to_spec

PRIMES = [1, 2654435761, 805459861, 3674653429]

GOLDEN = Path(__file__).parents[1] / "golden" / "siren_fourier_hash.json"


def plain_level_size(level, d, base, scale, log2_size):
    """(scale, resolution, rows) of a level, one step at a time as tiny-cuda-nn takes them."""
    grid_scale = base * scale**level - 1
    resolution = math.ceil(grid_scale) + 1
    rows = resolution**d
    while rows % 8:
        rows += 1
    return grid_scale, resolution, min(rows, 2**log2_size)


def plain_row(node, resolution, n_rows):
    """Row of a node, with the arithmetic of 32-bit unsigned integers written out."""
    stride, row = 1, 0
    for n in node:
        if stride > n_rows:
            break
        row = (row + n * stride) % 2**32
        stride *= resolution
    if n_rows < stride:
        row = 0
        for n, prime in zip(node, PRIMES, strict=False):
            row ^= (n * prime) % 2**32
    return row % n_rows


def plain_features(grid, coord):
    """Features of one coordinate, corner by corner."""
    features = []
    for level, table in enumerate(grid.levels):
        scale, resolution, n_rows = plain_level_size(
            level, grid.in_dim, grid.base_resolution, grid.per_level_scale, grid.log2_hashmap_size
        )
        assert table.shape[0] == n_rows
        position = [(x + 1) / 2 * scale + 0.5 for x in coord]
        cell = [math.floor(p) for p in position]
        total = [0.0] * grid.n_features_per_level
        for corner in itertools.product((0, 1), repeat=grid.in_dim):
            weight = math.prod(p - c if up else 1 - (p - c) for p, c, up in zip(position, cell, corner, strict=True))
            row = plain_row([c + up for c, up in zip(cell, corner, strict=True)], resolution, n_rows)
            total = [t + weight * v for t, v in zip(total, table[row].tolist(), strict=True)]
        features += total
    return features


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_features_are_those_of_a_plain_implementation(d):
    grid = HashGrid(d, 5, 2, log2_hashmap_size=8, base_resolution=3, per_level_scale=1.7).double()
    assert d == 1 or {level.is_hashed for level in grid.lattices} == {True, False}
    coords = torch.rand(6, d, dtype=torch.float64) * 2 - 1
    coords = torch.cat([coords, torch.ones(1, d), -torch.ones(1, d)]).double()
    expected = torch.tensor([plain_features(grid, coord) for coord in coords.tolist()], dtype=torch.float64)
    assert_close(grid(coords), expected, atol=1e-15, rtol=1e-9)


def test_hashed_rows_are_those_computed_by_hand():
    level = lattice(1023.0, 3, 14)
    assert level.is_hashed
    corners = level.corner_rows(torch.tensor([0, 0, 0]))
    # 2654435761 = 14769 mod 2¹⁴, 805459861 = 6037 mod 2¹⁴
    assert 2654435761 % 2**14 == 14769
    assert 805459861 % 2**14 == 6037
    second, third = 14769, 6037
    assert corners.tolist() == [0, third, second, second ^ third, 1, 1 ^ third, 1 ^ second, 1 ^ second ^ third]


def test_products_beyond_32_bits_wrap_around():
    level = lattice(2.0**29, 3, 20)
    node = [2**29 + 7, 2**29 - 1, 123_456_789]
    assert level.corner_rows(torch.tensor(node))[0] == plain_row(node, level.resolution, level.n_rows)


def test_dense_rows_run_fastest_along_the_first_axis():
    level = lattice(3.0, 2, 10)
    assert (level.resolution, level.n_rows, level.is_hashed) == (4, 16, False)
    assert level.corner_rows(torch.tensor([2, 1])).tolist() == [6, 10, 7, 11]


def test_levels_have_the_sizes_of_tiny_cuda_nn():
    # resolutions 16, 24, 36, 54 cubed; the last two exceed 2¹⁵ rows
    grid = HashGrid(3, 4, log2_hashmap_size=15, base_resolution=16, per_level_scale=1.5)
    assert [level.resolution for level in grid.lattices] == [16, 24, 36, 54]
    assert [table.shape[0] for table in grid.levels] == [4096, 13824, 32768, 32768]
    assert lattice(4.0, 3, 19).n_rows == 128  # 5³ = 125, rounded up to a multiple of 8


@pytest.mark.parametrize("kind", ["linear", "smoothstep"])
def test_hash_grid_is_continuous_across_cells(kind):
    grid = HashGrid(2, 3, log2_hashmap_size=6, base_resolution=4, interpolation=kind).double()
    for table in grid.levels:
        table.data.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    scale = grid.lattices[-1].scale
    borders = (torch.arange(1, int(scale), dtype=torch.float64) - 0.5) / scale * 2 - 1
    across = torch.stack([borders, torch.full_like(borders, 0.123)], dim=-1)
    step = torch.tensor([1e-9, 0], dtype=torch.float64)
    assert_close(grid(across - step), grid(across + step), atol=1e-6, rtol=0)


def test_smoothstep_has_no_slope_at_the_nodes():
    grid = HashGrid(1, 1, log2_hashmap_size=8, base_resolution=8, interpolation="smoothstep").double()
    node = torch.tensor([(3 - 0.5) / grid.lattices[0].scale * 2 - 1], dtype=torch.float64)
    slope = torch.func.jacrev(grid)(node)
    assert_close(slope, torch.zeros_like(slope), atol=1e-15, rtol=0)


@pytest.mark.parametrize("kind", ["linear", "smoothstep"])
def test_derivatives_are_exact(kind):
    grid = HashGrid(2, 3, log2_hashmap_size=5, base_resolution=3, interpolation=kind).double()
    for table in grid.levels:
        table.data.mul_(1e4)
    coords = torch.tensor([[-0.7, 0.13], [0.41, -0.31]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(grid, coords)
    assert gradgradcheck(grid, coords)


def test_table_starts_uniform_within_a_ten_thousandth():
    table = HashGrid(3, 1, log2_hashmap_size=14, base_resolution=64).levels[0]
    assert table.abs().max() <= 1e-4
    assert_close(table.std().item(), 1e-4 / math.sqrt(3), atol=1e-6, rtol=0)


def test_coords_outside_have_the_value_of_the_nearest_point():
    grid = HashGrid(2, 4, log2_hashmap_size=8)
    outside = torch.tensor([[-3.0, 0.2], [1.7, 2.0]])
    assert_close(grid(outside), grid(outside.clamp(-1, 1)), rtol=0, atol=0)


def test_a_coord_that_is_not_a_number_gives_features_that_are_not():
    assert HashGrid(2, 2, log2_hashmap_size=8)(torch.tensor([torch.nan, 0.0])).isnan().all()


def test_octaves_follow_the_growth_of_the_resolution():
    assert HashGrid(2, 3, 2, log2_hashmap_size=8, per_level_scale=4.0).octaves().tolist() == [0, 0, 2, 2, 4, 4]


@pytest.mark.parametrize(
    "wrong",
    [
        {"in_dim": 5},
        {"n_levels": 65},
        {"n_features_per_level": 0},
        {"log2_hashmap_size": 31},
        {"base_resolution": 0},
        {"per_level_scale": 0.5},
        {"per_level_scale": math.inf},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        HashGrid(**{"in_dim": 2, **wrong})


def test_a_finest_level_beyond_32_bit_coordinates_is_refused():
    with pytest.raises(InputError, match="lower base_resolution"):
        HashGrid(2, 40, base_resolution=16, per_level_scale=2.0)


def test_a_kernel_of_four_taps_is_not_offered():
    with pytest.raises(UnknownName, match="linear, smoothstep"):
        HashGrid(2, interpolation="cubic")


def test_hash_grid_is_rebuilt_from_its_spec():
    grid = HashGrid(2, 3, 4, log2_hashmap_size=7, base_resolution=5, per_level_scale=1.5, interpolation="smoothstep", seed=2)
    rebuilt = from_spec(to_spec(grid), {"HashGrid": HashGrid})
    assert to_spec(rebuilt) == to_spec(grid)
    assert all(map(torch.equal, rebuilt.levels, grid.levels))


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_features_are_those_of_instant_ngps_formula(dim, dtype, atol):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    known = golden["hash_grid"][str(dim)]
    encoding = HashGrid(dim, 3, 2, log2_hashmap_size=5, base_resolution=3, per_level_scale=1.7).to(dtype)
    encoding.load_state_dict({f"levels.{i}": torch.tensor(table, dtype=dtype) for i, table in enumerate(known["tables"])})
    points = torch.tensor(golden["points" if dim == 2 else "space"], dtype=dtype)
    torch.testing.assert_close(encoding(points), torch.tensor(known["values"], dtype=dtype), atol=atol, rtol=0)
