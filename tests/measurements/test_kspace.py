import pytest
import torch

from ungrid.errors import InputError, ShapeError
from ungrid.measurements.fourier import FourierSamples
from ungrid.measurements.kspace import hermitian_gap, is_hermitian, is_hollow, read_kspace
from ungrid.measurements.kspace_noise import noise_level, outermost_level, readout_levels
from ungrid.signals.phantoms import shepp_logan
from ungrid.tasks.magnetic_scan import grid_of

SIZE = 48


def head(size=SIZE):
    return shepp_logan(size).values[..., 0]


def bump():
    at = torch.arange(SIZE) - SIZE // 2
    return torch.exp(-(at[:, None] ** 2 + at**2) / (2 * (SIZE / 12) ** 2))


def transformed(picture):
    return torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(picture), norm="ortho"))


def lines(size=SIZE):
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[::3] = mask[size // 2 - 6 : size // 2 + 6] = True
    return mask


def noisy(waves, deviation):
    rng = torch.Generator().manual_seed(0)
    return waves + deviation * torch.complex(*torch.randn(2, *waves.shape, generator=rng))


def spokes(count=20, size=SIZE):
    angles = torch.arange(count) * torch.pi / count
    return (torch.arange(size) - size // 2)[None, :, None] * torch.stack([angles.sin(), angles.cos()], dim=-1)[:, None]


def test_samples_come_with_their_frequencies():
    kspace = read_kspace(transformed(head()), mask=lines())
    assert kspace.samples.shape == (1, int(lines().sum()))
    assert kspace.share == pytest.approx(float(lines().float().mean()))
    again = FourierSamples(grid_of((SIZE, SIZE)), trajectory=kspace.frequencies)
    torch.testing.assert_close(again.A(torch.stack([head(), 0 * head()], dim=-1)), kspace.samples[0], atol=2e-6, rtol=0)


def test_without_a_mask_what_is_exactly_0_was_not_sampled():
    assert torch.equal(read_kspace(transformed(head()) * lines()).mask, lines())


def test_a_mask_of_lines_may_have_one_column():
    assert torch.equal(read_kspace(transformed(head()), mask=lines()[:, :1]).mask, lines())


def test_the_full_middle_is_found():
    assert read_kspace(transformed(head()), mask=lines()).center() == (slice(18, 30), slice(0, 48))


def test_what_is_kept_out_is_left_out():
    kspace = read_kspace(transformed(head()), mask=lines())
    out = torch.arange(kspace.samples.shape[1]) % 5 == 0
    left = kspace.without(out)
    assert torch.equal(left.samples, kspace.samples[:, ~out])
    assert torch.equal(left.frequencies, kspace.frequencies[~out])


def test_phases_counted_from_the_corner_are_counted_from_the_middle_again():
    corner = torch.fft.fftshift(torch.fft.fft2(head(), norm="ortho"))
    moved = read_kspace(corner, mask=lines()).shifted(1.0)
    torch.testing.assert_close(moved.samples, read_kspace(transformed(head()), mask=lines()).samples, atol=1e-5, rtol=0)
    assert is_hollow(torch.fft.fftshift(head()))
    assert not is_hollow(head())


def test_a_real_picture_is_told_from_one_with_a_phase():
    phase = torch.exp(2j * torch.linspace(0, 1, SIZE))
    real, turned = (read_kspace(noisy(transformed(head() * p), 0.01), mask=lines()) for p in (1, phase))
    assert hermitian_gap(real)[0] == pytest.approx(0.01, rel=0.1)
    assert is_hermitian(real, 0.01)
    assert not is_hermitian(turned, 0.01)


@pytest.mark.parametrize("deviation", [0.0, 0.003, 0.03])
@pytest.mark.parametrize("way", ["lines", "spokes"])
def test_noise_is_measured_where_the_body_is_not(way, deviation):
    body = bump() * torch.exp(2j * torch.linspace(0, 1, SIZE))
    if way == "lines":
        kspace = read_kspace(noisy(transformed(body), deviation), mask=lines())
    else:
        sensor = FourierSamples(grid_of((SIZE, SIZE)), trajectory=spokes())
        seen = sensor.A(torch.view_as_real(body)).reshape(20, SIZE)
        kspace = read_kspace(noisy(seen, deviation), trajectory=spokes())
    assert len(readout_levels(kspace)) == 1
    assert noise_level(kspace) == pytest.approx(deviation, rel=0.15, abs=2e-3)
    assert outermost_level(kspace) >= 0.85 * deviation  # the signal that is left there adds


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (InputError, {"kspace": torch.ones(48, 48)}, "expected complex numbers"),
        (InputError, {"kspace": torch.full((48, 48), torch.nan, dtype=torch.complex64)}, "NaN"),
        (InputError, {"kspace": torch.zeros(48, 48, dtype=torch.complex64)}, "0 everywhere"),
        (ShapeError, {"kspace": torch.ones(48, dtype=torch.complex64), "mask": None}, "1 axes"),
        (ShapeError, {"mask": torch.ones(48, 47)}, "(48, 47)"),
        (ShapeError, {"mask": torch.ones(48)}, "expected a mask"),
        (InputError, {"mask": torch.zeros(48, 48)}, "the mask is empty"),
        (InputError, {"mask": torch.full((48, 48), 0.5)}, "other numbers than 0 and 1"),
        (InputError, {"mask": torch.cat([torch.ones(20, 48), torch.zeros(28, 48)])}, "frequency 0, at index (24, 24)"),
        (InputError, {"kspace": torch.fft.fft2(head())}, "numpy.fft.fftshift"),
        (ShapeError, {"shape": (64, 64)}, "leave the size out"),
        (InputError, {"trajectory": spokes()}, "not both"),
        (ShapeError, {"mask": None, "trajectory": torch.ones(20, 48)}, "(…, 2) for y, x"),
        (ShapeError, {"mask": None, "trajectory": spokes()}, "k-space of shape (20, 48)"),
        (InputError, {"mask": None, "trajectory": spokes() / 48}, "cycles per pixel"),
        (InputError, {"mask": None, "trajectory": spokes(), "shape": (24, 24)}, "beyond the 12"),
    ],
)
def test_bad_input_gets_one_clear_line(kind, change, says, unchecked_types):
    given = {"kspace": transformed(head()), "mask": lines()} | change
    with pytest.raises(kind) as caught:
        read_kspace(given.pop("kspace"), **given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
