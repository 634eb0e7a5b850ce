import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.fields.lattice import LatticeField
from ungrid.measurements.fourier import FourierSamples
from ungrid.testing import check_linear
from ungrid.testing.linear import adjoint_gap
from ungrid.testing.toys import unit_box

RNG = torch.Generator().manual_seed(0)
FLAT, DEEP = Grid(unit_box(2), (9, 12)), Grid(unit_box(3), (4, 6, 5))


def mask_of(grid):
    return torch.rand(grid.shape, generator=torch.Generator().manual_seed(1)) < 0.5


def coils_of(grid, n=3):
    return torch.randn(n, *grid.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(2))


def trajectory_of(grid):
    return (torch.rand(5, 8, len(grid.shape), generator=torch.Generator().manual_seed(3)) - 0.5) * torch.tensor(grid.shape)


@pytest.mark.parametrize("grid", [FLAT, DEEP], ids=["picture", "volume"])
@pytest.mark.parametrize("coils", [False, True], ids=["one coil", "three"])
@pytest.mark.parametrize("sampling", ["all", "mask", "exact", "gridding"])
def test_every_way_of_sampling_has_its_adjoint_to_ten_digits(grid, coils, sampling):
    where = {"all": {}, "mask": {"mask": mask_of(grid)}}.get(sampling, {"trajectory": trajectory_of(grid), "method": sampling})
    sensor = FourierSamples(grid, coils=coils_of(grid) if coils else None, **where)
    assert adjoint_gap(sensor) <= 1e-10
    check_linear(sensor)


def test_a_real_picture_is_a_field_of_one_channel():
    assert adjoint_gap(FourierSamples(FLAT, mask=mask_of(FLAT), real=True), n_channels=1) <= 1e-10


@pytest.mark.parametrize("grid", [FLAT, DEEP], ids=["picture", "volume"])
def test_frequency_0_is_in_the_middle_and_samples_are_those_of_the_mask_in_order(grid):
    axes, mask = tuple(range(len(grid.shape))), mask_of(grid)
    values = torch.randn(*grid.shape, 2, dtype=torch.float64, generator=RNG)
    picture = torch.view_as_complex(values).numpy()
    waves = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(picture, axes=axes), norm="ortho"), axes=axes)
    np.testing.assert_allclose(FourierSamples(grid, mask=mask).A(values).numpy(), waves[mask.numpy()], atol=1e-12)
    bright = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(np.ones(grid.shape)), norm="ortho"))
    assert np.unravel_index(np.argmax(np.abs(bright)), grid.shape) == tuple(n // 2 for n in grid.shape)


def test_coils_weigh_the_picture_before_it_is_transformed():
    coils, values = coils_of(FLAT), torch.randn(9, 12, 2, generator=RNG)
    seen = FourierSamples(FLAT, coils=coils).A(values)
    alone = FourierSamples(FLAT)
    for coil, own in zip(coils, seen, strict=True):
        torch.testing.assert_close(own, alone.A(torch.view_as_real(torch.view_as_complex(values) * coil)))


def test_all_frequencies_give_the_picture_back():
    values, sensor = torch.randn(9, 12, 2, generator=RNG), FourierSamples(FLAT)
    torch.testing.assert_close(sensor.A_adjoint(sensor.A(values)), values)


def test_solve_takes_it_as_any_other_sensor():
    truth = torch.zeros(16, 16, 2)
    truth[4:12, 5:11, 0] = 1.0
    mask = mask_of(Grid(unit_box(2), (16, 16)))
    mask[7:10, 7:10] = True  # without frequency 0 nothing tells the mean
    sensor = FourierSamples(Grid(unit_box(2), (16, 16)), mask=mask)
    field = ug.solve(sensor.A(truth), sensor, strength=1e-3, callbacks=())
    assert isinstance(field, LatticeField)
    assert float((field.samples.detach() - truth).abs().mean()) < 0.02


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (ShapeError, {"mask": torch.ones(9, 13, dtype=torch.bool)}, "shape (9, 13)"),
        (ShapeError, {"mask": torch.ones(9, 12)}, "torch.float32"),
        (InputError, {"mask": torch.zeros(9, 12, dtype=torch.bool)}, "the mask is empty"),
        (InputError, {"mask": mask_of(FLAT), "trajectory": trajectory_of(FLAT)}, "give one of them"),
        (ShapeError, {"trajectory": torch.zeros(4, 3)}, "(…, 2)"),
        (InputError, {"trajectory": torch.full((4, 2), 7.0)}, "beyond the 4.5 that 9 samples carry"),
        (InputError, {"trajectory": torch.full((4, 2), torch.nan)}, "NaN or infinite"),
        (InputError, {"trajectory": torch.zeros(0, 2)}, "is empty"),
        (ShapeError, {"coils": torch.ones(3, 9, 11, dtype=torch.complex64)}, "expected complex numbers of shape"),
        (ShapeError, {"coils": torch.ones(3, 9, 12)}, "torch.float32"),
    ],
)
def test_bad_input_gets_one_clear_line(kind, change, says, unchecked_types):
    with pytest.raises(kind) as caught:
        FourierSamples(FLAT, **change)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_field_of_other_channels_is_refused(unchecked_types):
    with pytest.raises(ShapeError, match="expected two channels, real and imaginary part"):
        FourierSamples(FLAT).A(torch.zeros(9, 12, 3))
