import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.regions import Faces, Inside
from ungrid.errors import InputError

BOX = Box(("t", "x"), ((0.0, 3.0), (-1.0, 1.0)))


def rng():
    return torch.Generator().manual_seed(0)


def test_points_lie_inside_one_in_every_slab():
    points = Inside(BOX).draw(30, rng())
    assert bool(BOX.contains(points).all())
    for axis, (low, high) in enumerate(BOX.bounds):
        slabs = ((points[:, axis] - low) / (high - low) * 30).floor().long()
        assert sorted(slabs.tolist()) == list(range(30))


def test_faces_have_as_many_points_each():
    points = Faces(BOX).draw(42, rng(), torch.float64)
    assert points.dtype == torch.float64
    on = [(points[:, 0] == 0).sum(), (points[:, 0] == 3).sum(), (points[:, 1] == -1).sum(), (points[:, 1] == 1).sum()]
    assert sorted(int(n) for n in on) == [10, 10, 11, 11]


def test_one_face_is_the_beginning_of_time():
    points = Faces(BOX, (("t", "low"),)).draw(8, rng())
    assert len(points) == 8
    assert bool((points[:, 0] == 0).all())


def test_the_same_seed_gives_the_same_points():
    assert torch.equal(Inside(BOX).draw(9, rng()), Inside(BOX).draw(9, rng()))


def test_an_axis_that_the_box_has_not_is_refused():
    with pytest.raises(InputError, match="no face along 'y'"):
        Faces(BOX, (("y", "low"),))
