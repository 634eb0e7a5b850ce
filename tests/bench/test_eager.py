import pytest
import torch

from ungrid.bench.decoding import _fields
from ungrid.bench.eager import eager
from ungrid.bench.steps import hash_field, siren_operations


@pytest.mark.parametrize("field", [hash_field(2), hash_field(3), *_fields().values()])
def test_plain_operations_give_the_fields_own_values(field):
    coords = torch.rand(50, field.in_dim, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(eager(field)(coords), field.values_at(coords), atol=1e-4, rtol=1e-4)


def test_a_siren_step_of_65_536_points_is_77_5_billion_operations():
    assert siren_operations(65_536) == pytest.approx(77.5e9, rel=2e-3)
