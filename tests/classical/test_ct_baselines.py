import math

import pytest
import torch

from ungrid.classical.filtered_back_projection import filtered_back_projection
from ungrid.classical.iterative_ct import sirt
from ungrid.domain import Box, ConeBeam, FanBeam, Grid, ParallelBeam
from ungrid.errors import InputError
from ungrid.measurements import LineIntegral

AXIS, N = (0.05, -0.05), 48
GRID = Grid(Box(("y", "x"), ((-1.0, 1.0),) * 2), (N, N))


def turn(n, whole):
    return [k * whole / n for k in range(n)]


PARALLEL = ParallelBeam(turn(120, math.pi), N, AXIS, 2.4 / N)
FAN = FanBeam(turn(120, 2 * math.pi), N, AXIS, 3.5 / N, None, 4.0, 2.0)


def ball(grid, radius=0.6):
    return (grid.points().square().sum(dim=-1) < radius**2).float()


@pytest.mark.parametrize("scanner", [PARALLEL, FAN], ids=["parallel", "fan"])
@pytest.mark.parametrize("window", ["ramp", "hann"])
def test_filtered_back_projection_gives_the_value_inside_a_disk_and_none_outside(scanner, window):
    found = filtered_back_projection(LineIntegral(GRID, scanner).A(ball(GRID)[..., None])[..., 0], scanner, GRID, window=window)
    assert float(found[ball(GRID, 0.5) > 0].mean()) == pytest.approx(1, abs=0.01)
    assert float(found[ball(GRID, 0.75) == 0].abs().mean()) < 0.02


def test_filtered_back_projection_is_scikit_images_with_its_angles():
    iradon = pytest.importorskip("skimage.transform").iradon
    size = 48
    grid = Grid(Box(("y", "x"), ((0.0, 48.0),) * 2), (size, size))
    scanner = ParallelBeam(turn(40, math.pi), size, (size // 2 + 0.5,) * 2)
    picture = ((grid.points() - torch.tensor([28.0, 20.0])).square().sum(dim=-1) < 60).float()
    seen = LineIntegral(grid, scanner).A(picture[..., None])[..., 0]
    ours = filtered_back_projection(seen, scanner, grid)
    theirs = torch.from_numpy(iradon(seen.T.numpy(), torch.tensor(scanner.angles).rad2deg().numpy(), circle=True)).float()
    assert float((ours - theirs).norm() / theirs.norm()) < 0.05


def test_feldkamps_method_gives_the_value_inside_a_ball():
    grid = Grid(Box(("z", "y", "x"), ((-1.0, 1.0),) * 3), (24, 24, 24))
    scanner = ConeBeam(turn(40, 2 * math.pi), 32, AXIS, 0.11, None, 4.0, 2.0, n_rows=32)
    found = filtered_back_projection(LineIntegral(grid, scanner).A(ball(grid)[..., None])[..., 0], scanner, grid)
    assert float(found[ball(grid, 0.45) > 0].mean()) == pytest.approx(1, abs=0.03)


def test_sirt_comes_nearer_with_each_iteration_and_stays_at_least_0():
    sensor, truth, errors = LineIntegral(GRID, PARALLEL), ball(GRID)[..., None], []
    found = sirt(sensor.A(truth), sensor, iterations=20, callback=lambda n, x: errors.append(float((x - truth).norm())))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.35 * float(truth.norm())
    assert float(found.min()) >= 0


def test_an_unknown_window_is_refused():
    with pytest.raises(InputError, match="no window"):
        filtered_back_projection(torch.zeros(120, N), PARALLEL, GRID, window="cosine")
