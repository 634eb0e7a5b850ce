import pytest
import torch
from torch.testing import assert_close

from ungrid.kernels.activations import ACTIVATIONS, unchanged


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_pointwise_and_has_a_slope(name):
    sums = torch.linspace(-4, 4, 33).requires_grad_()
    values = ACTIVATIONS[name](sums)
    assert_close(torch.cat([ACTIVATIONS[name](part) for part in sums.split(1)]), values)
    (slopes,) = torch.autograd.grad(values.sum(), sums)
    assert slopes.isfinite().all()


def test_none_leaves_the_values():
    values = torch.ones(3)
    assert unchanged(values) is values
