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
from ungrid.fit.limits import Limits
from ungrid.metrics.error import psnr
from ungrid.presets.tiles import plan_tiles
from ungrid.signals.audio import sound_signal
from ungrid.signals.large_open import hold_signal, open_large
from ungrid.signals.video import from_frames
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


def moving(n_frames, height, width):
    """A film of waves that move, gray."""
    t, y, x = np.meshgrid(*(np.arange(n) for n in (n_frames, height, width)), indexing="ij")
    values = 0.5 + 0.25 * np.sin(x / 4 + t / 3) * np.cos(y / 5) + 0.2 * np.sin(t / 2 - y / 7)
    return from_frames(np.round(255 * values).astype("u1"), 25.0)


def in_windows(signal, output, side, steps):
    """A signal in memory fitted in windows of so many samples."""
    folder = parts_folder(output)
    held = hold_signal(signal, folder)
    return fit_tiles(held, plan_tiles(held, "fast", side=side), output, limits=Limits(steps), device="cpu")[0]


def test_a_film_has_no_seam_in_time(tmp_path):
    film = moving(48, 24, 32)
    field = in_windows(film, tmp_path / "a.ung", 32, 250)
    assert field.counts == (2, 1, 1)
    assert field.overlap[1:] == (1e-6, 1e-6)
    shown = field.sample(film.grid).numpy()
    assert jump_ratio(shown, [24], 0) < 1.2
    quality = field.metrics["quality"]
    assert quality["psnr"] == pytest.approx(psnr(field.sample(film.grid), film.values), abs=1e-3)
    assert quality["psnr"] > quality["psnr_lowest"] > 28
    assert field.metrics["heldout"]["psnr"] > 28
    assert field.record.source["frame_rate"] == "25"
    between = field([[t, 10.0, 12.0] for t in np.linspace(0.9, 1.02, 40)])
    assert between.diff(dim=0).diff(dim=0).abs().max() < 0.03


def test_sound_has_no_seam_and_the_quality_of_one_piece(tmp_path):
    rng = np.random.default_rng(0)
    t = np.arange(24_000)
    values = 0.3 * np.sin(2e-6 * t**2) + 0.02 * np.convolve(rng.normal(size=24_000), np.ones(8) / 8, "same")
    sound = sound_signal(values, 8000)
    one = ug.fit(sound, callbacks=[])
    field = in_windows(sound, tmp_path / "a.ung", 6000, None)
    assert field.counts == (4,)
    quality = field.metrics["quality"]
    assert quality["snr"] == quality["psnr"]
    assert quality["snr"] > 40 - 0.2
    balanced = ug.fit_large((values, 8000), tmp_path / "b.ung")
    assert balanced.metrics["quality"]["snr"] > one.metrics["quality"]["snr"] - 0.2
    error = (field.sample(sound.grid) - sound.values)[:, 0].abs()
    seams = torch.cat([error[n - 130 : n + 130] for n in (6000, 12_000, 18_000)])
    assert seams.square().mean() < 2 * error.square().mean()
    jumps, at = field.sample(sound.grid)[:, 0].diff().abs(), [5999, 11_999, 17_999]
    assert all(jumps[i] <= jumps[i - 200 : i + 200].max() for i in at)


def test_samples_of_an_hour_are_told_apart_in_windows(tmp_path):
    sound = sound_signal(np.sin(np.arange(9000) / 3.0), 44_100)
    field = in_windows(sound, tmp_path / "a.ung", 3000, None)
    assert field.coords_dtype == torch.float64
    places = sound.grid.points(dtype=torch.float64)[4000:4100]
    assert_close(field(places.numpy()), field.sample(sound.grid)[4000:4100], atol=1e-5, rtol=0)


def test_arrays_and_files_are_fitted_by_one_call(tmp_path):
    array = np.round(255 * smooth(40, 60)).astype("u1")
    np.save(tmp_path / "a.npy", array)
    one = ug.fit_large(array, tmp_path / "one.ung", preset="fast", steps=30)
    other = ug.fit_large(tmp_path / "a.npy", tmp_path / "other.ung", preset="fast", steps=30)
    assert_close(one.sample(one.grid()), other.sample(other.grid()), atol=0, rtol=0)
    assert not parts_folder(tmp_path / "one.ung").exists()
    broken = np.full((40, 80), 0.5)
    broken[39, 79] = np.inf
    with pytest.raises(InputError, match="none of the samples that were looked at"):
        ug.fit_large(broken, tmp_path / "bad.ung", kind="image")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "one.ung", "other.ung"]
