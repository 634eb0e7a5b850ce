import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.differentiate import gradient
from ungrid.errors import InputError, UnknownName
from ungrid.fields.algebra import Sum
from ungrid.fields.solids import Extended, Shell, Solid, in_one_box
from ungrid.render.contour import contour
from ungrid.signals.shape import Shape
from ungrid.testing.surfaces import KnownDistance

A, B = torch.tensor([-0.4, 0.0, 0.0]), torch.tensor([0.4, 0.0, 0.0])


def ball(center=(0.0, 0.0, 0.0), radius=1.0, half=2.0):
    return KnownDistance(lambda points: (points - torch.as_tensor(center).to(points)).norm(dim=-1) - radius, half=half)


def cube(side=1.0, center=(0.0, 0.0, 0.0)):
    def distance(points):
        beyond = (points - torch.as_tensor(center).to(points)).abs() - side / 2
        return beyond.clamp_min(0).norm(dim=-1) + beyond.amax(dim=-1).clamp_max(0)

    return KnownDistance(distance, half=2.0)


def solid(operation, *fields, radius=0.0):
    return Solid(fields, operation, radius)


def places(n=500):
    return torch.rand(n, 3, generator=torch.Generator().manual_seed(0)) * 3 - 1.5


def volume(field, resolution=80):
    found = contour(field, resolution=resolution)
    return Shape(found.vertices, found.faces).volume


def test_sharp_operations_are_extremes_of_the_distances():
    a, b, x = ball(A), ball(B), places()
    assert_close(solid("union", a, b)(x), torch.minimum(a(x), b(x)))
    assert_close(solid("intersection", a, b)(x), torch.maximum(a(x), b(x)))
    assert_close(solid("difference", a, b)(x), torch.maximum(a(x), -b(x)))
    assert_close(Shell(a, 0.2)(x), a(x).abs() - 0.1)


def test_volumes_are_those_of_the_closed_forms():
    apart = 0.8
    lens = math.pi * (2 - apart) ** 2 * (apart**2 + 4 * apart) / (12 * apart)  # of two unit balls
    whole = 4 / 3 * math.pi
    assert volume(solid("intersection", ball(A), ball(B))) == pytest.approx(lens, rel=0.01)
    assert volume(solid("union", ball(A), ball(B))) == pytest.approx(2 * whole - lens, rel=0.01)
    assert volume(solid("difference", ball(A), ball(B))) == pytest.approx(whole - lens, rel=0.01)
    assert volume(Shell(ball(), 0.2)) == pytest.approx(4 / 3 * math.pi * (1.1**3 - 0.9**3), rel=0.02)
    assert volume(solid("difference", ball(), cube(0.8))) == pytest.approx(whole - 0.8**3, rel=0.01)


def test_a_ball_less_a_box_that_sticks_out_has_the_volume_of_the_closed_form():
    half_space = KnownDistance(lambda points: points[..., 0], half=2.0)  # x < 0
    assert volume(solid("difference", ball(), half_space)) == pytest.approx(2 / 3 * math.pi, rel=0.01)


def test_a_blended_union_of_two_half_spaces_is_the_parabola_of_the_formula():
    x_low, y_low = (KnownDistance(lambda points, axis=axis: points[..., axis], half=2.0) for axis in (0, 1))
    blend = solid("union", x_low, y_low, radius=0.5)
    along = torch.linspace(-0.24, 0.24, 9)
    # on the surface (x + y) / 2 = r/4 + (x − y)² / (4r)
    s = 0.5 / 2 + (2 * along) ** 2 / (2 * 0.5)
    points = torch.stack([s / 2 + along, s / 2 - along, torch.zeros_like(along)], dim=-1)
    assert_close(blend(points), torch.zeros(9, 1), atol=1e-6, rtol=0)


def test_a_blend_adds_what_the_formula_says_and_has_no_kink():
    a, b, x = ball(A), ball(B), places()
    for operation, sign in (("union", -1), ("intersection", 1)):
        added = solid(operation, a, b, radius=0.4)(x) - solid(operation, a, b)(x)
        assert float((added * sign).min()) >= -1e-6
        assert float(added.abs().max()) <= 0.1 + 1e-6
    middle = torch.tensor([[-1e-4, 1.2, 0.0], [1e-4, 1.2, 0.0]])
    slopes = gradient(solid("union", a, b, radius=0.4), middle)
    assert_close(slopes[0], slopes[1], atol=1e-3, rtol=0)
    sharp = gradient(solid("union", a, b), middle)
    assert float((sharp[0] - sharp[1]).abs().max()) > 0.3
    assert solid("union", a, b, radius=0.4).smoothness == 1
    assert solid("union", a, b).smoothness == 0


def test_beyond_its_own_box_a_distance_is_never_more_than_the_true_one():
    small = ball((0.3, 0.0, -0.1), 0.5, half=1.0)
    large = ball(half=3.0)
    whole = in_one_box((small, large))
    assert isinstance(whole[0], Extended)
    assert whole[1] is large
    assert whole[0].box == whole[1].box
    x = places() * 2
    true = (x - torch.tensor([0.3, 0.0, -0.1])).norm(dim=-1, keepdim=True) - 0.5
    found = whole[0](x)
    assert float((found - true).max()) < 1e-5
    assert float((found[true > 1.5] / true[true > 1.5]).min()) > 0.6
    inside = (x.abs() < 1).all(dim=-1)
    assert_close(found[inside], true[inside])


def test_an_extended_solid_is_sampled_as_finely_as_before():
    small, large = in_one_box((ball(half=1.0), ball(half=3.0)))
    assert small.record.shape == (24, 24, 24)
    assert large.record.shape == (8, 8, 8)


def test_boxes_of_other_units_are_refused():
    other = KnownDistance(lambda points: points[..., 0], half=2.0)
    other.box = type(other.box)(other.box.axes, other.box.bounds, ("mm",) * 3)
    with pytest.raises(InputError, match="Transformed"):
        in_one_box((ball(), other))
    with pytest.raises(InputError, match="does not hold"):
        Extended(ball(half=2.0), ball(half=1.0).box)


@pytest.mark.parametrize("radius", [-0.1, math.nan, math.inf])
def test_a_radius_out_of_range_is_refused(radius):
    with pytest.raises(InputError, match="radius"):
        solid("union", ball(A), ball(B), radius=radius)


def test_a_thickness_of_nothing_is_refused():
    with pytest.raises(InputError, match="thickness"):
        Shell(ball(), 0.0)


def test_an_offset_and_a_morph_are_sums():
    x = places()
    assert_close(Sum((ball(),), offset=(-0.2,))(x), ball(radius=1.2)(x))
    assert_close(Sum((ball(), ball(radius=0.5)), (0.5, 0.5))(x), ball(radius=0.75)(x))


def test_more_than_two_solids_are_joined_at_once_and_a_difference_takes_all_others_away():
    a, b, c, x = ball(A), ball(B), ball((0.0, 0.5, 0.0)), places()
    assert_close(solid("union", a, b, c)(x), torch.minimum(torch.minimum(a(x), b(x)), c(x)))
    assert_close(solid("difference", a, b, c)(x), torch.maximum(torch.maximum(a(x), -b(x)), -c(x)))


def test_an_unknown_operation_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'union'"):
        solid("unoin", ball())
