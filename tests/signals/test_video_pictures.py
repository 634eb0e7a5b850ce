import numpy as np
import pytest
from PIL import Image

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.part import Part
from ungrid.signals.video import is_film, read_film
from ungrid.signals.video_pictures import is_animation, is_numbered


def picture(index, size=(8, 6), mode="RGB"):
    """Noise of its own."""
    n = {"RGB": 3, "RGBA": 4}[mode]
    levels = np.random.default_rng(index).integers(256, size=(size[1], size[0], n), dtype=np.uint8)
    return Image.fromarray(levels)


def folder_of(path, numbers, name="frame_{:04d}.png", **options):
    path.mkdir()
    for number in numbers:
        picture(number, **options).save(path / name.format(number))
    return path


def animation(path, delays, **options):
    frames = [picture(index, **options) for index in range(len(delays))]
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays, loop=0, **lossless)
    return path


def test_a_folder_of_numbered_pictures_is_a_film_in_their_order(tmp_path):
    path = folder_of(tmp_path / "frames", range(8, 12), name="{}.png")  # 10 after 9, though "10" < "8"
    assert is_numbered(path)
    signal = read_film(path)
    assert signal.grid.shape == (4, 6, 8)
    for index, number in enumerate(range(8, 12)):
        assert np.array_equal((signal.values[index] * 255).round().numpy(), np.asarray(picture(number)))
    assert signal.source["frame_rate_assumed"]
    assert signal.source["frame_rate"] == "25"


def test_a_folder_takes_the_rate_that_is_said(tmp_path):
    path = folder_of(tmp_path / "frames", range(4))
    assert read_film(path, Part(rate=10.0)).box.bounds[0] == (0.0, 0.4)


@pytest.mark.parametrize(
    ("make", "fragment"),
    [
        (lambda p: folder_of(p, [1, 2, 4]), "frame_0002.png and then frame_0004.png: number 3 is missing"),
        (lambda p: picture(0).save(folder_of(p, [1, 2]) / "cover.png"), "holds cover.png, which has no number"),
        (lambda p: picture(0).save(folder_of(p, [1, 2]) / "frame_1.png"), "holds number 1 twice"),
        (lambda p: picture(0, (9, 6)).save(folder_of(p, [1, 2]) / "frame_0003.png"), "has 9×6 pixels of 3"),
        (lambda p: picture(0, mode="RGBA").save(folder_of(p, [1, 2]) / "frame_0003.png"), "has the channels r g b a"),
        (lambda p: (folder_of(p, [1, 2]) / "frame_0003.png").write_bytes(b"hello"), "frame_0003.png holds text"),
        (lambda p: p.mkdir(), "the folder frames holds no pictures"),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_film_is_told(tmp_path, make, fragment):
    make(tmp_path / "frames")
    with pytest.raises((UnreadableInput, InputError), match=fragment):
        read_film(tmp_path / "frames")


def test_a_folder_of_other_things_is_left_to_others(tmp_path):
    assert not is_numbered(tmp_path)
    picture(0).save(tmp_path / "one.png")
    picture(1).save(tmp_path / "two.png")
    assert not is_numbered(tmp_path)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_what_moves_is_a_film_and_what_does_not_is_a_picture(tmp_path, ending):
    moving, still = animation(tmp_path / f"a.{ending}", [40] * 3), tmp_path / f"b.{ending}"
    picture(0).save(still)
    assert is_animation(moving, moving.read_bytes()[:512])
    assert not is_animation(still, still.read_bytes()[:512])
    assert not is_film(still, still.read_bytes()[:512])


@pytest.mark.parametrize("ending", ["webp", "png"])
def test_an_animation_without_loss_keeps_its_pictures(tmp_path, ending):
    signal = read_film(animation(tmp_path / f"a.{ending}", [40] * 5))
    assert signal.box.bounds[0] == (0.0, 0.2)
    for index in range(5):
        assert np.array_equal((signal.values[index] * 255).round().numpy(), np.asarray(picture(index)))


def test_delays_of_one_beat_become_frames_of_it(tmp_path):
    signal = read_film(animation(tmp_path / "a.gif", [40, 120, 40]))
    assert signal.grid.shape[0] == 5
    assert signal.box.bounds[0][1] == pytest.approx(0.2)
    assert (signal.values[1] == signal.values[3]).all()
    assert (signal.values[0] != signal.values[1]).any()
    assert signal.source["loop"] == 0


def test_delays_without_a_beat_are_uneven(tmp_path):
    path = animation(tmp_path / "a.gif", [40, 370, 990])
    with pytest.raises(InputError, match=r"uneven times.*--fps"):
        read_film(path)
    assert read_film(path, Part(rate=10.0)).grid.shape[0] == 14


def test_an_alpha_that_is_used_is_kept(tmp_path):
    assert read_film(animation(tmp_path / "a.png", [40] * 3, mode="RGBA")).channels == ("r", "g", "b", "a")


def test_an_animation_that_is_cut_off_is_told(tmp_path):
    path = animation(tmp_path / "a.gif", [40] * 6, size=(64, 48))
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(UnreadableInput, match=r"cut off|cannot be read"):
        read_film(path)
