import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.radial import Radial
from ungrid.errors import InputError
from ungrid.spec import from_spec, to_spec


def turned(coords, angle):
    """Points turned around the center, in the plane of the two axes."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return coords @ torch.tensor([[cosine, sine], [-sine, cosine]], dtype=coords.dtype)


def some_coords(n=50, dim=2):
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1


def test_features_are_coords_radius_and_latent_all_times_the_scale():
    encoding = Radial(2, scale=(8.0,), latent_dim=3, seed=4).double()
    assert_close(
        encoding(torch.tensor([0.3, -0.4], dtype=torch.float64))[:3], torch.tensor([2.4, -3.2, 4.0], dtype=torch.float64)
    )
    assert_close(encoding(some_coords())[:, 3:], 8 * encoding.latent.expand(50, 3))


def test_unequal_scales_make_circles_of_an_oblong_box():
    encoding = Radial(2, scale=(1.0, 2.0), latent_dim=0)
    assert_close(encoding(torch.tensor([[1.0, 0.0], [0.0, 0.5]]))[:, 2], torch.ones(2))


@pytest.mark.parametrize("n_fold", [2, 3, 5, 8])
@pytest.mark.parametrize("mirror", [False, True])
def test_an_n_fold_pattern_is_the_same_after_an_nth_of_a_turn(n_fold, mirror):
    encoding = Radial(2, n_fold=n_fold, mirror=mirror, latent_dim=0).double()
    coords = some_coords()
    assert_close(encoding(turned(coords, 2 * math.pi / n_fold)), encoding(coords), rtol=0, atol=1e-9)
    assert not torch.allclose(encoding(turned(coords, math.pi / n_fold)), encoding(coords), atol=0.01)


@pytest.mark.parametrize("n_fold", [2, 3, 4])
def test_folds_are_the_powers_of_a_complex_number(n_fold):
    coords = some_coords()
    place = torch.complex(coords[:, 0], coords[:, 1])
    expected = place.abs() * (place / place.abs()) ** n_fold
    features = Radial(2, n_fold=n_fold, latent_dim=0).double()(coords)
    assert_close(torch.complex(features[:, 0], features[:, 1]), expected)
    assert_close(features[:, 2], place.abs())


@pytest.mark.parametrize("n_fold", [1, 2, 5])
def test_a_mirrored_pattern_is_its_own_mirror_image_along_the_last_axis(n_fold):
    encoding = Radial(2, n_fold=n_fold, mirror=True, latent_dim=0).double()
    coords = some_coords()
    assert_close(encoding(coords * torch.tensor([1.0, -1.0])), encoding(coords), rtol=0, atol=1e-9)


def test_inside_its_first_wedge_a_kaleidoscope_leaves_the_coords_as_they_are():
    coords = torch.tensor([[0.5, 0.1], [0.9, 0.4]], dtype=torch.float64)  # angles below π / 5
    features = Radial(2, n_fold=5, mirror=True, latent_dim=0).double()(coords)
    assert_close(features[:, :2], coords)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_tile_goes_on_in_the_next_box_without_a_seam(dim):
    encoding = Radial(dim, tile=True, latent_dim=0).double()
    coords = some_coords(dim=dim)
    for axis in range(dim):
        assert_close(encoding(coords + 2 * torch.eye(dim, dtype=torch.float64)[axis]), encoding(coords), rtol=0, atol=1e-9)
    edge = torch.ones(dim, dtype=torch.float64)
    assert_close(encoding(edge), encoding(-edge), rtol=0, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"n_fold": 3}, {"n_fold": 4, "mirror": True}, {"tile": True}])
def test_values_and_slopes_are_finite_at_the_center_and_on_the_axes(options):
    coords = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]], requires_grad=True)
    features = Radial(2, **options)(coords)
    (slopes,) = torch.autograd.grad(features.sum(), coords)
    assert torch.isfinite(features).all()
    assert torch.isfinite(slopes).all()


def test_the_latent_can_be_moved_and_is_saved_with_the_weights():
    encoding = Radial(2, latent_dim=2, seed=3)
    assert encoding.latent.abs().max() <= 1
    encoding.set_latent(torch.tensor([0.25, -2.0]))
    assert encoding(torch.zeros(2))[3:].tolist() == [0.25, -2.0]
    assert encoding.state_dict()["latent"].tolist() == [0.25, -2.0]
    with pytest.raises(InputError, match=r"the latent has shape \(3,\); expected \(2,\)"):
        encoding.set_latent(torch.zeros(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_fold": 0}, "n_fold is 0"),
        ({"n_fold": 65}, "n_fold is 65"),
        ({"latent_dim": -1}, "latent_dim is -1"),
        ({"latent_dim": 10**9}, "latent_dim"),
        ({"scale": (1.0, 2.0, 3.0)}, "scale has 3 entries; expected 1 or 2"),
        ({"scale": (0.0,)}, "scale is 0.0"),
        ({"scale": (math.nan,)}, "scale is nan"),
        ({"tile": True, "mirror": True}, "a tile has no mirror"),
        ({"tile": True, "n_fold": 3}, "a tile has no mirror and no folds"),
        ({"in_dim": 1, "n_fold": 2}, "a single axis has no turns"),
        ({"in_dim": 0}, "in_dim is 0"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Radial(**{"in_dim": 2, **options})


def test_radial_is_rebuilt_from_its_spec():
    encoding = Radial(2, scale=(1.5, 2.0), n_fold=3, mirror=True, latent_dim=4, seed=7)
    rebuilt = from_spec(to_spec(encoding), {"Radial": Radial})
    assert to_spec(rebuilt) == to_spec(encoding)
    assert torch.equal(rebuilt.latent, encoding.latent)
