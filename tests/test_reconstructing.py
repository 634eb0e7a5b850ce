import math

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.reconstructing import check_memory, finer_of, pixels_of, scan_of, to_hounsfield

N, AXIS = 24, 12.5
VIEWS = torch.arange(12, dtype=torch.float64) * math.pi / 12


def slice_of(n, size=float(N)):
    """Two disks of 0.02 and 0.05 per unit of length, n × n."""
    y, x = ug.Grid(ug.Box(("y", "x"), ((0.0, size),) * 2), (n, n)).points().mul(N / size).unbind(-1)
    first, second = ((y - 13).square() + (x - 12).square() < 64).float(), ((y - 11).square() + (x - 15).square() < 9).float()
    return (0.02 * first + 0.03 * second)[..., None]


def means(values, n=N):
    return values.unflatten(0, (n, -1)).unflatten(2, (n, -1)).mean(dim=(1, 3))


def scanned(scanner, size=float(N)):
    grid = ug.Grid(ug.Box(("y", "x"), ((0.0, size),) * 2), (96, 96))
    return ug.measurements.LineIntegral(grid, scanner).A(slice_of(96, size))[..., 0]


def error(field, size=float(N)):
    """Root mean square over the pixels, as a share of the truth's."""
    truth = means(slice_of(96, size))[..., 0]
    return float((pixels_of(field) - truth).norm() / truth.norm())


PARALLEL = ug.domain.ParallelBeam(VIEWS.tolist(), N, (AXIS, AXIS))


@pytest.fixture(scope="module")
def found():
    return ug.tomography(scanned(PARALLEL), VIEWS, callbacks=())


def test_a_slice_comes_back_from_twelve_views_without_any_setting(found, tmp_path):
    assert error(found) < 0.1
    assert found.metrics["quality"]["residual"] < 0.02
    assert found.shape == (2 * N, 2 * N)
    assert float(found.samples.detach().min()) >= 0
    assert found.record.fit["strength_by"] == "views that were kept out"
    found.save(tmp_path / "slice.ung")
    assert torch.equal(ug.load(tmp_path / "slice.ung").samples, found.samples)


def test_values_are_per_unit_of_length_whatever_the_pixel():
    scanner = ug.domain.ParallelBeam(VIEWS.tolist(), N, (AXIS / 2, AXIS / 2), 0.5)
    geometry = ug.Geometry(spacing=0.5)
    field = ug.tomography(scanned(scanner, 12.0), VIEWS, geometry=geometry, pixel=0.5, unit="mm", strength=0.01, callbacks=())
    assert field.box.units == ("mm", "mm")
    assert field.box.extent == (12.0, 12.0)
    assert error(field, 12.0) < 0.15


def test_a_fan_beam_gives_the_same_slice():
    fan = ug.domain.FanBeam((2 * VIEWS).tolist(), N, (AXIS, AXIS), 1.5, None, 60.0, 30.0)
    geometry = ug.Geometry("fan", 1.5, None, 60.0, 30.0)
    field = ug.tomography(scanned(fan), 2 * VIEWS, geometry=geometry, strength=0.02, callbacks=())
    assert pixels_of(field).shape == (N, N)
    assert error(field) < 0.15


def test_a_cone_beam_gives_a_volume_with_the_detectors_proportions():
    box = ug.Box(("z", "y", "x"), ((0.0, 12.0), (0.0, 16.0), (0.0, 16.0)))
    points = ug.Grid(box, (24, 32, 32)).points()
    volume = 0.05 * ((points - torch.tensor([5.0, 8.0, 9.0])).square().sum(dim=-1) < 16).float()
    scanner = ug.domain.ConeBeam((2 * VIEWS).tolist(), 16, (8.5, 8.5), 1.5, None, 60.0, 30.0, n_rows=12, height=6.0)
    integrals = ug.measurements.LineIntegral(ug.Grid(box, (24, 32, 32)), scanner).A(volume[..., None])[..., 0]
    geometry = ug.Geometry("cone", 1.5, None, 60.0, 30.0)
    field = ug.tomography(integrals, 2 * VIEWS, geometry=geometry, strength=0.005, callbacks=())
    truth = volume.unflatten(0, (12, 2)).unflatten(2, (16, 2)).unflatten(4, (16, 2)).mean(dim=(1, 3, 5))
    assert pixels_of(field).shape == (12, 16, 16)
    assert float((pixels_of(field) - truth).norm() / truth.norm()) < 0.25


def test_the_lattice_is_twice_as_fine_but_for_large_volumes():
    def grid(*shape):
        return ug.Grid(ug.Box(("z", "y", "x")[-len(shape) :], tuple((0.0, float(n)) for n in shape)), shape)

    assert [finer_of(grid(*shape)) for shape in ((64, 64), (4096, 4096), (64, 64, 64), (64, 64, 65))] == [2, 2, 2, 1]


