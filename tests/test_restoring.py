import json
import math

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, UnknownName
from ungrid.measurements.footprint import Footprint, motion_psf
from ungrid.measurements.noise import LEVELS, Gaussian, Poisson
from ungrid.metrics.error import psnr
from ungrid.restoration.degradation import Degradation
from ungrid.restoring import as_picture, as_psf, classical_names
from ungrid.signals.image import from_array
from ungrid.testing.toys import pixel_box, tiny_film, tiny_picture


def spoiled(picture, noise=None, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return picture.with_values((noise or Gaussian(25 / LEVELS)).simulate(picture.values, rng))


@pytest.mark.parametrize("method", ["auto", "field", "classical", "total_variation"])
def test_each_method_takes_out_most_of_the_noise(method):
    truth = tiny_picture(40, 32, ("gray",))
    noisy = spoiled(truth)
    field = ug.restore(noisy, denoise="gaussian:25", method=method)
    assert psnr(field.sample(field.grid()), truth.values) > psnr(noisy.values, truth.values) + 6
    assert field.record.fit["method"] == method
    assert 0.7 < field.record.fit["residual"] < 1.1


def test_what_joins_both_names_itself_and_the_papers_of_both():
    fit = ug.restore(spoiled(tiny_picture(24, 24, ("gray",))), denoise="gaussian:25").record.fit
    assert fit["shares"] == {"guided_bayes": 1.0}
    assert {"lebrun2013nonlocal", "houdard2018high"} <= set(fit["papers"])
    assert fit["reason"] == "non-local Bayes guided by a field"


def test_a_restored_field_cites_what_restored_it():
    field = ug.restore(spoiled(tiny_picture(16, 16, ("gray",))), denoise="gaussian:25", method="total_variation")
    field.record.fit["papers"].append("a key that a file made up")
    cited = ug.cite(field)
    assert "rudin1992nonlinear," in cited
    assert "keys1981cubic," in cited


def test_few_photons_are_restored_without_bias():
    truth = tiny_picture(40, 40, ("gray",))
    noisy = spoiled(truth, Poisson(20.0))
    field = ug.restore(noisy, denoise="poisson:20", method="classical")
    found = field.sample(field.grid())
    assert psnr(found, truth.values) > psnr(noisy.values, truth.values) + 5
    assert float(found.mean()) == pytest.approx(float(truth.values.mean()), abs=0.01)
    assert "makitalo2011optimal" in field.record.fit["papers"]


@pytest.mark.parametrize(
    ("noise", "said", "name"), [(Gaussian(20 / LEVELS), "auto", "gaussian"), (Poisson(40.0), "poisson", "poisson")]
)
def test_the_level_of_the_noise_is_estimated_where_it_is_not_given(noise, said, name):
    noisy = spoiled(tiny_picture(64, 64, ("gray",)), noise)
    found, colon, level = ug.restore(noisy, denoise=said, method="total_variation").record.fit["noise"].partition(":")
    assert (found, colon) == (name, ":")
    assert float(level) == pytest.approx(20 if name == "gaussian" else 40, rel=0.15)


def test_alpha_is_left_as_it_is():
    picture = tiny_picture(24, 24, ("r", "g", "b", "a"))
    field = ug.restore(spoiled(picture), denoise="gaussian:25", method="total_variation")
    noisy = spoiled(picture)
    assert torch.equal(field.sample(field.grid())[..., 3], noisy.values[..., 3])
    assert not torch.equal(field.sample(field.grid())[..., 0], noisy.values[..., 0])


def test_the_same_seed_gives_the_same_bits_and_the_input_stays():
    noisy = spoiled(tiny_picture(24, 24, ("gray",)))
    before = noisy.values.clone()
    first, again = (ug.restore(noisy, denoise="gaussian:25", method="field", seed=3) for _ in range(2))
    assert torch.equal(first.samples, again.samples)
    assert torch.equal(noisy.values, before)


def test_a_restored_field_is_saved_loaded_and_remembers(tmp_path):
    field = ug.restore(spoiled(tiny_picture(24, 24)), denoise="gaussian:25", method="total_variation")
    field.save(tmp_path / "a.ung")
    loaded = ug.load(tmp_path / "a.ung")
    assert torch.equal(loaded.samples, field.samples)
    assert loaded.record.fit["noise"] == "gaussian:25"
    json.dumps(loaded.record.fit)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"denoise": "gaussian:-1"}, InputError, "sigma is -1"),
        ({"denoise": "gaussian:nan"}, InputError, "sigma is nan"),
        ({"denoise": "gaussian:inf"}, InputError, "sigma is inf"),
        ({"denoise": "gaussian:much"}, InputError, "no number"),
        ({"denoise": "gaussian:"}, InputError, "no number"),
        ({"denoise": "gaussian:1,2"}, InputError, "has 2 numbers"),
        ({"denoise": "gausian:25"}, UnknownName, "did you mean 'gaussian'"),
        ({"denoise": ""}, UnknownName, "there are"),
        ({"denoise": "auto:25"}, InputError, "has 1 numbers"),
        ({"denoise": "poisson:0"}, InputError, "peak is 0"),
        ({"denoise": "poisson:-5"}, InputError, "peak is -5"),
        ({"denoise": "poisson-gaussian:30"}, InputError, "has 1 numbers"),
        ({"method": "classic"}, UnknownName, "did you mean 'classical'"),
        ({"device": "tpu"}, UnknownName, "no device"),
    ],
)
def test_what_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        ug.restore(tiny_picture(16, 16), **options)


