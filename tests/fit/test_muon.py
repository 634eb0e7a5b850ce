import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ungrid.fit.adam import Adam
from ungrid.fit.muon import Muon, is_matrix, orthogonalized

SETTINGS = {"learning_rate": 0.05, "betas": (0.8, 0.95), "epsilon": 1e-6, "weight_decay": 0.1}


def weights():
    rng = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=rng)) for shape in [(20, 16), (16, 2), (2, 16, 24), (7,)]]


def descend(optimizer, parameters, steps):
    for step in range(steps):
        optimizer.zero_grad()
        sum(((p - step) ** 2).sum() for p in parameters).backward()
        optimizer.step()


@pytest.mark.parametrize("shape", [(16, 16), (40, 20), (20, 40), (3, 16, 30)])
def test_an_orthogonalized_matrix_keeps_its_singular_vectors_and_has_values_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    inside = u.mT @ orthogonalized(matrix) @ vh.mT
    values = inside.diagonal(dim1=-2, dim2=-1)
    assert_close(inside, torch.diag_embed(values), atol=1e-10, rtol=0)
    assert 0.6 < values.min() <= values.max() < 1.3


def test_the_first_step_of_a_matrix_is_0_2_of_the_rate_an_entry_along_its_orthogonalized_gradient():
    matrix = nn.Parameter(torch.zeros(32, 64, dtype=torch.float64))
    target = torch.randn(32, 64, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    optimizer = Muon([matrix], learning_rate=0.1, betas=(0.9, 0.999), epsilon=1e-8)
    (matrix - target).square().sum().backward()
    optimizer.step()
    assert_close(matrix.detach(), 0.1 * 0.2 * 8 * orthogonalized(target))  # √64 = 8


def test_what_is_no_matrix_takes_adams_steps():
    ours, theirs = weights(), weights()
    descend(Muon(ours, **SETTINGS), ours, 4)
    descend(Adam(theirs, decoupled=True, **SETTINGS), theirs, 4)
    assert [is_matrix(p) for p in ours] == [True, False, True, False]
    assert [torch.equal(one, other) for one, other in zip(ours, theirs, strict=True)] == [False, True, False, True]


def test_it_goes_on_from_its_state_to_the_same_bits():
    whole, parts = weights(), weights()
    reference = Muon(whole, **SETTINGS)
    descend(reference, whole, 4)
    first, second = Muon(parts, **SETTINGS), Muon(parts, **(SETTINGS | {"learning_rate": 9.0}))
    descend(first, parts, 4)
    second.load_state_dict(first.state_dict())
    descend(second, parts, 2)
    descend(reference, whole, 2)
    assert all(torch.equal(one, two) for one, two in zip(whole, parts, strict=True))


def test_a_matrix_without_a_gradient_stays_where_it_is():
    matrix, vector = nn.Parameter(torch.ones(16, 16)), nn.Parameter(torch.ones(3))
    optimizer = Muon([matrix, vector], **SETTINGS)
    vector.sum().backward()
    optimizer.step()
    assert torch.equal(matrix, torch.ones(16, 16))
    optimizer.zero_grad(set_to_none=False)
    assert torch.equal(vector.grad, torch.zeros(3))


def test_weight_decay_shrinks_a_matrix_by_rate_times_decay():
    matrix = nn.Parameter(torch.ones(16, 16))
    optimizer = Muon([matrix], learning_rate=0.1, betas=(0.9, 0.99), epsilon=1e-8, weight_decay=0.5)
    matrix.grad = torch.zeros(16, 16)
    optimizer.step()
    assert_close(matrix.detach(), torch.full((16, 16), 0.95))
