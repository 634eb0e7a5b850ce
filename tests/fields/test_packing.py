import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.tiling import local_box
from ungrid.errors import FormatError
from ungrid.fields.packing import pack_tiles, read_tile, rewrite_record, save_tile
from ungrid.fields.record import Record
from ungrid.fields.storage import load_field
from ungrid.fields.tiled import TiledField
from ungrid.files import read_header
from ungrid.testing.contracts import known_parts
from ungrid.testing.examples import wave_field, wider_box

BOX = Box(("y", "x"), ((0.0, 60.0), (0.0, 80.0)), ("px", "px"))


def tile(seed, stored="float16"):
    """A fitted tile: its weights, and how they are stored."""
    field = wave_field(local_box(BOX.axes), 2, seed)
    if stored == "float16":
        with torch.no_grad():
            for parameter in field.parameters():
                parameter.copy_(parameter.half())
    field.record = Record("image", (4, 4), ("r", "g"), stored=stored)
    return field


def packed(tmp_path, stored=("float16",) * 6, missing=()):
    paths = [tmp_path / f"{k}.tile" for k in range(6)]
    for k, path in enumerate(paths):
        if k not in missing:
            save_tile(tile(k, stored[k]), path, {"flat": k})
    coarse = wave_field(wider_box(BOX), 2, 9).half().float()
    with torch.device("meta"):
        stand_in = wave_field(wider_box(BOX), 2, 9)
        field = TiledField(BOX, wave_field(local_box(BOX.axes), 2, 0), (2, 3), 0.1, stand_in, (6, 8))
    field.coarse = coarse
    record = Record("image", (60, 80), ("r", "g"), {"format": "PNG"}, {"icc_profile": b"abc"})
    pack_tiles(field, record, lambda k: paths[k], tmp_path / "a.ung", version="0")
    return field, record, tmp_path / "a.ung"


def test_a_packed_file_is_the_field_of_its_tiles(tmp_path):
    _, _, path = packed(tmp_path)
    field = load_field(path, known_parts())
    for k in range(6):
        own = field.numbers_of(k)
        assert all(torch.equal(own[name], tensor) for name, tensor in tile(k).state_dict().items())
    assert field.record.stored == "float16"
    assert field.record.blobs == {"icc_profile": b"abc"}
    assert {entry.dtype for name, entry in read_header(path).tensors.items() if name.startswith("tile.network")} == {"F16"}
    assert all(entry.start % 2 == 0 for entry in read_header(path).tensors.values() if entry.dtype == "F16")


def test_one_tile_that_does_not_fit_halves_makes_all_floats(tmp_path):
    _, _, path = packed(tmp_path, ("float16", "float32") * 3)
    field = load_field(path, known_parts())
    assert field.record.stored == "float32"
    for k in range(6):
        expected = tile(k, ("float16", "float32")[k % 2]).state_dict()
        assert all(torch.equal(field.numbers_of(k)[name], tensor) for name, tensor in expected.items())


def test_a_tile_that_is_missing_is_zeros(tmp_path):
    _, _, path = packed(tmp_path, missing=(4,))
    field = load_field(path, known_parts())
    assert not any(bool(tensor.any()) for name, tensor in field.numbers_of(4).items() if "network" in name)


def test_a_record_can_be_rewritten_while_there_is_room(tmp_path):
    field, record, path = packed(tmp_path)
    before = path.stat().st_size
    record.metrics = {"quality": {"psnr": 12.5}}
    rewrite_record(path, field, record, version="0")
    assert load_field(path, known_parts()).metrics == record.metrics
    assert path.stat().st_size == before
    record.metrics = {"long": "x" * 2**15}
    with pytest.raises(FormatError, match="does not fit into a header"):
        rewrite_record(path, field, record, version="0")


def test_a_tile_of_another_fit_or_damaged_is_refused(tmp_path):
    save_tile(tile(0), tmp_path / "a", {"flat": 0})
    like = tile(0).state_dict()
    assert read_tile(tmp_path / "a", like)[1] == {"flat": 0}
    with pytest.raises(FormatError, match="is no tile of this fit"):
        read_tile(tmp_path / "a", {name: tensor[:1] for name, tensor in like.items()})
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-1])
    with pytest.raises(FormatError):
        read_tile(tmp_path / "a", like)
