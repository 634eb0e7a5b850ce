import json

import numpy as np
import pytest
from PIL import Image

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.phantoms import shepp_logan

SIZE = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mri")
    picture = shepp_logan(SIZE).values[..., 0].numpy() * np.exp(1j * np.linspace(0, 1, SIZE))
    waves = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(picture), norm="ortho")).astype(np.complex64)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[::3] = mask[11:21] = True
    spokes = np.arange(SIZE)[None, :, None] - SIZE // 2 + np.zeros((3, 1, 2))
    for name, array in {
        "k": waves * mask, "m": mask, "x": picture, "real": np.abs(waves), "small": mask[1:], "none": ~mask & mask,
        "nan": waves * np.nan, "shifted": np.fft.fft2(picture), "c": np.ones((2, SIZE, SIZE), np.complex64), "t": spokes,
        "words": np.array(["a"]),
    }.items():  # fmt: skip
        np.save(folder / f"{name}.npy", array)
    (folder / "text.npy").write_text("hello")
    return folder


def test_the_array_is_complex_and_the_report_has_its_keys(capsys, folder):
    arguments = ["mri", str(folder / "k.npy"), "--mask", str(folder / "m.npy"), "-o", str(folder / "o.npy"), "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= {"output", "seconds", "residual", "noise", "strength", "method", "coils", "origin"}
    found, truth = np.load(folder / "o.npy"), np.load(folder / "x.npy")
    assert found.dtype == np.complex64
    assert np.sqrt(np.mean(np.abs(found - truth) ** 2)) < 0.06


def test_a_missing_mask_is_told_and_methods_are_compared(capsys, folder):
    assert main(["mri", str(folder / "k.npy"), "-o", str(folder / "o.ung"), "--compare-classical"]) == 0
    seen = capsys.readouterr()
    assert "what is exactly 0 counts as not sampled" in seen.err
    assert "of the samples kept out" in seen.out
    assert ug.load(folder / "o.ung").out_dim == 2


def test_pictures_and_volumes_hold_the_magnitude(folder):
    pytest.importorskip("nibabel")
    for ending in ("png", "nii.gz"):
        assert main(["mri", str(folder / "k.npy"), "-o", str(folder / f"o.{ending}"), "--quiet"]) == 0
    with Image.open(folder / "o.png") as picture:
        assert (picture.size, picture.getextrema()[1]) == ((SIZE, SIZE), 255)
    assert ug.load(folder / "o.nii.gz").values.max() == pytest.approx(1.0, abs=0.15)


def test_hdf5_is_read_by_the_name_of_its_dataset(folder):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "k.h5", "w") as file:
        file["kspace"], file["other"] = np.load(folder / "k.npy"), np.load(folder / "c.npy")
    assert main(["mri", str(folder / "k.h5"), "-o", str(folder / "h.npy"), "--quiet"]) == 0
    with h5py.File(folder / "two.h5", "w") as file:
        file["one"] = file["other"] = np.load(folder / "c.npy")
    assert main(["mri", str(folder / "two.h5"), "-o", str(folder / "h2.npy")]) == 2
    assert not (folder / "h2.npy").exists()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("k.npy --mask small.npy -o q.npy", "the mask has shape (31, 32)"),
        ("k.npy --mask none.npy -o q.npy", "the mask is empty"),
        ("k.npy --mask missing.npy -o q.npy", "there is no file"),
        ("k.npy --mask . -o q.npy", "is a folder"),
        ("real.npy -o q.npy", "expected complex numbers"),
        ("nan.npy -o q.npy", "NaN"),
        ("shifted.npy -o q.npy", "numpy.fft.fftshift"),
        ("text.npy -o q.npy", "is no NumPy array"),
        ("words.npy -o q.npy", "expected numbers"),
        ("k.npy --coils c.npy -o q.npy", "one map for each coil"),
        ("k.npy --trajectory t.npy -o q.npy", "expected k-space of shape (3, 32)"),
        ("k.npy --trajectory t.npy --mask m.npy -o q.npy", "not both"),
        ("k.npy --size 64 -o q.npy", "--size goes with --trajectory"),
        ("k.npy --noise -1 -o q.npy", "noise is -1"),
        ("k.npy --max-memory 1kB -o q.npy", "allow more"),
        ("k.npy -o q.tiffany", "cannot write q.tiffany"),
        ("k.npy -o k.npy", "that is an input"),
        ("k.npy", "output"),
    ],
)
def test_bad_input_gets_one_line_and_writes_nothing(capsys, folder, monkeypatch, line, says):
    monkeypatch.chdir(folder)
    before = sorted(path.name for path in folder.iterdir())
    assert main(["mri", *line.split(), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before
