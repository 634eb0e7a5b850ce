import math

import pytest
import torch

from ungrid.signals.phantoms import checkerboard, draw, head, shepp_logan, siemens_star, star, zone_plate

PHANTOMS = [shepp_logan, siemens_star, zone_plate, checkerboard]


@pytest.mark.parametrize("phantom", PHANTOMS)
@pytest.mark.parametrize("size", [1, 8, 33])
def test_a_phantom_is_a_gray_picture_in_zero_to_one_of_its_size(phantom, size):
    signal = phantom(size)
    assert (signal.grid.shape, signal.channels, signal.kind) == ((size, size), ("gray",), "image")
    assert signal.box.bounds == ((0, size), (0, size))
    assert signal.values.dtype == torch.float32
    assert 0 <= signal.values.min() <= signal.values.max() <= 1


def test_the_head_has_the_mass_of_its_ellipses():
    # intensity × π a b of the ten ellipses of Toft's table; the square has an area of 4
    ellipses = [
        (1.0, 0.69, 0.92), (-0.8, 0.6624, 0.874), (-0.2, 0.11, 0.31), (-0.2, 0.16, 0.41), (0.1, 0.21, 0.25),
        (0.1, 0.046, 0.046), (0.1, 0.046, 0.046), (0.1, 0.046, 0.023), (0.1, 0.023, 0.023), (0.1, 0.023, 0.046),
    ]  # fmt: skip
    mass = sum(intensity * math.pi * a * b for intensity, a, b in ellipses)
    assert shepp_logan(128).values.double().mean().item() == pytest.approx(mass / 4, rel=2e-3)


@pytest.mark.parametrize(
    ("y", "x", "value"),
    [
        (0.0, 0.0, 0.2),  # brain
        (-0.9, 0.0, 1.0),  # skull, above
        (0.9, 0.0, 1.0),
        (0.0, 0.22, 0.0),  # ventricles
        (0.0, -0.22, 0.0),
        (-0.4, 0.0, 0.3),  # the tumor lies above the middle
        (0.605, -0.08, 0.3),  # the three small ones below
        (0.99, 0.99, 0.0),
    ],
)
def test_the_head_stands_upright(y, x, value):
    assert head(torch.tensor([y, x], dtype=torch.float64)).item() == pytest.approx(value, abs=1e-6)


def test_the_head_is_that_of_scikit_image():
    data = pytest.importorskip("skimage.data")
    theirs = torch.from_numpy(data.shepp_logan_phantom()).float().flatten()
    ours = shepp_logan(400).values.flatten()
    assert torch.corrcoef(torch.stack([ours, theirs]))[0, 1] > 0.97


def test_supersampling_gives_the_mean_over_each_pixel():
    fine = shepp_logan(32, supersample=1).values.unflatten(0, (8, 4)).unflatten(2, (8, 4)).mean(dim=(1, 3))
    torch.testing.assert_close(shepp_logan(8, supersample=4).values, fine)


def test_the_checkerboard_changes_at_every_edge_of_its_squares():
    values = checkerboard(16, squares=8).values[..., 0]
    y, x = torch.meshgrid(torch.arange(16) // 2, torch.arange(16) // 2, indexing="ij")
    assert torch.equal(values, ((y + x) % 2).float())


def test_the_star_has_its_number_of_spokes():
    angle = torch.linspace(0, 2 * math.pi, 4001, dtype=torch.float64)[:-1]
    values = star(0.7 * torch.stack([angle.sin(), angle.cos()], dim=-1), 16)
    torch.testing.assert_close(values, 0.5 + 0.5 * torch.cos(16 * angle))
    assert siemens_star(32).values[0, 0] == 0.5, "outside the disc it is gray"


@pytest.mark.parametrize("cycles", [0.1, 0.25, 0.5])
def test_the_zone_plate_reaches_its_frequency_at_the_middles_of_the_edges(cycles):
    size = 64
    values = zone_plate(size, cycles=cycles).values[..., 0].double()
    offset = torch.arange(size, dtype=torch.float64) + 0.5 - size / 2  # pixels from the middle
    # phase 2π ∫ frequency with frequency = cycles · r / (size / 2)
    phase = 2 * math.pi * cycles * (offset[:, None] ** 2 + offset[None] ** 2) / size
    torch.testing.assert_close(values, 0.5 + 0.5 * phase.cos(), atol=1e-6, rtol=0)


def test_a_formula_is_drawn_at_the_centers_of_the_pixels_with_y_first():
    values = draw(lambda at: at[..., 0] + 10 * at[..., 1], 4).values[..., 0]
    centers = torch.tensor([-0.75, -0.25, 0.25, 0.75])
    torch.testing.assert_close(values, centers[:, None] + 10 * centers[None])
