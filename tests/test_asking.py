import numpy as np
import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.asking import query
from ungrid.errors import UnknownName
from ungrid.testing.toys import pixel_box


@pytest.mark.parametrize(
    ("derivative", "shape"),
    [(None, (5, 3)), ("gradient", (5, 3, 2)), ("jacobian", (5, 3, 2)), ("laplacian", (5, 3)), ("hessian", (5, 3, 2, 2))],
)
def test_a_query_in_small_chunks_is_that_in_one(derivative, shape):
    field = ug.presets.siren(pixel_box(), 3, width=8, depth=2)
    coords = np.random.default_rng(0).uniform(0, 12, (5, 2))
    found = query(field, coords, derivative=derivative)
    assert tuple(found.shape) == shape
    assert not found.requires_grad
    assert_close(query(field, coords, derivative=derivative, max_memory=1), found)
    expected = field(coords) if derivative is None else getattr(ug, derivative)(field, torch.tensor(coords, dtype=torch.float32))
    assert_close(found, expected.detach())
    assert query(field, np.zeros((0, 2)), derivative=derivative).shape == (0, *shape[1:])


def test_an_unknown_derivative_gives_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'laplacian'"):
        query(ug.presets.siren(pixel_box(), 1, width=4), [[1.0, 1.0]], derivative="laplacien")
