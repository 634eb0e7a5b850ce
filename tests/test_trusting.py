import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, UnknownName
from ungrid.testing.toys import tiny_picture
from ungrid.trusting import check_laplace, split


@pytest.mark.parametrize("method", ["laplace", "ensemble"])
def test_a_field_is_fitted_calibrated_measured_and_kept_in_its_file(tmp_path, method):
    picture = tiny_picture(24, 32)
    field = ug.uncertainty(picture, method, preset="fast", steps=15, n_members=2)
    assert type(field).__name__ == f"{method.capitalize()}Field"
    found = field.record.fit["uncertainty"]
    assert (found["method"], found["n_calibration"]) == (method, 153)
    assert field.record.fit["steps"] == (15 if method == "laplace" else 30)
    assert field.metrics["heldout"]["n_samples"] == 153
    assert {"psnr", "ssim"} <= set(field.metrics["quality"])
    field.save(tmp_path / "a.ung")
    loaded, coords = ug.load(tmp_path / "a.ung"), field.grid().points()
    assert torch.equal(loaded.deviation(coords), field.deviation(coords))
    assert f"{field.paper}," in ug.cite(loaded)


def test_the_same_seed_gives_the_same_bits():
    first, again = (ug.uncertainty(tiny_picture(16, 16), preset="fast", steps=3, seed=5) for _ in range(2))
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))


def test_samples_kept_are_known_and_not_fitted():
    picture = tiny_picture(20, 20)
    mask = torch.ones(20, 20, dtype=torch.bool)
    mask[:, :4] = False
    parts = split(picture, mask, seed=0)
    assert len(parts.kept) == 64
    assert bool(mask.flatten()[parts.kept].all())
    assert not bool(parts.mask.flatten()[parts.kept].any())
    assert len(parts.fitted) + len(parts.kept) == int(mask.sum())
    assert torch.equal(parts.mask.flatten().nonzero().squeeze(-1), parts.fitted)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "laplase"}, UnknownName, "did you mean 'laplace'"),
        ({"preset": "gaussian_image"}, InputError, "take an ensemble"),
        ({"preset": "wire"}, InputError, "take an ensemble"),
        ({"mask": torch.zeros(3, 3, dtype=torch.bool)}, InputError, "the mask has shape"),
        ({"method": "ensemble", "n_members": 1, "steps": 1}, InputError, "2 to 64 members"),
    ],
)
def test_what_cannot_be_is_refused_before_a_long_fit(options, error, message):
    with pytest.raises(error, match=message):
        ug.uncertainty(tiny_picture(16, 16), **options)


def test_a_small_signal_is_refused():
    with pytest.raises(InputError, match="of 200 or more"):
        ug.uncertainty(tiny_picture(10, 10))


def test_a_field_of_another_kind_has_no_last_layer():
    picture = tiny_picture(16, 16)
    with pytest.raises(InputError, match="GaussianMixture"):
        check_laplace(ug.presets.gaussian_image(picture.box, 3, n_gaussians=4), picture)
