import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from ungrid.errors import InputError, MachineError, ShapeError
from ungrid.signals.image import from_array, read_picture, write_picture
from ungrid.signals.image_write import FORMATS, open_picture_writer

RNG = np.random.default_rng(0)
LOSSLESS = [("png", 8), ("png", 16), ("tif", 8), ("tif", 16), ("tif", 32), ("jp2", 8), ("jp2", 16), ("exr", 16), ("exr", 32)]


def picture(n_channels=3, shape=(37, 29), bit_depth=8):
    if bit_depth == 32:
        return from_array(RNG.random((*shape, n_channels)).astype(np.float32))
    return from_array(RNG.integers(0, 2**bit_depth, (*shape, n_channels), dtype=np.uint8 if bit_depth == 8 else np.uint16))


def write_bands(path, shape, bands):
    with open_picture_writer(path, shape=shape, channels=("gray",)) as writer:
        for band in bands:
            writer.write_rows(band)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("extension", "bits"), LOSSLESS)
def test_read_and_written_again_is_the_same_in_a_lossless_format(tmp_path, extension, bits, n_channels):
    pytest.importorskip("OpenEXR")
    pytest.importorskip("imagecodecs")
    first, second = tmp_path / f"first.{extension}", tmp_path / f"second.{extension}"
    write_picture(first, picture(n_channels), bit_depth=bits)
    once = read_picture(first)
    write_picture(second, once)
    again = read_picture(second)
    assert torch.equal(again.values, once.values)
    assert (again.channels, again.source["bit_depth"]) == (once.channels, bits)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(("extension", "atol"), [("jpg", 0.2), ("webp", 0.4), ("avif", 0.3)])
def test_a_smooth_picture_survives_a_lossy_format(tmp_path, extension, atol):
    y, x = np.mgrid[:64, :64] / 64
    values = torch.from_numpy(np.stack([y, x, (y + x) / 2], axis=-1)).float()
    write_picture(tmp_path / f"a.{extension}", values)
    error = read_picture(tmp_path / f"a.{extension}").values - values
    assert error.square().mean().sqrt() < 0.01
    assert error.abs().max() < atol


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "avif"])
def test_exif_is_written_upright_and_the_profile_as_it_was(tmp_path, extension):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)).save(tmp_path / "a.jpg", exif=exif, icc_profile=profile)
    signal = read_picture(tmp_path / "a.jpg")
    write_picture(tmp_path / f"b.{extension}", signal)
    again = read_picture(tmp_path / f"b.{extension}")
    assert again.grid.shape == signal.grid.shape == (9, 6)
    assert again.source["orientation"] == 1
    assert again.blobs["icc_profile"] == profile
    with Image.open(tmp_path / f"b.{extension}") as written:
        assert written.getexif()[0x010F] == "maker"


@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
def test_resolution_is_written(tmp_path, extension):
    signal = picture()
    signal.source["dpi"] = [300.0, 300.0]
    write_picture(tmp_path / f"a.{extension}", signal)
    assert read_picture(tmp_path / f"a.{extension}").source["dpi"] == pytest.approx([300, 300], rel=1e-4)


def test_a_profile_of_other_colors_is_left_out(tmp_path):
    signal = picture(1)
    signal.blobs["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_picture(tmp_path / "a.png", signal)
    assert "icc_profile" not in read_picture(tmp_path / "a.png").blobs


def test_values_are_clipped_and_rounded_to_the_nearest(tmp_path):
    values = torch.tensor([[[-1.0], [0.6 / 255], [1.4 / 255], [2.0]]])
    write_picture(tmp_path / "a.png", values)
    assert np.asarray(Image.open(tmp_path / "a.png")).tolist() == [[0, 1, 1, 255]]


@pytest.mark.parametrize(
    ("extension", "source", "bits"),
    [
        ("png", {}, 8),
        ("png", {"bit_depth": 1}, 8),
        ("png", {"bit_depth": 12}, 16),
        ("png", {"bit_depth": 16, "sample_format": "float"}, 16),
        ("jpg", {"bit_depth": 16}, 8),
        ("tif", {"bit_depth": 16}, 16),
        ("tif", {"bit_depth": 64, "sample_format": "float"}, 32),
        ("tif", {"sample_format": "float"}, 32),
        ("exr", {"bit_depth": 16, "sample_format": "float"}, 16),
        ("exr", {"bit_depth": 16}, 16),
        ("npy", {"bit_depth": 8}, 32),
    ],
)
def test_the_depth_is_the_sources_where_the_format_has_it(tmp_path, extension, source, bits):
    if extension == "exr":
        pytest.importorskip("OpenEXR")
    with open_picture_writer(tmp_path / f"a.{extension}", shape=(1, 2), channels=("gray",), source=source) as writer:
        assert writer.bit_depth == bits
        writer.write_rows(torch.zeros(1, 2, 1))


def test_npy_holds_values_as_they_are(tmp_path):
    signal = picture(5, bit_depth=32)
    with open_picture_writer(tmp_path / "a.npy", shape=(37, 29), channels=signal.channels) as writer:
        writer.write_rows(signal.values[:20])
        writer.write_rows(signal.values[20:])
    assert np.array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), signal.values.numpy())


