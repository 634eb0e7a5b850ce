import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, ShapeError
from ungrid.magnetic_resonance import complex_values, judge_candidates, magnitude
from ungrid.measurements.fourier import FourierSamples
from ungrid.signals.phantoms import shepp_logan
from ungrid.tasks.magnetic_scan import grid_of, read_scan, scan_of

SIZE = 48


def head(phase=True):
    picture = shepp_logan(SIZE).values[..., 0].numpy().astype(np.complex64)
    return picture * np.exp(1j * np.linspace(0, 1, SIZE)[:, None]) if phase else picture


def transformed(picture):
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(picture, axes=axes), norm="ortho"), axes=axes)


def mask():
    lines = np.zeros((SIZE, SIZE), bool)
    lines[np.random.default_rng(0).random(SIZE) < 0.35] = True
    lines[18:30] = True
    return lines


def error(field, truth):
    return float(np.sqrt(np.mean(np.abs(complex_values(field).numpy() - truth) ** 2)))


def zero_filled_error(truth):
    waves = np.fft.ifftshift(transformed(truth) * mask())
    return float(np.sqrt(np.mean(np.abs(np.fft.fftshift(np.fft.ifft2(waves, norm="ortho")) - truth) ** 2)))


def test_a_complex_picture_comes_back_and_is_saved(tmp_path):
    field = ug.mri(transformed(head()), mask=mask(), callbacks=())
    assert error(field, head()) < zero_filled_error(head()) / 4
    assert field.metrics["quality"]["residual"] < 1e-3
    told = field.record.fit
    assert (told["coils_by"], told["origin"], told["real"], told["noise"] < 1e-3) == ("one", "center", False, True)
    field.save(tmp_path / "head.ung")
    assert torch.equal(ug.load(tmp_path / "head.ung").samples, field.samples)


def test_a_real_picture_is_seen_to_be_real_and_gains_by_it():
    field = ug.mri(transformed(head(phase=False)), mask=mask(), callbacks=())
    assert field.out_dim == 1
    assert field.record.fit["real"]
    free = ug.mri(transformed(head(phase=False)), mask=mask(), real=False, callbacks=())
    assert error(field, head(phase=False)) < error(free, head(phase=False))


def test_noise_is_left_behind():
    rng = np.random.default_rng(0)
    noise = 0.05 * (rng.normal(size=(SIZE, SIZE)) + 1j * rng.normal(size=(SIZE, SIZE)))
    field = ug.mri(transformed(head()) + noise, mask=mask(), callbacks=())
    assert field.record.fit["method"] == "total variation"
    assert field.record.fit["strength"] == pytest.approx(0.7 * 0.05, rel=0.2)
    assert error(field, head()) < 0.05 * 2**0.5, "less than the noise of a full scan"


def test_phases_from_the_corner_are_seen_and_can_be_said():
    corner = np.fft.fftshift(np.fft.fft2(head(), norm="ortho"))
    seen, said = (ug.mri(corner, mask=mask(), origin=origin, callbacks=()) for origin in ("auto", "corner"))
    assert seen.record.fit["origin"] == "corner"
    assert error(seen, head()) < zero_filled_error(head()) / 4
    assert torch.equal(seen.samples, said.samples)


def test_several_coils_tell_more_than_their_sum():
    at = np.linspace(-1, 1, SIZE)
    maps = np.stack([np.exp(-((at[:, None] - y) ** 2 + (at - x) ** 2)) for y, x in ((1, 0), (-1, 0), (0, 1), (0, -1))])
    maps = (maps / np.sqrt((maps**2).sum(axis=0))).astype(np.complex64)
    given = ug.mri(transformed(maps * head()), mask=mask(), coils=maps, callbacks=())
    found = ug.mri(transformed(maps * head()), mask=mask(), callbacks=())
    assert found.record.fit["coils_by"] == "estimated"
    one = ug.mri(transformed(head()), mask=mask(), callbacks=())
    sizes = [float((magnitude(field) - torch.from_numpy(np.abs(head()))).square().mean()) for field in (given, found, one)]
    assert sizes[0] < sizes[2]
    assert sizes[1] < zero_filled_error(head()) ** 2 / 10


def test_readouts_of_any_direction_are_read():
    angles = torch.arange(30) * torch.pi / 30
    spokes = (torch.arange(SIZE) - SIZE // 2)[None, :, None] * torch.stack([angles.sin(), angles.cos()], dim=-1)[:, None]
    sensor = FourierSamples(grid_of((SIZE, SIZE)), trajectory=spokes)
    seen = sensor.A(torch.view_as_real(torch.from_numpy(head()).to(torch.complex64))).reshape(30, SIZE)
    field = ug.mri(seen.numpy(), trajectory=spokes.numpy(), callbacks=())
    assert field.shape == (SIZE, SIZE)
    assert error(field, head()) < 0.05


def test_a_volume_is_read_by_a_mask_of_three_axes():
    scene = np.zeros((12, 14, 16), np.complex64)
    scene[3:9, 4:10, 5:11] = 1.0
    waves = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(scene), norm="ortho"))
    known = np.random.default_rng(0).random(scene.shape) < 0.5
    known[4:8, 5:9, 6:10] = True
    field = ug.mri(waves, mask=known, callbacks=())
    assert field.box.axes == ("z", "y", "x")
    assert error(field, scene) < 0.02


def test_methods_are_compared_by_samples_that_they_did_not_see():
    found = judge_candidates(transformed(head()), mask=mask())
    assert set(found) == {"zero-filled", "wavelets", "total variation", "ours"}
    assert found["zero-filled"] == pytest.approx(1.0, abs=1e-3)
    assert found["total variation"] < 0.8


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (InputError, {"noise": -1.0}, "noise is -1"),
        (InputError, {"origin": "middle"}, "expected auto, center or corner"),
        (ShapeError, {"coils": np.ones((2, SIZE, SIZE), np.complex64)}, "one map for each coil"),
        (ShapeError, {"coils": np.ones((1, SIZE, SIZE))}, "expected complex sensitivities"),
        (InputError, {"coils": np.zeros((1, SIZE, SIZE), np.complex64)}, "0 everywhere"),
        (InputError, {"max_memory": 1000}, "allow more"),
    ],
)
def test_bad_input_gets_one_clear_line(kind, change, says, unchecked_types):
    with pytest.raises(kind) as caught:
        ug.mri(transformed(head()), mask=mask(), callbacks=(), **change)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def spokes(n_views):
    angles, along = np.pi * np.arange(n_views) / n_views, np.arange(-SIZE // 2, SIZE // 2)
    return along[None, :, None] * np.stack([np.sin(angles), np.cos(angles)], axis=-1)[:, None]


def test_several_coils_that_tell_enough_are_averaged_with_wavelets_on_a_mask_alone():
    def scan(share, **where):
        samples = np.ones((4, SIZE, SIZE), np.complex64)
        known = np.zeros((SIZE, SIZE), bool)
        known[SIZE // 2 - round(share * SIZE / 2) : SIZE // 2 + round(share * SIZE / 2)] = True
        maps = np.full((4, SIZE, SIZE), 0.5, np.complex64)
        if where:
            samples = np.ones((4, *where["trajectory"].shape[:-1]), np.complex64)
            return scan_of(read_scan(samples, shape=(SIZE, SIZE), **where), coils=maps, noise=0.0, origin="center")
        return scan_of(read_scan(samples * known, mask=known), coils=maps, noise=0.0, origin="center")

    assert scan(0.5).can_average
    assert not scan(0.25).can_average
    assert not scan(0.5, trajectory=spokes(40)).can_average