def test_only_pictures_are_restored():
    with pytest.raises(InputError, match="this is of kind video"):
        as_picture(tiny_film())
    with pytest.raises(InputError, match="no channel but alpha"):
        as_picture(tiny_picture(8, 8, ("a",)))
    with pytest.raises(InputError, match="at least 8×8"):
        ug.restore(np.zeros((4, 4)), denoise="auto")
    with pytest.raises(InputError, match="NaN"):
        ug.restore(from_array(np.full((16, 16), math.nan)))


def test_without_noise_a_picture_stays():
    picture = tiny_picture(16, 16)
    field = ug.restore(picture, denoise="gaussian:0")
    torch.testing.assert_close(field.sample(field.grid()), picture.values, atol=1e-6, rtol=0)
    assert field.record.fit["residual"] is None


def test_classical_candidates_are_methods_of_their_own():
    noisy, enlarged = Degradation(Gaussian(0.1)), Degradation(Gaussian(0.0), upscale=2)
    assert classical_names(noisy) == ["nonlocal_bayes", "total_variation"]
    assert classical_names(enlarged) == ["total_variation", "cubic"]


def sharp(n=32):
    y, x = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n), indexing="ij")
    return (0.5 + 0.3 * np.sin(7 * y) * np.cos(5 * x)).astype(np.float32)


def test_a_picture_enlarged_has_as_many_times_the_pixels_in_the_same_box():
    small = sharp().reshape(16, 2, 16, 2).mean(axis=(1, 3))
    field = ug.restore(small, upscale=2)
    assert field.grid().shape == (32, 32)
    assert field.box.bounds == ((0.0, 16.0), (0.0, 16.0))
    assert float((field.sample(field.grid())[..., 0] - torch.from_numpy(sharp())).square().mean()) < 1e-3
    assert field.record.fit["shares"] == {"oriented_mean": 1.0}


def test_missing_pixels_are_filled_by_the_field_alone():
    known = np.random.default_rng(0).random((32, 32)) < 0.6
    field = ug.restore(np.where(known, sharp(), 0), inpaint=known)
    assert field.record.fit["shares"] == {"oriented_field": 1.0}
    assert np.allclose(field.sample(field.grid())[..., 0].numpy()[known], sharp()[known])
    assert float((field.sample(field.grid())[..., 0] - torch.from_numpy(sharp())).abs().max()) < 0.05


def test_a_blur_can_be_said_drawn_or_given():
    assert as_psf("gaussian:1").shape == (9, 9)
    assert as_psf("motion:7,0").sum() == pytest.approx(1.0)
    assert torch.equal(as_psf(np.ones((2, 4), dtype=np.float32))[:2, :4], torch.full((2, 4), 1 / 8))
    field = ug.restore(sharp(), deblur="gaussian:1")
    assert field.record.fit["noise"].startswith("gaussian:")
    assert "psf:9x9" in field.record.fit["noise"]


def test_a_blur_that_is_not_known_is_found_and_undone():
    sensor = Footprint(Grid(pixel_box(90, 90), (90, 90)), 1, motion_psf(7.0, 0.0))
    blocks = torch.rand(18, 18, generator=torch.Generator().manual_seed(0)).repeat_interleave(6, 0).repeat_interleave(6, 1)
    scene = blocks[: sensor.grid.shape[0], : sensor.grid.shape[1], None]
    seen = sensor.A(scene)[..., 0]
    field = ug.restore(seen, deblur="blind:11", denoise="gaussian:0.5", method="classical")
    truth, found = scene[sensor.inside][..., 0], field.sample(field.grid())[..., 0]
    errors = [float((found.roll(k, 1) - truth)[8:-8, 8:-8].square().mean()) for k in (-1, 0, 1)]  # a kernel may lie elsewhere
    assert min(errors) < 0.5 * float((seen - truth)[8:-8, 8:-8].square().mean())
    assert field.record.fit["kernel"]["trusted"]
    assert field.record.fit["notes"] == []
    assert "cho2009fast" in field.record.fit["papers"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"upscale": 0}, "upscale is 0"),
        ({"upscale": 99}, "from 1 to 16"),
        ({"deblur": "gaussian:"}, "no number"),
        ({"deblur": "gaussian:1,2"}, "2 numbers"),
        ({"deblur": "motion:15"}, "1 numbers"),
        ({"deblur": "blind:"}, "no whole number"),
        ({"deblur": "blind:wide"}, "no whole number"),
        ({"deblur": "blind:8"}, "side is 8"),
        ({"deblur": "blind:99"}, "odd number from 5 to 7"),
        ({"deblur": "blind", "upscale": 2}, "deblur first"),
        ({"deblur": "blind", "inpaint": np.eye(32, dtype=bool)}, "deblur first"),
        ({"deblur": "gaussian:-1"}, "sigma is -1"),
        ({"deblur": "gaussian:50"}, "point spread function has"),
        ({"deblur": np.zeros((3, 3), dtype=np.float32)}, "sums to 0"),
        ({"inpaint": np.ones((32, 32), dtype=bool)}, "all pixels are known"),
        ({"inpaint": np.zeros((32, 32), dtype=bool)}, "no sample is known"),
        ({"inpaint": np.ones((31, 32), dtype=bool)}, "must be equal"),
        ({"upscale": 2, "method": "biharmonic"}, "does not undo"),
    ],
)
def test_what_cannot_be_undone_gets_one_clear_line(asked, says):
    with pytest.raises(InputError, match=says) as caught:
        ug.restore(sharp(), **asked)
    assert "\n" not in str(caught.value)
