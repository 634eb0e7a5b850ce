import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.scanners import ConeBeam, FanBeam, ParallelBeam
from ungrid.errors import InputError
from ungrid.measurements.line_integrals import LineIntegral
from ungrid.testing.linear import adjoint_gap

N = 128
ANGLES = (0.0, 0.4, math.pi / 4, 1.3, math.pi / 2, 2.5, 4.0)


def plane(n=N, size=2.0):
    return Grid(Box(("y", "x"), ((-size / 2, size / 2),) * 2, ("mm", "mm")), (n, n))


def ellipse(grid, a, b, center=(0.0, 0.0), turned=0.0, finer=4):
    """1 within the ellipse of half-axes a along x and b along y, turned from x toward y; the mean over each cell."""
    fine = Grid(grid.box, tuple(finer * n for n in grid.shape)).points(dtype=torch.float64)
    y, x = fine[..., 0] - center[0], fine[..., 1] - center[1]
    u, v = x * math.cos(turned) + y * math.sin(turned), y * math.cos(turned) - x * math.sin(turned)
    inside = ((u / a) ** 2 + (v / b) ** 2 <= 1).double()
    return inside.unflatten(0, (-1, finer)).unflatten(2, (-1, finer)).mean(dim=(1, 3))[..., None]


def chords(rays, a, b, center=(0.0, 0.0), turned=0.0):
    """Length of each ray within the ellipse."""

    def in_ellipse(at):
        y, x = at[..., 0], at[..., 1]
        u, v = x * math.cos(turned) + y * math.sin(turned), y * math.cos(turned) - x * math.sin(turned)
        return torch.stack([u / a, v / b], dim=-1)

    point, along = in_ellipse(rays.points - torch.tensor(center)), in_ellipse(rays.directions)
    squared = along.square().sum(dim=-1)
    nearest = (point * along).sum(dim=-1) / squared
    past = 1 - (point - nearest[..., None] * along).square().sum(dim=-1)
    return 2 * (past.clamp_min(0) / squared).sqrt() * rays.directions.norm(dim=-1)


SCANNERS = {
    "parallel": ParallelBeam(ANGLES, 40, (0.1, -0.05), 0.05, 19.3),
    "fan": FanBeam(ANGLES, 40, (0.1, -0.05), 0.08, None, 3.0, 1.5),
}


@pytest.mark.parametrize("scanner", SCANNERS.values(), ids=SCANNERS)
@pytest.mark.parametrize("shape", [(0.5, 0.5, (0.0, 0.0), 0.0), (0.7, 0.3, (0.1, -0.15), 0.5)])
def test_a_disk_and_an_ellipse_give_the_lengths_of_their_chords(scanner, shape):
    grid = plane()
    seen = LineIntegral(grid, scanner).A(ellipse(grid, *shape))[..., 0]
    expected = chords(scanner.middles(), *shape)
    near = torch.stack([expected.roll(-1, 1), expected, expected.roll(1, 1)])
    inside = near.amin(dim=0) > 0.3  # at the rim, the mean over a detector pixel is not the chord in its middle
    assert float((seen - expected)[inside].abs().max()) < 0.02
    assert float((seen - expected).abs().mean()) < 0.005
    assert float(seen[near.amax(dim=0) == 0].max()) < 0.02


def test_a_ball_in_a_cone_beam_gives_the_lengths_of_its_chords():
    grid = Grid(Box(("z", "y", "x"), ((-1.0, 1.0),) * 3), (40, 40, 40))
    fine = Grid(grid.box, (80, 80, 80)).points()
    ball = (fine.square().sum(dim=-1) < 0.49).float().unflatten(0, (40, 2)).unflatten(2, (40, 2)).unflatten(4, (40, 2))
    scanner = ConeBeam(ANGLES[:4], 30, (0.05, -0.05), 0.08, None, 4.0, 2.0, n_rows=26, height=0.1)
    seen = LineIntegral(grid, scanner).A(ball.mean(dim=(1, 3, 5))[..., None])[..., 0].double()
    rises, rays = scanner.rises(), scanner.middles()
    up = ((rises[1:] + rises[:-1]) / 2)[None, :, None, None].expand(*seen.shape, 1)
    along = torch.cat([up, rays.directions[:, None].expand(*seen.shape, 2)], dim=-1)
    point = torch.cat([torch.full_like(up, 0.1), rays.points[:, None].expand(*seen.shape, 2)], dim=-1)
    nearest = -(point * along).sum(dim=-1) / along.square().sum(dim=-1)
    past = (point + nearest[..., None] * along).square().sum(dim=-1)
    expected = 2 * (0.49 - past).clamp_min(0).sqrt()
    assert float((seen - expected)[expected > 0.7].abs().max()) < 0.03
    assert float((seen - expected).abs().mean()) < 0.015


