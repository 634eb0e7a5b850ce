"""Directions in place of angles."""

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.identity import Identity
from ungrid.encodings.sphere_coords import SphereCoords
from ungrid.errors import InputError

GLOBE = ((-90.0, 90.0), (-180.0, 180.0))


def test_angles_become_unit_vectors():
    encoding = SphereCoords(Identity(3), 2, *GLOBE)
    points = torch.tensor([[0.0, 0.0], [0.0, 0.5], [1.0, 0.3], [-1.0, -0.9]])
    assert_close(encoding(points), torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1]]), rtol=0, atol=1e-6)


def test_cells_beyond_a_pole_go_on_at_the_other_side():
    encoding = SphereCoords(Identity(3), 2, (-100.0, 100.0), (-180.0, 180.0))
    beyond, across = encoding(torch.tensor([[0.95, 0.25], [0.85, -0.75]]))
    assert_close(beyond, across, rtol=0, atol=1e-6)


@pytest.mark.parametrize("joined", [0, 1, 2])
def test_the_last_of_the_other_axes_go_in_first(joined):
    encoding = SphereCoords(Identity(3 + joined), 4, *GLOBE)
    features = encoding(torch.tensor([0.1, 0.2, 0.0, 0.0]))
    assert features.shape == (5,)
    assert_close(features[:joined], torch.tensor([0.1, 0.2][2 - joined :]))
    assert_close(features[joined + 3 :], torch.tensor([0.1, 0.2][: 2 - joined]))


def test_an_encoding_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="takes 2 axes"):
        SphereCoords(Identity(2), 2, *GLOBE)
    with pytest.raises(InputError, match="expected rising degrees"):
        SphereCoords(Identity(3), 2, (90.0, -90.0), (-180.0, 180.0))
