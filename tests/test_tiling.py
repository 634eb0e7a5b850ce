import itertools
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.errors import FormatError, InputError, Interrupted
from ungrid.fields.tiled import TiledField
from ungrid.fitting import Limits
from ungrid.metrics.error import psnr
from ungrid.presets.tiles import plan_tiles
from ungrid.signals.large_open import open_large
from ungrid.tile_parts import MANIFEST, parts_folder, tile_path
from ungrid.tiling import fit_tiles


def smooth(*shape):
    """A sum of slow waves with values from 0 to 1."""
    axes = torch.meshgrid(*(torch.linspace(0, 3, n) for n in shape), indexing="ij")
    return (0.5 + 0.4 * math.prod(torch.sin(2 * axis + k) for k, axis in enumerate(axes))).float().numpy()


def fitted(folder, array, *, side=32, steps=150, kind=None, name="a", **options):
    """A signal and what became of fitting it in tiles."""
    np.save(folder / f"{name}.npy", array)
    output = folder / f"{name}.ung"
    signal = open_large(folder / f"{name}.npy", kind, parts_folder(output))
    plan = plan_tiles(signal, "fast", side=side)
    field, failed = fit_tiles(signal, plan, output, limits=Limits(steps), device="cpu", **options)
    return signal, field, failed


