import copy
import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.bit_packing import packed_size
from ungrid.encodings.codebook_grid import MAX_LOGITS, CodebookGrid
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.errors import InputError, UnknownName
from ungrid.fields.storage import load_field, save_field
from ungrid.files import read_header
from ungrid.spec import from_spec, to_spec
from ungrid.testing import check_encoding
from ungrid.testing.contracts import known_parts
from ungrid.testing.examples import encoded_field

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "codebook_grid.json").read_text())
KINDS = ["linear", "smoothstep", "cubic"]


def golden_grid(indexing):
    grid = CodebookGrid(2, tuple((n, n) for n in GOLDEN["cells"]), 3, index_bits=2, indexing=indexing).double()
    for name in ("codebooks", "logits"):
        for parameter, numbers in zip(getattr(grid, name), GOLDEN[name], strict=True):
            parameter.data.copy_(torch.tensor(numbers, dtype=torch.float64))
    return grid


def spread_grid(**arguments):
    """A grid whose features are not near zero."""
    return CodebookGrid(2, ((3, 4), (6, 8)), 4, init_scale=1.0, **arguments)


@pytest.mark.parametrize(("indexing", "values"), [("straight_through", "hard"), ("soft", "soft")])
def test_features_are_the_formula_of_the_paper(indexing, values):
    points = torch.tensor(GOLDEN["points"], dtype=torch.float64)
    assert_close(golden_grid(indexing)(points), torch.tensor(GOLDEN[values], dtype=torch.float64), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index_bits", [1, 4, 6, 8, 11])
def test_hardening_changes_no_bit_of_the_values(kind, index_bits):
    grid = spread_grid(index_bits=index_bits, interpolation=kind)
    coords = torch.rand(50, 2) * 2 - 1
    before, indices = grid(coords), grid.indices()
    grid.harden()
    assert torch.equal(grid(coords), before)
    assert all(map(torch.equal, grid.indices(), indices))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hardened_grid_is_a_dense_grid_of_its_tables(kind):
    grid, dense = spread_grid(interpolation=kind, indexing="hard"), DenseGrid(2, ((3, 4), (6, 8)), 4, interpolation=kind)
    for level, table in zip(dense.levels, grid.tables(), strict=True):
        level.data.copy_(table)
    coords = torch.rand(20, 2) * 2 - 1
    assert torch.equal(grid(coords), dense(coords))


def test_gradients_are_those_of_the_softened_index_for_logits_and_of_the_taken_rows_for_codebooks():
    grid = spread_grid(index_bits=3).double()
    coords = torch.rand(30, 2, dtype=torch.float64) * 2 - 1
    grid(coords).square().sum().backward()
    # the loss's slope at the hard values, pulled through softmax(C) D for C and through one-hot(argmax C) D for D
    tables = [table.detach().requires_grad_() for table in grid.tables()]
    grid.reference(coords, tables).square().sum().backward()
    for table, logits, codebook in zip(tables, grid.logits, grid.codebooks, strict=True):
        slope, shares = table.grad.flatten(0, -2), logits.detach().softmax(dim=-1)
        pulled = slope @ codebook.detach().T
        assert_close(logits.grad, shares * (pulled - (shares * pulled).sum(dim=-1, keepdim=True)))
        assert_close(codebook.grad, torch.nn.functional.one_hot(logits.argmax(-1), 8).double().T @ slope)


@pytest.mark.parametrize("index_bits", [3, 6, 12])
def test_a_hardened_field_reopens_to_the_same_bits_and_its_file_holds_the_indices_at_their_size(tmp_path, index_bits):
    field = encoded_field(spread_grid(index_bits=index_bits), 3)
    field.encoding.harden()
    path = tmp_path / "a.ung"
    save_field(field, path, version="0")
    loaded = load_field(path, known_parts())
    coords = field.box.denormalize(torch.rand(40, 2) * 2 - 1)
    assert torch.equal(loaded(coords), field(coords))
    entries = read_header(path).tensors
    held = sum(e.stop - e.start for name, e in entries.items() if name.startswith("encoding."))
    assert 8 * held == loaded.encoding.bits()
    counts = [4 * 5, 7 * 9]
    assert loaded.encoding.bits() == 8 * sum(packed_size(n, index_bits) for n in counts) + 2 * 2**index_bits * 4 * 32
    assert not any("logits" in name for name in entries)


def test_bits_count_codebooks_at_the_width_of_their_numbers():
    grid = CodebookGrid(1, ((7,),), 2, index_bits=4)
    assert grid.bits() == 8 * 4 + 16 * 2 * 32
    assert grid.bits(float_bits=16) == 8 * 4 + 16 * 2 * 16


def test_a_hardened_grid_is_fitted_further_by_its_codebooks():
    grid = spread_grid(index_bits=2)
    grid.harden()
    assert [name for name, _ in grid.named_parameters()] == ["codebooks.0", "codebooks.1"]
    grid(torch.rand(20, 2)).sum().backward()
    assert all(codebook.grad.abs().sum() > 0 for codebook in grid.codebooks)


def test_hardening_again_changes_nothing():
    grid = spread_grid(index_bits=2)
    grid.harden()
    once = copy.deepcopy(grid.state_dict())
    grid.harden()
    assert all(torch.equal(once[name], tensor) for name, tensor in grid.state_dict().items())


@pytest.mark.parametrize("index_bits", [1, 3])
def test_a_hard_grid_keeps_the_contract(index_bits):
    check_encoding(
        lambda d, seed: CodebookGrid(d, ((2,) * d,), 2, index_bits=index_bits, interpolation="cubic", indexing="hard", seed=seed),
        [2],
    )


def test_a_grid_learns_which_row_fits():
    grid = CodebookGrid(1, ((15,),), 1, index_bits=1, init_scale=0.01)
    nodes = torch.linspace(-1, 1, 16)[:, None]
    target = (torch.arange(16) % 3 == 0).float()[:, None]
    optimizer = torch.optim.Adam(grid.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        (grid(nodes) - target).square().mean().backward()
        optimizer.step()
    grid.harden()
    assert_close(grid(nodes), target, atol=1e-2, rtol=0)


def test_more_logits_than_memory_holds_are_refused_but_not_for_hard_indices():
    cells = ((2**10, 2**10),)
    with pytest.raises(InputError, match="lower index_bits or resolutions"), torch.device("meta"):
        CodebookGrid(2, cells, index_bits=16)
    assert MAX_LOGITS < 2**36
    with torch.device("meta"):
        CodebookGrid(2, cells, index_bits=16, indexing="hard")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"index_bits": 0}, InputError),
        ({"index_bits": 17}, InputError),
        ({"n_features_per_level": 0}, InputError),
        ({"in_dim": 5}, InputError),
        ({"resolutions": ()}, InputError),
        ({"init_scale": -1.0}, InputError),
        ({"indexing": "argmax"}, UnknownName),
        ({"interpolation": "nearest"}, UnknownName),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, error):
    with pytest.raises(error):
        CodebookGrid(**{"in_dim": 1, "resolutions": ((4,),), **wrong})


def test_the_state_is_part_of_the_spec():
    grid = spread_grid(index_bits=5)
    grid.harden()
    again = from_spec(to_spec(grid), {"CodebookGrid": CodebookGrid})
    assert again.indexing == "hard"
    assert {n: t.shape for n, t in again.state_dict().items()} == {n: t.shape for n, t in grid.state_dict().items()}
