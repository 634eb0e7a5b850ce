import json

import numpy as np
import pytest

import ungrid as ug
from ungrid.cli.main import main

N = 16
DEGREES = np.arange(10) * 18.0


def square(n, size=float(N)):
    y, x = ug.Grid(ug.Box(("y", "x"), ((0.0, size),) * 2), (n, n)).points().unbind(-1)
    return ((y > 5) & (y < 12) & (x > 4) & (x < 9)).float()[..., None] * 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tomography")
    scanner = ug.domain.ParallelBeam(np.deg2rad(DEGREES).tolist(), N, (N // 2 + 0.5,) * 2)
    grid = ug.Grid(ug.Box(("y", "x"), ((0.0, float(N)),) * 2), (64, 64))
    sinogram = ug.measurements.LineIntegral(grid, scanner).A(square(64))[..., 0].numpy()
    np.save(folder / "s.npy", sinogram)
    np.save(folder / "angles.npy", DEGREES)
    np.save(folder / "nan.npy", np.where(sinogram > 0.3, np.nan, sinogram))
    np.save(folder / "three.npy", np.zeros((10, 4, N)))
    np.save(folder / "table.npy", np.zeros((10, 2)))
    (folder / "junk.npy").write_bytes(b"junk")
    (folder / "s.txt").write_text("1 2 3")
    return folder


def run(folder, *words, code=0):
    assert main(["tomography", str(folder / "s.npy"), "--angles-degrees", "0:180:10", "--strength", "0.005", *words]) == code


def test_a_slice_is_written_in_the_stated_convention_with_its_keys(capsys, folder, tmp_path):
    run(folder, "-o", str(tmp_path / "a.npy"), "--json")
    told = json.loads(capsys.readouterr().out)
    assert {"output", "seconds", "residual"} <= set(told)
    assert told["residual"] < 0.05
    written, truth = np.load(tmp_path / "a.npy"), square(64).unflatten(0, (N, 4)).unflatten(2, (N, 4)).mean(dim=(1, 3))[..., 0]
    assert written.shape == (N, N)
    assert float(np.linalg.norm(written - truth.numpy()) / truth.norm()) < 0.15


@pytest.mark.parametrize("name", ["a.nii.gz", "a.png", "a.ung"])
def test_every_format_holds_the_slice(capsys, folder, tmp_path, name):
    angles = str(folder / "angles.npy")
    run(
        folder,
        "--angles-degrees",
        angles,
        "-o",
        str(tmp_path / name),
        "--water",
        "0.1",
        "--air",
        "0",
        "--quiet",
        "--pixel-size",
        "1",
    )
    if name.endswith("ung"):
        field = ug.load(tmp_path / name)
        assert float(field([[8.0, 6.0]])) == pytest.approx(0, abs=150)
        assert float(field([[2.0, 2.0]])) == pytest.approx(-1000, abs=50)
    else:
        values = ug.load(tmp_path / name).values
        if name.endswith("nii.gz"):
            assert float(values.min()) == pytest.approx(-1000, abs=5)
        assert values.numel() in (N * N, 3 * N * N)


@pytest.mark.parametrize("ending", ["tif", "h5"])
def test_sinograms_are_read_from_other_formats(folder, tmp_path, ending):
    sinogram = np.load(folder / "s.npy")
    if ending == "tif":
        pytest.importorskip("tifffile").imwrite(tmp_path / "s.tif", sinogram)
    else:
        with pytest.importorskip("h5py").File(tmp_path / "s.h5", "w") as file:
            file["exchange/data"] = sinogram
    words = ["tomography", str(tmp_path / f"s.{ending}"), "--angles-degrees", "0:180:10", "--strength", "0.5", "--quiet"]
    assert main([*words, "-o", str(tmp_path / "a.npy")]) == 0
    assert np.load(tmp_path / "a.npy").shape == (N, N)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("s.npy", "--angles-degrees", "0:180:9"), "9,) angles for a sinogram of 10 views"),
        (("s.npy", "--angles-degrees", "0-180"), "START:STOP:N"),
        (("s.npy", "--angles-degrees", "0:180:0"), "START:STOP:N"),
        (("s.npy", "--angles-degrees", "none.npy"), "there is no file"),
        (("s.npy", "--angles-degrees", "table.npy"), "one angle in degrees"),
        (("nan.npy",), "NaN"),
        (("none.npy",), "there is no file"),
        (("junk.npy",), "cannot be read"),
        (("s.txt",), "expected a name ending in"),
        (("three.npy",), "[angle, column]"),
        (("s.npy", "--geometry", "cone", "--source-distance", "90", "--detector-distance", "9"), "[angle, row, column]"),
        (("s.npy", "--geometry", "fan"), "distance"),
        (("s.npy", "--geometry", "fan", "--source-distance", "-5", "--detector-distance", "9"), "positive"),
        (("s.npy", "--geometry", "spiral"), "no geometry 'spiral'"),
        (("s.npy", "--source-distance", "5"), "no source"),
        (("s.npy", "--size", "0"), "size is 0"),
        (("s.npy", "--photons", "0"), "photons is 0"),
        (("s.npy", "--detector-spacing", "0"), "spacing is 0"),
        (("s.npy", "--center", "nan"), "finite"),
        (("s.npy", "--water", "1"), "both --water and --air"),
        (("s.npy", "--water", "0", "--air", "1"), "water's the larger"),
        (("s.npy", "--max-memory", "10kB"), "--max-memory"),
        (("s.npy", "-o", "a.xyz"), "expected a name ending in"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_no_file(capsys, monkeypatch, folder, tmp_path, words, says):
    monkeypatch.chdir(tmp_path)
    given = [str(folder / word) if word.endswith((".npy", ".txt")) else word for word in words]
    defaults = [] if "--angles-degrees" in words else ["--angles-degrees", "0:180:10"]
    output = [] if "-o" in words else ["-o", "out.npy"]
    assert main(["tomography", *given, *defaults, *output]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_classical_methods_stand_beside_the_field_on_views_that_none_has_seen(capsys, folder, tmp_path):
    run(folder, "-o", str(tmp_path / "a.npy"), "--compare-classical", "--json")
    told = json.loads(capsys.readouterr().out)["heldout_views"]
    assert {"FBP ramp", "SIRT 30", "TV on pixels", "field"} <= set(told)
    assert all(0 <= row["relative_error"] < 1 for row in told.values())


def test_a_cone_beam_gives_a_volume_file(folder, tmp_path):
    box = ug.Box(("z", "y", "x"), ((0.0, 8.0), (0.0, 10.0), (0.0, 10.0)))
    volume = ((ug.Grid(box, (8, 10, 10)).points() - 4.5).square().sum(dim=-1) < 9).float()[..., None] * 0.1
    angles = np.deg2rad(np.arange(8) * 45.0).tolist()
    scanner = ug.domain.ConeBeam(angles, 10, (5.5, 5.5), 1.5, None, 40.0, 20.0, n_rows=8, height=4.0)
    np.save(tmp_path / "c.npy", ug.measurements.LineIntegral(ug.Grid(box, (8, 10, 10)), scanner).A(volume)[..., 0].numpy())
    words = ["--angles-degrees", "0:360:8", "--geometry", "cone", "--source-distance", "40"]
    words += ["--detector-distance", "20", "--detector-spacing", "1.5"]
    words += ["--strength", "0.005", "--quiet", "-o", str(tmp_path / "v.npy")]
    assert main(["tomography", str(tmp_path / "c.npy"), *words]) == 0
    written = np.load(tmp_path / "v.npy")
    assert written.shape == (8, 10, 10)
    assert np.linalg.norm(written - volume[..., 0].numpy()) < 0.5 * float(volume.norm())
