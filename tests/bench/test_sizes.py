import pytest
import torch

from ungrid.bench.equal import MODELS
from ungrid.bench.sizes import SIZES, TOLERANCE, solve
from ungrid.errors import InputError
from ungrid.testing.toys import tiny_picture

GRID = tiny_picture(48, 64).grid


@pytest.mark.parametrize("name", MODELS)
def test_every_model_comes_within_five_percent_of_the_parameters_asked_for(name):
    sized = solve(name, MODELS[name], GRID, 3, 20_000)
    assert abs(sized.n_params / 20_000 - 1) <= TOLERANCE
    with torch.device("meta"):
        assert MODELS[name](GRID.box, 3, **sized.arguments).n_params == sized.n_params


def test_what_cannot_be_so_small_comes_as_near_as_it_can():
    smallest = MODELS["incode"](GRID.box, 3, width=1).n_params  # its harmonizer alone
    assert solve("incode", MODELS["incode"], GRID, 3, 100).n_params == smallest


def test_a_hash_grid_keeps_its_finest_resolution():
    sizes = [SIZES["hash_grid"].arguments(entries) for entries in (1024.0, 1100.0, 1500.0, 2048.0)]
    finest = [size["per_level_scale"] ** (size["n_levels"] - 1) for size in sizes]
    assert finest == pytest.approx([1.5**15] * 4)
    tables = [size["n_levels"] * 2 ** size["log2_hashmap_size"] for size in sizes]
    assert tables == sorted(tables)


def test_a_model_that_no_one_said_how_to_grow_is_refused():
    with pytest.raises(InputError, match="say in bench/sizes"):
        solve("new", lambda box, out_dim: None, GRID, 3, 100)
