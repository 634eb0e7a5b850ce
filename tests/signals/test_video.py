from pathlib import Path

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.part import Part
from ungrid.signals.video import VIDEO, from_frames, is_film, read_film, write_film
from ungrid.testing.toys import tiny_film

DATA = Path(__file__).parents[3] / "shared" / "data" / "video"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the films of ../shared/data are not here")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_an_array_of_frames_is_a_film(dtype):
    white = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    film = from_frames(np.full((5, 4, 6, 3), white, dtype), 10.0)
    assert (film.kind, film.box.axes, film.box.units) == ("video", ("t", "y", "x"), ("s", "px", "px"))
    assert film.box.bounds == ((0.0, 0.5), (0.0, 4.0), (0.0, 6.0))
    assert (film.values == 1).all()
    assert film.peak == 1


@pytest.mark.parametrize(
    ("array", "rate", "fragment"),
    [
        (np.zeros((4, 4), np.uint8), 25.0, "a film is"), (np.zeros((2, 4, 4, 2), np.uint8), 25.0, "1, 3 or 4 channels"),
        (np.zeros((0, 4, 4, 3), np.uint8), 25.0, "a film is"), (np.zeros((2, 4, 4, 3), np.int16), 25.0, "unsigned integers or"),
        (np.zeros((2, 4, 4, 3), np.uint8), 0.0, "the rate of the array is 0.0"),
        (np.zeros((2, 4, 4, 3), np.uint8), float("nan"), "the rate of the array is nan"),
        (np.full((2, 4, 4, 3), np.nan, np.float32), 25.0, "NaN or infinite"),
    ],
)  # fmt: skip
def test_an_array_that_is_no_film_is_refused(array, rate, fragment):
    with pytest.raises(InputError, match=fragment):
        from_frames(array, rate)


def test_an_array_file_is_a_film_when_that_is_said(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 5, 6, 3), np.uint8))
    assert ug.load(tmp_path / "a.npy", "video", part=Part(rate=10.0)).box.bounds[0] == (0.0, 0.4)
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(InputError, match="holds 2 arrays, a, b; expected one film"):
        ug.load(tmp_path / "two.npz", "video")


def test_text_is_no_film_whatever_its_name(tmp_path):
    (tmp_path / "a.mp4").write_text("hello, world\n")
    assert not is_film(tmp_path / "a.mp4", b"hello, world\n")
    with pytest.raises(UnreadableInput, match=r"a.mp4 holds text; expected a film"):
        VIDEO.read(tmp_path / "a.mp4")


def test_a_part_of_a_picture_is_refused(tmp_path):
    from ungrid.signals.image import write_picture
    from ungrid.testing.toys import tiny_picture

    write_picture(tmp_path / "a.png", tiny_picture())
    with pytest.raises(InputError, match="of kind image, which is read whole; leave out --region, --reduce and --fps"):
        ug.load(tmp_path / "a.png", part=Part(reduction=2))


def test_a_part_of_a_film_has_another_digest(tmp_path):
    pytest.importorskip("av", reason="needs the extra: video")
    write_film(tmp_path / "a.mkv", tiny_film())
    whole, part = read_film(tmp_path / "a.mkv"), read_film(tmp_path / "a.mkv", Part({"t": (0.0, 0.12)}))
    assert whole.source["sha256"] != part.source["sha256"]
    assert (part.values == whole.values[:3]).all()


def test_a_film_goes_through_a_field_with_all_that_it_knew(tmp_path):
    pytest.importorskip("av", reason="needs the extra: video")
    film = tiny_film(4, 32, 48)
    film = film.__class__(
        film.values, film.grid, film.kind, film.channels, film.source | {"color_matrix": "bt709", "metadata": {"title": "waves"}}
    )
    ug.fit(film, steps=100, callbacks=[]).save(tmp_path / "a.ung")
    field = ug.load(tmp_path / "a.ung")
    assert ug.render(field, tmp_path / "a.mp4") == (4, 32, 48, 3)
    back = read_film(tmp_path / "a.mp4")
    assert back.source["color_matrix"] == "bt709"
    assert back.source["metadata"] == {"title": "waves"}
    assert (back.source["frame_rate"], back.box.bounds) == ("25", film.box.bounds)
    assert (back.values - film.values).square().mean().sqrt() < 0.03


def test_a_fitted_field_lies_where_its_film_does():
    """Shifts along each axis, from the derivatives: d ≈ Σ g (f − s) / Σ g², with g the film's central difference."""
    film = tiny_film(12, 32, 48)
    field = ug.fit(film, steps=400, callbacks=[])
    drawn = field.sample(film.grid)
    for axis in range(3):
        gradient = (film.values.roll(-1, axis) - film.values.roll(1, axis)) / 2
        inner = tuple(slice(1, -1) for _ in range(3))
        shift = -(gradient * (drawn - film.values))[inner].sum() / gradient[inner].square().sum()
        assert abs(float(shift)) < 0.01, film.box.axes[axis]


@needs_data
@pytest.mark.parametrize(
    ("name", "shape", "rate"),
    [("bikes", (250, 272, 640), "25"), ("bigbuckbunny", (132, 720, 1280), "25"), ("cockatoo", (280, 720, 1280), "20")],
)
def test_real_films_are_read(name, shape, rate):
    film = read_film(DATA / f"{name}.mp4", Part({"t": (0.0, 0.1)}))
    assert film.grid.shape == (max(1, round(0.1 * int(rate))) + (rate == "25"), *shape[1:])
    assert film.source["n_frames"] == shape[0]
    assert film.source["frame_rate"] == rate
    assert 0.05 < float(film.values.mean()) < 0.95


@needs_data
def test_a_reduced_film_is_that_of_the_arrays_made_from_it():
    reduced = read_film(DATA / "bikes.mp4", Part({"t": (0.0, 0.16)}, reduction=4))
    with np.load(DATA / "bikes_48x68x160.npz") as arrays:
        other = torch.from_numpy(arrays["video"][:4]).float() / 255
    # they were decoded by FFmpeg's default, 1.1 to 1.7 levels darker, and averaged as encoded
    assert (reduced.values - other).abs().mean() < 2.5 / 255
