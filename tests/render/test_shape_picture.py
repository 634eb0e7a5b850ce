import math

import numpy as np
import pytest
import torch
from PIL import Image

from ungrid.errors import InputError
from ungrid.render import shape_picture
from ungrid.render.shape_picture import draw_shape, eye_at
from ungrid.testing.surfaces import KnownDistance


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(shape_picture, "LEAST_SIDE", 96)


def drawn(path, distance, **options):
    field = KnownDistance(distance, **options)
    draw_shape(field, path, field.grid())
    return np.asarray(Image.open(path)).astype(float) / 255


def ball(points):
    return points.norm(dim=-1) - 1


def test_a_sphere_is_seen_as_a_disc_of_its_size_from_both_sides(tmp_path):
    picture = drawn(tmp_path / "a.png", ball)
    assert picture.shape == (96, 192, 3)
    reach = 1.5 * (math.cos(math.radians(35)) + math.sin(math.radians(35)))  # of the box's corners, to the right
    across = max(reach, 1.5 * sum(eye_at(1).up.abs()))
    for view in (picture[:, :96], picture[:, 96:]):
        covered = (view.min(axis=-1) < 0.95).mean()
        assert covered == pytest.approx(math.pi / (2 * float(across)) ** 2, rel=0.05)


def test_light_comes_from_above(tmp_path):
    picture = drawn(tmp_path / "a.png", ball)[:, :96].mean(axis=-1)
    assert picture[30:40, 44:52].mean() > picture[56:66, 44:52].mean() + 0.1


def test_what_is_in_front_hides_what_is_behind(tmp_path):
    front = eye_at(1).toward

    def two(points):  # a small ball before a large one
        return torch.minimum(ball(points) + 0.5, (points - front * 0.9).norm(dim=-1) - 0.2)

    both, plain = (drawn(tmp_path / "a.png", distance)[:, :96] for distance in (two, lambda points: ball(points) + 0.5))
    changed = np.abs(both - plain).max(axis=-1) > 0.02
    assert changed[40:56, 40:56].any()

    def hidden(points):  # the same, behind it
        return torch.minimum(ball(points) + 0.5, (points + front * 0.9).norm(dim=-1) - 0.2)

    assert np.abs(drawn(tmp_path / "a.png", hidden)[:, :96] - plain).max() < 1e-6


def test_the_eye_looks_along_three_perpendicular_directions_with_up_upward():
    for axis in (1, 2):
        eye = eye_at(axis)
        frame = torch.stack(list(eye))
        torch.testing.assert_close(frame @ frame.T, torch.eye(3), atol=1e-6, rtol=0)
        assert float(torch.linalg.det(frame)) == pytest.approx(1, abs=1e-5)
        assert float(eye.up[axis]) > 0.9
        assert float(eye.right[axis]) == pytest.approx(0, abs=1e-6)


def test_where_nothing_is_the_picture_is_white(tmp_path):
    assert drawn(tmp_path / "a.png", lambda points: points.norm(dim=-1) + 1).min() == 1.0


def test_a_picture_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(shape_picture, "MOST_SIDE", 50)
    with pytest.raises(InputError, match="larger than 50"):
        drawn(tmp_path / "a.png", ball)
    assert not list(tmp_path.iterdir())