def jump_ratio(values, seams, axis):
    """Largest mean difference of neighbors across a seam, over the mean across all other places."""
    steps = np.abs(np.diff(values, axis=axis)).mean(axis=tuple(a for a in range(values.ndim) if a != axis))
    at = [round(seam) - 1 for seam in seams]
    return max(steps[i] / np.delete(steps, at)[max(0, i - 9) : i + 9].mean() for i in at)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A smooth picture fitted in 2 × 2 tiles."""
    folder = tmp_path_factory.mktemp("picture")
    return folder, *fitted(folder, smooth(64, 64), steps=100)


def test_seams_are_no_steeper_than_what_lies_around_them(picture):
    _, signal, field, _ = picture
    assert field.counts == (2, 2)
    shown = field.sample(signal.grid).numpy()
    assert jump_ratio(shown, [32], 0) < 1.2
    assert jump_ratio(shown, [32], 1) < 1.2
    slopes = ug.gradient(field, signal.grid.points())[..., 0, :].detach().numpy()
    truth = np.stack(np.gradient(smooth(64, 64)), axis=-1)
    at_seam = np.abs(slopes - truth)[30:34, 2:-2].mean()
    elsewhere = np.abs(slopes - truth)[2:-2, 2:-2].mean()
    assert at_seam < 2 * elsewhere


def test_quality_is_that_of_the_whole_drawing(picture):
    _, signal, field, _ = picture
    whole = signal.part(tuple(slice(0, n) for n in signal.grid.shape))
    assert field.metrics["quality"]["psnr"] == pytest.approx(psnr(field.sample(signal.grid), whole.values), abs=1e-3)
    assert field.metrics["quality"]["psnr"] > 45
    assert field.record.fit["tiles"] == {"n": 4, "failed": 0, "workers": 1}
    assert field.record.shape == (64, 64)


def test_the_file_reads_alike_as_any_other_and_its_coarse_field_is_a_thumbnail(picture):
    folder, signal, field, _ = picture
    again = ug.load(folder / "a.ung")
    assert isinstance(again, TiledField)
    grid = Grid(signal.grid.box, (16, 16))
    seen = again.seen_from(grid)
    assert seen is not again
    means = field.sample(signal.grid).reshape(16, 4, 16, 4, 1).mean(dim=(1, 3))
    assert (
        float((seen.sample(grid) - means).abs().mean()) < 0.05
    )  # of 300 parameters, as the coarse field of so small a picture is
    assert ug.render(again, folder / "small.png", size=(16, 16)) == (16, 16, 1)
    assert ug.render(again, folder / "part.png", region={"y": (10.0, 50.0), "x": (20.0, 60.0)}) == (40, 40, 1)


@pytest.mark.parametrize("shape", [(300,), (24, 26, 40)])
def test_sound_and_volumes_are_fitted_in_tiles_alike(tmp_path, shape):
    array = 100 * smooth(*shape)
    side = 100 if len(shape) == 1 else 32
    signal, field, failed = fitted(tmp_path, array, side=side, steps=60, kind="series" if len(shape) == 1 else "volume")
    assert not failed
    assert field.tiling.size == (3 if len(shape) == 1 else 2)
    assert field.metrics["quality"]["psnr"] > 25
    assert_close(field.sample(signal.grid)[..., 0], torch.from_numpy(array), atol=20.0, rtol=0)


def test_a_tile_that_cannot_be_fitted_is_told_and_the_others_are_kept(tmp_path):
    array = smooth(32, 64)
    array[3, 60] = np.nan
    _, field, failed = fitted(tmp_path, array, steps=20)
    assert len(failed) == 1
    assert "tile 1 at y=0:32, x=24:64: 1 values are NaN or infinite" in failed[0]
    assert field.record.fit["tiles"]["failed"] == 1
    assert field([[10.0, 50.0]]).isfinite().all()
    assert field.metrics["quality"]["psnr"] > 10


def test_a_signal_of_nothing_but_nan_is_refused(tmp_path):
    with pytest.raises(InputError, match="none of the samples that were looked at"):
        fitted(tmp_path, np.full((64, 64), np.nan, "f4"), steps=2)


def test_an_interrupted_fit_goes_on_with_the_tiles_that_are_left(tmp_path):
    array, done = smooth(32, 96), []

    def stop(outcome, n_done, n):
        done.append(outcome.number)
        if len(done) == 2:
            raise Interrupted("enough")

    with pytest.raises(Interrupted):
        fitted(tmp_path, array, steps=10, watch=stop)
    folder = parts_folder(tmp_path / "a.ung")
    times = {flat: tile_path(folder, flat).stat().st_mtime_ns for flat in done}
    assert not (tmp_path / "a.ung").exists()
    seen = []
    _, field, failed = fitted(tmp_path, array, steps=10, resume=True, watch=lambda outcome, *_: seen.append(outcome.number))
    assert not failed
    assert sorted([*seen, *done]) == list(range(3))
    assert times == {flat: tile_path(folder, flat).stat().st_mtime_ns for flat in done}
    _, straight, _ = fitted(tmp_path, array, steps=10, name="b")
    assert all(map(torch.equal, field.state_dict().values(), straight.state_dict().values()))


def test_a_damaged_part_is_done_again_and_parts_of_another_fit_are_refused(tmp_path):
    array = smooth(32, 64)
    fitted(tmp_path, array, steps=4)
    folder, seen = parts_folder(tmp_path / "a.ung"), []
    path = tile_path(folder, 1)
    path.write_bytes(path.read_bytes()[:-7])
    fitted(tmp_path, array, steps=4, resume=True, watch=lambda outcome, *_: seen.append(outcome.number))
    assert seen == [1]
    with pytest.raises(InputError, match="is of a fit with another steps"):
        fitted(tmp_path, array, steps=5, resume=True)
    with pytest.raises(InputError, match="is of a fit with another input"):
        fitted(tmp_path, array / 2, steps=4, resume=True)
    (folder / MANIFEST).write_text("{")
    with pytest.raises(FormatError, match="cannot be read"):
        fitted(tmp_path, array, steps=4, resume=True)


def test_two_processes_give_what_one_gives(tmp_path):
    one, two = (fitted(tmp_path, smooth(32, 64), steps=4, workers=n, name=f"w{n}")[1] for n in (1, 2))
    assert two.record.fit["tiles"]["workers"] == 2
    grid = Grid(one.box, (32, 64))
    assert_close(one.sample(grid), two.sample(grid), atol=1e-3, rtol=0)


def test_a_region_reads_only_its_tiles(picture, monkeypatch):
    folder, signal, _, _ = picture
    field, read = ug.load(folder / "a.ung"), []
    monkeypatch.setattr(field, "numbers_of", lambda flat: read.append(flat) or TiledField.numbers_of(field, flat))
    field.sample(signal.grid.part((slice(45, 51), slice(4, 22))))
    assert read == [2]
    assert all(tensor.shape[0] == 4 for tensor in field.tile.parameters())


def test_cells_of_a_plan_cover_the_signal(picture):
    _, signal, field, _ = picture
    seen = np.zeros(signal.grid.shape, int)
    for index in itertools.product(range(2), range(2)):
        _, where = field.tiling.cell(signal.grid, index)
        seen[where] += 1
    assert seen.min() == 1
    assert seen.max() == 4