def test_a_center_that_is_given_moves_the_axis_in_the_picture_and_on_the_detector():
    moved = ug.domain.ParallelBeam(VIEWS.tolist(), N, (12.0, 12.0), 1.0, 12.0)
    field = ug.tomography(scanned(moved), VIEWS, geometry=ug.Geometry(center=12.0), strength=0.02, callbacks=())
    assert error(field) < 0.15


def test_counts_weigh_what_they_are_sure_of():
    integrals = scanned(PARALLEL)
    rng = torch.Generator().manual_seed(0)
    counts = torch.poisson(2000 * torch.exp(-integrals), generator=rng).clamp_min(1)
    field = ug.tomography(-(counts / 2000).log(), VIEWS, photons=2000.0, callbacks=())
    assert error(field) < 0.25
    weights = scan_of(integrals, VIEWS, "parallel", photons=2000.0).weights[..., 0]
    torch.testing.assert_close(weights, 2000 * torch.exp(-integrals))


def test_hounsfield_units_are_minus_1000_in_air_and_0_in_water(found):
    field = ug.fields.LatticeField.of(found.box, found.samples.detach())
    field.record = found.record
    to_hounsfield(field, 0.02, 0.0)
    expected = 1000 * (found.samples - 0.02) / 0.02
    torch.testing.assert_close(field.samples, expected, rtol=1e-5, atol=1e-2)


def test_too_little_memory_is_said_before_work():
    scan = scan_of(torch.zeros(12, N), VIEWS, "parallel")
    check_memory(scan, 2**20)
    with pytest.raises(InputError, match="--max-memory"):
        check_memory(scan, 2**16)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"angles": VIEWS[:7]}, "angles for a sinogram of 12 views"),
        ({"sinogram": torch.zeros(N, 12)}, "swapped"),
        ({"sinogram": torch.full((12, N), math.nan)}, "NaN"),
        ({"angles": VIEWS + math.inf}, "NaN or infinite"),
        ({"sinogram": torch.zeros(12, N, dtype=torch.complex64)}, "expects numbers"),
        ({"sinogram": torch.zeros(12, 4, N)}, "expects numbers"),
        ({"sinogram": torch.zeros(0, N)}, "expects numbers"),
        ({"geometry": "cone"}, "needs the source's"),
        ({"geometry": "paralel"}, "did you mean 'parallel'"),
        ({"geometry": ("fan", 1.0, None, 60.0)}, "needs the source's"),
        ({"geometry": ("fan", 1.0, None, -60.0, 30.0)}, "positive length"),
        ({"geometry": ("fan", 1.0, None, 12.0, 30.0), "size": 24}, "inside what is reconstructed"),
        ({"geometry": ("parallel", 1.0, None, 60.0, 30.0)}, "no source"),
        ({"geometry": ("parallel", -1.0)}, "spacing"),
        ({"geometry": ("cone", 1.0, None, 60.0, 30.0)}, "angle, row, column"),
        ({"size": 0}, "size is 0"),
        ({"pixel": 0.0}, "pixel is 0"),
        ({"photons": 0.0}, "photons is 0"),
        ({"strength": -1.0}, "strength is -1"),
    ],
)
def test_bad_input_gets_one_clear_line(change, says, unchecked_types):
    given = {"sinogram": torch.zeros(12, N), "angles": VIEWS} | change

    def reconstruct():
        if isinstance(given.get("geometry"), tuple):
            given["geometry"] = ug.Geometry(*given["geometry"])
        ug.tomography(given.pop("sinogram"), given.pop("angles"), callbacks=(), **given)

    with pytest.raises(InputError, match=says) as caught:
        reconstruct()
    assert "\n" not in str(caught.value)


def test_arrays_of_whole_numbers_are_taken_too():
    assert scan_of(np.ones((12, N), dtype=np.int16), np.arange(12), "parallel").measured.dtype == torch.float32


def test_methods_are_compared_by_views_that_none_has_seen():
    from ungrid.comparing_scans import compare_classical

    report = compare_classical(scan_of(scanned(PARALLEL), VIEWS, "parallel"))
    assert set(report) == {"FBP ramp", "FBP hann", "SIRT 10", "SIRT 30", "SIRT 100", "TV on pixels", "field"}
    assert report["field"]["relative_error"] < report["FBP hann"]["relative_error"]
    with pytest.raises(InputError, match="too few"):
        compare_classical(scan_of(scanned(PARALLEL)[:6], VIEWS[:6], "parallel"))