@pytest.mark.parametrize(
    ("name", "n_channels", "bit_depth", "message"),
    [
        ("a.pngg", 3, None, r"'\.pngg'; known are .*did you mean '\.png'"),
        ("a", 3, None, "no extension; known are"),
        ("a.jpg", 4, None, r"\.jpg cannot hold an alpha channel; these can: \.png .*\.webp"),
        ("a.png", 6, None, r"\.png cannot hold channels band0 .*these can: \.tif"),
        ("a.jpg", 3, 16, r"\.jpg holds 8 bits, not 16; 16 bits fit in \.png"),
        ("a.png", 3, 32, r"\.png holds 8 or 16 bits, not 32"),
        ("a.png", 3, 7, "not 7$"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_those_that_can(tmp_path, name, n_channels, bit_depth, message):
    with pytest.raises(InputError, match=message):
        write_picture(tmp_path / name, picture(n_channels), bit_depth=bit_depth)
    assert list(tmp_path.iterdir()) == []


def test_sides_beyond_the_format_are_refused_before_anything_is_drawn(tmp_path):
    opened = open_picture_writer(tmp_path / "a.webp", shape=(10, 20_000), channels=("r", "g", "b"))
    with pytest.raises(InputError, match=r"16383.*20000×10"), opened:
        pytest.fail("it opened")


def test_missing_surplus_and_misshapen_rows_are_errors_and_leave_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    write_picture(path, picture(1))
    before = path.read_bytes()
    for heights, width, error in [([2, 1], 5, InputError), ([3, 2], 5, ShapeError), ([4], 6, ShapeError)]:
        with pytest.raises(error):
            write_bands(path, (4, 5), [torch.zeros(height, width, 1) for height in heights])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_nan_in_an_integer_format_is_an_error_that_names_the_row(tmp_path):
    values = torch.zeros(4, 5, 1)
    values[3, 2] = torch.nan
    with pytest.raises(InputError, match="row 5"):
        write_bands(tmp_path / "a.png", (6, 5), [torch.zeros(2, 5, 1), values])


def test_a_folder_that_is_not_there_is_the_machines_error(tmp_path):
    with pytest.raises(MachineError, match="does not exist"):
        write_picture(tmp_path / "none" / "a.png", picture())


@pytest.mark.parametrize("extension", FORMATS)
def test_the_same_picture_gives_the_same_bytes_in_bands_of_any_height(tmp_path, extension):
    if extension == ".exr":
        pytest.importorskip("OpenEXR")
    signal = picture(1 if extension == ".pgm" else 3)
    written = []
    for step in (37, 5):
        path = tmp_path / f"a{extension}"
        with open_picture_writer(path, shape=(37, 29), channels=signal.channels, source=signal.source) as writer:
            for start in range(0, 37, step):
                writer.write_rows(signal.values[start : start + step])
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_the_writer_takes_values_that_carry_gradients_and_doubles(tmp_path):
    values = torch.full((2, 2, 1), 0.5, dtype=torch.float64, requires_grad=True)
    with open_picture_writer(tmp_path / "a.png", shape=(2, 2), channels=("gray",)) as writer:
        writer.write_rows(values)
    assert read_picture(tmp_path / "a.png").values.unique().tolist() == pytest.approx([128 / 255])