def test_the_adjoint_of_a_cone_beam_is_exact_in_double_precision():
    grid = Grid(Box(("z", "y", "x"), ((-1.0, 1.0), (-1.0, 1.2), (-0.8, 1.0))), (5, 9, 8))
    sensor = LineIntegral(grid, ConeBeam(ANGLES, 9, (0.1, 0.0), 0.4, None, 4.0, 2.0, n_rows=6, height=-0.1))
    assert float(sensor.A(torch.ones(5, 9, 8, 1, dtype=torch.float64)).norm()) > 1
    assert adjoint_gap(sensor) < 1e-14


@pytest.mark.parametrize("size", [64, 65])
def test_views_are_those_of_scikit_images_radon(size):
    radon = pytest.importorskip("skimage.transform").radon
    grid = Grid(Box(("y", "x"), ((0.0, float(size)),) * 2), (size, size))
    picture = ellipse(grid, 0.2 * size, 0.09 * size, (0.55 * size, 0.4 * size), 0.3)
    seen = LineIntegral(grid, ParallelBeam(ANGLES, size, (size // 2 + 0.5,) * 2)).A(picture)[..., 0]
    expected = torch.from_numpy(radon(picture[..., 0].numpy(), np.rad2deg(ANGLES), circle=True).T)
    assert float((seen - expected).norm() / expected.norm()) < 0.02
    moved = LineIntegral(grid, ParallelBeam(ANGLES, size, (size // 2 + 1.5,) * 2)).A(picture)[..., 0]
    assert float((moved - expected).norm() / expected.norm()) > 0.05


@pytest.mark.parametrize("scanner", SCANNERS.values(), ids=SCANNERS)
@pytest.mark.parametrize("shape", [(9, 14), (1, 5), (33, 32)])
def test_the_adjoint_is_exact_in_double_precision(scanner, shape):
    grid = Grid(Box(("y", "x"), ((-1.0, 1.0), (-0.8, 1.3))), shape)
    assert adjoint_gap(LineIntegral(grid, scanner)) < 1e-14


def test_wide_detector_pixels_see_the_mean_of_narrow_ones():
    grid, values = plane(), ellipse(plane(), 0.6, 0.4)
    wide = LineIntegral(grid, ParallelBeam(ANGLES, 10, (0.0, 0.0), 0.2, 5.0)).A(values)
    narrow = LineIntegral(grid, ParallelBeam(ANGLES, 80, (0.0, 0.0), 0.025, 40.0)).A(values)
    assert_close(wide, narrow.unflatten(1, (10, 8)).mean(dim=2), rtol=1e-9, atol=1e-9)


def test_a_far_source_gives_parallel_rays():
    grid, values = plane(), ellipse(plane(), 0.6, 0.4)
    far = LineIntegral(grid, FanBeam(ANGLES, 40, (0.0, 0.0), 0.05, None, 1e6, 0.0)).A(values)
    assert_close(far, LineIntegral(grid, ParallelBeam(ANGLES, 40, (0.0, 0.0), 0.05)).A(values), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ParallelBeam((), 4, (0.0, 0.0)), "0 angles"),
        (lambda: ParallelBeam((math.nan,), 4, (0.0, 0.0)), "all finite"),
        (lambda: ParallelBeam((0.0,), 0, (0.0, 0.0)), "0 pixels"),
        (lambda: ParallelBeam((0.0,), 4, (0.0, 0.0), 0.0), "spacing is 0"),
        (lambda: ParallelBeam((0.0,), 4, (0.0, 0.0), 1.0, math.inf), "finite"),
        (lambda: ConeBeam((0.0,), 4, (0.0, 0.0), 1.0, None, 5.0, 1.0), "0 rows"),
        (
            lambda: ConeBeam((0.0,), 4, (0.0, 0.0), 1.0, None, 5.0, 1.0, n_rows=2, row_spacing=0.0),
            "spacing of the detector's rows",
        ),
        (lambda: LineIntegral(plane(), ConeBeam((0.0,), 4, (0.0, 0.0), 1.0, None, 5.0, 1.0, n_rows=2)), "axes"),
        (lambda: FanBeam((0.0,), 4, (0.0, 0.0)), "source's distance"),
        (lambda: FanBeam((0.0,), 4, (0.0, 0.0), 1.0, None, 5.0, -1.0), "detector's distance"),
        (lambda: LineIntegral(plane(), FanBeam((0.0,), 4, (0.0, 0.0), 1.0, None, 1.0, 1.0)), "source"),
        (lambda: LineIntegral(Grid(Box(("t",), ((0.0, 1.0),)), (4,)), SCANNERS["fan"]), "axes"),
    ],
)
def test_bad_scanners_get_one_clear_line(make, says):
    with pytest.raises(InputError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
