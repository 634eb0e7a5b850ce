import pickle

import numpy as np
import pytest

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.large_open import open_large, values_in
from ungrid.signals.large_zarr import is_zarr, open_zarr

zarr = pytest.importorskip("zarr", reason="the extra 'arrays' is not installed")
RNG = np.random.default_rng(0)


def stored(path, array, **options):
    made = zarr.create_array(store=str(path), shape=array.shape, dtype=array.dtype, **{"chunks": (16,) * array.ndim, **options})
    made[...] = array
    return path


def ome(path, array, axes, scale=None, version="0.5"):
    """An OME-Zarr image of one level."""
    group = zarr.open_group(str(path), mode="w", zarr_format=3 if version == "0.5" else 2)
    group.create_array("0", shape=array.shape, dtype=array.dtype, chunks=tuple(min(n, 16) for n in array.shape))[...] = array
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale or [1.0] * array.ndim}]}
    named = [{"name": name, "type": "space", "unit": "micrometer"} for name in axes]
    images = [{"axes": named, "datasets": [dataset]}]
    group.attrs.update({"ome": {"version": version, "multiscales": images}} if version == "0.5" else {"multiscales": images})
    return path


@pytest.mark.parametrize("options", [{}, {"shards": (32, 32)}, {"zarr_format": 2}])
def test_a_block_is_what_the_array_has_there(tmp_path, options):
    array = RNG.integers(0, 255, (50, 70), dtype=np.uint8)
    signal = open_large(stored(tmp_path / "a.zarr", array, **options), None, tmp_path)
    where = (slice(13, 40), slice(20, 70))
    np.testing.assert_array_equal(signal.blocks.read(where)[..., 0], array[where])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(signal)).blocks.read(where)[..., 0], array[where])
    assert (signal.outline.kind, signal.peak, signal.notes) == ("image", 255.0, ())
    assert values_in(tmp_path / "a.zarr") == array.size


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_ome_volume_has_its_scale_and_units_and_channels_last(tmp_path, version):
    array = RNG.integers(0, 999, (1, 2, 20, 30, 40), dtype=np.uint16)
    signal = open_zarr(ome(tmp_path / "a.zarr", array, "tczyx", [1.0, 1.0, 2.0, 0.5, 0.25], version), None)
    box = signal.grid.box
    assert (signal.outline.kind, signal.grid.shape, len(signal.outline.channels)) == ("volume", (20, 30, 40), 2)
    assert (box.bounds, box.units) == (((0.0, 40.0), (0.0, 15.0), (0.0, 10.0)), ("micrometer",) * 3)
    where = (slice(3, 9), slice(0, 30), slice(11, 12))
    np.testing.assert_array_equal(signal.read(where), np.moveaxis(array[0], 0, -1)[where].astype("f4"))


def test_an_ome_picture_with_channels_first_is_a_picture(tmp_path):
    array = RNG.integers(0, 255, (3, 20, 30), dtype=np.uint8)
    signal = open_zarr(ome(tmp_path / "a.zarr", array, "cyx"), None)
    assert (signal.outline.kind, signal.outline.channels, signal.grid.box.units) == ("image", ("r", "g", "b"), ("px", "px"))
    np.testing.assert_array_equal(signal.blocks.read((slice(0, 20), slice(5, 9))), np.moveaxis(array, 0, -1)[:, 5:9])


def test_a_chunk_that_is_cut_off_spoils_only_the_blocks_that_touch_it(tmp_path):
    array = RNG.integers(0, 255, (32, 32), dtype=np.uint8)
    path = stored(tmp_path / "a.zarr", array)
    chunk = path / "c" / "1" / "1"
    chunk.write_bytes(chunk.read_bytes()[:50])
    signal = open_zarr(path, None)
    np.testing.assert_array_equal(signal.blocks.read((slice(0, 16), slice(0, 32)))[..., 0], array[:16])
    with pytest.raises(UnreadableInput, match=r"a chunk of a\.zarr starts like a Zarr file but cannot be decoded"):
        signal.read((slice(10, 20), slice(10, 20)))


def test_chunks_that_are_not_there_are_told(tmp_path):
    path = stored(tmp_path / "a.zarr", RNG.integers(1, 255, (32, 32), dtype=np.uint8))
    (path / "c" / "0" / "1").unlink()
    signal = open_zarr(path, None)
    assert signal.notes == ("1 of 4 chunks of a.zarr are not there and count as 0",)
    assert not signal.read((slice(0, 16), slice(16, 32))).any()


def test_a_store_without_chunks_is_refused(tmp_path):
    zarr.create_array(store=str(tmp_path / "a.zarr"), shape=(32, 32), dtype="u1", chunks=(16, 16))
    with pytest.raises(UnreadableInput, match="none of its 4 chunks"):
        open_zarr(tmp_path / "a.zarr", None)


def test_other_stores_are_refused_in_one_line(tmp_path):
    zarr.open_group(str(tmp_path / "group.zarr"), mode="w")
    with pytest.raises(UnreadableInput, match="no OME-Zarr image"):
        open_zarr(tmp_path / "group.zarr", None)
    with pytest.raises(InputError, match="is not read by blocks"):
        open_zarr(stored(tmp_path / "a.zarr", np.ones((32, 32), "u1")), "audio")
    with pytest.raises(InputError, match="has the axes"):
        open_zarr(ome(tmp_path / "t.zarr", np.ones((4, 32, 32), "u1"), "tyx"), None)
    zarr.create_array(store=str(tmp_path / "huge.zarr"), shape=(2**18, 2**18), dtype="f4", chunks=(2**16, 2**16))
    with pytest.raises(InputError, match="chunks of 17,179,869,184 bytes"):
        open_zarr(tmp_path / "huge.zarr", None)
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    assert is_zarr(tmp_path / "broken.zarr")
    with pytest.raises(UnreadableInput, match=r"broken\.zarr"):
        open_zarr(tmp_path / "broken.zarr", None)


def test_a_level_outside_the_store_is_refused(tmp_path):
    path = ome(tmp_path / "a.zarr", np.ones((20, 20), "u1"), "yx")
    group = zarr.open_group(str(path), mode="a")
    found = dict(group.attrs)["ome"]
    found["multiscales"][0]["datasets"][0]["path"] = "../other"
    group.attrs["ome"] = found
    with pytest.raises(InputError, match="outside itself"):
        open_zarr(path, None)
