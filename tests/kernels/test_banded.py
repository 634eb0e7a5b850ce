"""Banded equations against dense ones."""

import pytest
import torch
from torch.testing import assert_close

from ungrid.kernels.banded import solve_banded


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 23, 64])
@pytest.mark.parametrize("below", [1, 2, 3])
def test_banded_equations_have_the_solution_of_dense_ones(n, below):
    rng = torch.Generator().manual_seed(n)
    factor = torch.tril(torch.randn(2, n, n, generator=rng, dtype=torch.float64)).triu(-below)
    matrix = factor @ factor.mT + 0.1 * torch.eye(n, dtype=torch.float64)
    right = torch.randn(2, n, generator=rng, dtype=torch.float64)
    bands = torch.stack([torch.nn.functional.pad(matrix.diagonal(-k, -2, -1), (0, min(k, n))) for k in range(below + 1)], -2)
    assert_close(solve_banded(bands[..., :n], right), torch.linalg.solve(matrix, right[..., None])[..., 0])
