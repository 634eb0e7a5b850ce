import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.spec import from_spec, to_spec


def test_identity_returns_the_coords():
    coords = torch.rand(5, 3)
    assert_close(Identity(3)(coords), coords, rtol=0, atol=0)


def test_identity_has_only_the_lowest_octave():
    assert Identity(3).octaves().tolist() == [0, 0, 0]


@pytest.mark.parametrize("in_dim", [0, 17])
def test_identity_refuses_dimensions_out_of_range(in_dim):
    with pytest.raises(InputError, match="in_dim"):
        Identity(in_dim)


def test_identity_is_rebuilt_from_its_spec():
    spec = to_spec(Identity(2))
    assert to_spec(from_spec(spec, {"Identity": Identity})) == spec
