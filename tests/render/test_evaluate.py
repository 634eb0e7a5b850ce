import subprocess
import sys

import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Record
from ungrid.networks.mlp import Mlp
from ungrid.render.evaluate import BAND_ROWS, bands, footprint
from ungrid.signals.color import linear_to_srgb, srgb_to_linear
from ungrid.testing.toys import pixel_box


class Formula(Field):
    """A picture given by a function of pixel coordinates [*, 2] → [*, c]; counts the points of its largest call."""

    def __init__(self, formula, height=12, width=16, out_dim=1):
        super().__init__()
        self.formula, self.box, self.out_dim, self.largest_query = formula, pixel_box(height, width), out_dim, 0
        self.record = Record("image", (height, width), ("gray", "a")[:out_dim])

    def values_at(self, coords, inputs=None):
        self.largest_query = max(self.largest_query, coords[..., 0].numel())
        return self.formula(self.box.denormalize(coords))


def plane(at):
    return 0.1 + 0.02 * at[..., :1] + 0.03 * at[..., 1:]


def stripes(at):
    return at[..., 1:].floor() % 2


def checks(at):
    return at.floor().sum(dim=-1, keepdim=True) % 2


def grid_field(height=40, width=24):
    encoding = DenseGrid(2, ((5, 3), (20, 12)), 2, init_scale=1.0, seed=0)
    field = EncodedField(pixel_box(height, width), encoding, Mlp(encoding.out_dim, 3, 8, depth=1, seed=0))
    field.record = Record("image", (height, width), ("r", "g", "b"))
    return field


def whole(field, grid, **options):
    return torch.cat(list(bands(field, grid, **options)))


@pytest.mark.parametrize("max_memory", [None, 20_000, 100_000])
@pytest.mark.parametrize("scale", [1.0, 2.5, 4.0])
def test_bands_together_are_the_whole(max_memory, scale):
    field = grid_field()
    grid = field.grid(scale)
    parts = list(bands(field, grid, max_memory=max_memory))
    assert max_memory != 20_000 or len(parts) > 1
    torch.testing.assert_close(torch.cat(parts), field.sample(grid), atol=1e-5, rtol=0)


@pytest.mark.parametrize("max_memory", [None, 10_000])
def test_shrinking_does_not_depend_on_the_bands(max_memory):
    field = grid_field()
    grid = field.grid(0.25)
    curves = {"to_light": srgb_to_linear, "from_light": linear_to_srgb}
    expected = torch.cat(list(bands(field, grid, **curves)))
    torch.testing.assert_close(whole(field, grid, max_memory=max_memory, **curves), expected, atol=1e-5, rtol=0)


def test_four_times_as_large_lines_up_with_the_original():
    field = Formula(plane)
    large = whole(field, field.grid(4.0)).unflatten(0, (12, 4)).unflatten(2, (16, 4)).mean(dim=(1, 3))
    torch.testing.assert_close(large, field.sample(field.grid()), atol=1e-5, rtol=0)
    field = grid_field()
    torch.testing.assert_close(whole(field, field.grid(3.0))[1::3, 1::3], field.sample(field.grid()), atol=1e-5, rtol=0)


@pytest.mark.parametrize("pattern", [stripes, checks])
@pytest.mark.parametrize("factor", [2, 4])
def test_black_and_white_lines_shrink_to_the_gray_of_half_the_light(pattern, factor):
    field = Formula(pattern)
    grid = field.grid(1 / factor)
    light = whole(field, grid, to_light=srgb_to_linear, from_light=linear_to_srgb)
    torch.testing.assert_close(light, torch.full_like(light, 0.735357), atol=1e-5, rtol=0)
    torch.testing.assert_close(whole(field, grid), torch.full_like(light, 0.5), atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(6, 8), (4, 4), (1, 1), (12, 4), (5, 7), (11, 16)])
def test_shrinking_is_the_mean_over_each_pixels_footprint(shape):
    field = Formula(plane)
    grid = Grid(field.box, shape)
    torch.testing.assert_close(whole(field, grid), plane(grid.points()), atol=1e-5, rtol=0)  # of a plane: its value in the middle

    field = Formula(lambda at: at.square().sum(dim=-1, keepdim=True) / 100)
    factors = footprint(field, grid)
    # the mean of squares of f points spaced by s about m is m² + s² (f² − 1) / 12
    spread = sum((cell / f) ** 2 * (f * f - 1) / 12 for cell, f in zip(grid.spacing, factors, strict=True))
    expected = (grid.points().square().sum(dim=-1, keepdim=True) + spread) / 100
    torch.testing.assert_close(whole(field, grid), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((12, 16), (1, 1)), ((48, 64), (1, 1)), ((6, 16), (2, 1)), ((4, 4), (3, 4)), ((11, 16), (2, 1)), ((1, 1), (12, 16))],
)
def test_a_pixel_takes_at_least_one_point_for_each_sample_under_it(shape, expected):
    field = Formula(plane)
    assert footprint(field, Grid(field.box, shape)) == expected
    field.record = None
    assert footprint(field, Grid(field.box, shape)) == (1, 1), "without a source there are no samples to lose"


def test_a_region_is_the_part_of_the_whole():
    field = grid_field()
    part = Grid(field.box.crop({"y": (8.0, 24.0), "x": (4.0, 20.0)}), (64, 64))
    torch.testing.assert_close(whole(field, part), whole(field, field.grid(4.0))[32:96, 16:80], atol=1e-5, rtol=0)


@pytest.mark.parametrize("height", [600, 3_000])
@pytest.mark.parametrize("shrink", [1, 4])
def test_what_is_held_at_once_does_not_grow_with_the_height(height, shrink):
    max_memory = 200_000
    field = Formula(plane, height * shrink // 8, 8)
    if shrink > 1:
        field.record.shape = (height * shrink // 8, 8 * shrink)
    tallest = 0
    for band in bands(field, Grid(field.box, (height // 8, 8)), max_memory=max_memory):
        tallest = max(tallest, len(band))
        assert 3 * band.numel() * 4 < max_memory
    assert tallest <= BAND_ROWS
    assert field.largest_query * field.bytes_per_point() <= max_memory


def test_a_tall_picture_needs_no_more_memory_than_a_short_one(tmp_path):
    code = """
import resource, sys
import torch
from ungrid import verbs
from ungrid.domain.grid import Grid
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box
from ungrid.fields.record import Record
from ungrid.render.draw import draw
from ungrid.signals.image import open_picture
from pathlib import Path
torch.set_num_threads(1)
def used(height):
    field = FIELD_EXAMPLES["EncodedField"](pixel_box(height, 64), 1, 0)
    field.record = Record("image", (height, 64), ("gray",))
    draw(field, Path(sys.argv[1]), field.grid(), open_picture, max_memory=2_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
short = used(200)
print(used(40_000) - short)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    grown = int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
    assert grown < 4_000_000, "the picture alone has 10 MB as floats"


def test_too_little_memory_for_a_row_says_how_much_it_takes():
    field = grid_field()
    with pytest.raises(InputError, match=r"max_memory of 1,000 bytes is too small: one row of \(24,\) takes 2,880; allow more"):
        next(bands(field, field.grid(), max_memory=1000))


def test_every_band_but_the_last_is_a_tile_high():
    field = Formula(plane, 600, 2)
    assert [len(band) for band in bands(field, field.grid())] == [256, 256, 88]
