"""Volumes from file to field and back, and everything that a person may get wrong with them."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.cli.main import main
from ungrid.errors import InputError
from ungrid.signals.volume import ENDINGS, VOLUME, adopt_volume, from_array, read_volume, write_volume

nibabel = pytest.importorskip("nibabel", reason="needs the extra: medical")
SHARED = Path(__file__).parents[3] / "shared" / "data" / "volumes"
OBLIQUE = np.array([[-1.9, 0.2, 0.1, 30], [0.25, 1.2, -0.5, -20], [0.1, 0.6, 0.9, 5], [0, 0, 0, 1]])


def blob(shape=(12, 10, 14)):
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    return (100 * np.exp(-3 * sum(axis**2 for axis in axes)) + 40 * axes[0]).astype(np.int16)


def nifti(path, affine=OBLIQUE, array=None):
    nibabel.save(nibabel.Nifti1Image(blob() if array is None else array, affine), path)
    return path


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    path = nifti(tmp_path_factory.mktemp("v") / "v.nii.gz")
    fitted = ug.fit(path, steps=60, callbacks=[])
    fitted.save(path.with_suffix(".ung"))
    return ug.load(path.with_suffix(".ung")), path


def test_through_a_field_the_header_is_kept_to_the_bit(field, tmp_path):
    fitted, path = field
    ug.render(fitted, tmp_path / "o.nii.gz")
    made, source = nibabel.load(tmp_path / "o.nii.gz"), nibabel.load(path)
    assert made.header.binaryblock == source.header.binaryblock
    assert np.abs(np.asarray(made.dataobj, float) - source.get_fdata()).mean() < 1


@pytest.mark.parametrize(
    "how", [{"spacing": 0.5}, {"scale": 2.0}, {"scale": 0.5}, {"spacing": 0.5, "region": {"z": (7.0, 12.0), "x": (15.0, 25.0)}}]
)
def test_on_another_grid_the_affine_leads_to_the_same_values(field, tmp_path, how):
    fitted, _ = field
    ug.render(fitted, tmp_path / "o.nii", **how)
    made = nibabel.load(tmp_path / "o.nii")
    assert nibabel.aff2axcodes(made.affine) == nibabel.aff2axcodes(OBLIQUE)
    box, rng = fitted.box, np.random.default_rng(0)
    index = np.stack([rng.integers(0, n, 40) for n in made.shape], axis=-1)
    world = torch.from_numpy(nibabel.affines.apply_affine(made.affine, index)[:, ::-1].copy())
    matrix = torch.tensor(box.affine, dtype=torch.float64)
    coords = (world - matrix[:, 3]) @ torch.linalg.inv(matrix[:, :3]).T
    low, high = torch.tensor(box.bounds, dtype=torch.float64).T
    coords = torch.minimum(torch.maximum(coords, low), high)
    if "scale" in how and how["scale"] < 1:
        return  # cells are averaged over: their places were tested, by the affine's codes, their values are not points'
    expected = fitted(coords.float())[:, 0].detach().numpy()
    found = np.asarray(made.dataobj, float)[tuple(index.T)]
    assert np.abs(found - expected).max() < 0.51 + 0.05  # rounded to integers; float32 coordinates


def test_a_field_lies_within_a_hundredth_of_a_sample(field):
    fitted, path = field
    truth = read_volume(path).values
    values = fitted.sample(fitted.grid())
    for axis in range(3):
        slope = (truth.roll(-1, axis) - truth.roll(1, axis))[2:-2, 2:-2, 2:-2] / 2
        shift = float(((values - truth)[2:-2, 2:-2, 2:-2] * slope).sum() / slope.square().sum())
        assert abs(shift) < 0.01


def test_nibabel_s_resampling_of_a_smooth_volume_is_the_field_s(tmp_path):
    pytest.importorskip("scipy", reason="needs the extra: dev")
    from nibabel.processing import resample_to_output

    affine = np.diag([2.0, 1.5, 2.0, 1.0])
    path = nifti(tmp_path / "v.nii", affine, blob((14, 14, 14)).astype(np.float32))
    fitted = ug.fit(path, steps=80, callbacks=[])
    ug.render(fitted, tmp_path / "o.nii", spacing=1.0)
    made = nibabel.load(tmp_path / "o.nii")
    other = resample_to_output(nibabel.load(path), (1.0, 1.0, 1.0), order=3)
    place = np.array([10.0, 9.0, 12.0])
    first, second = ([np.linalg.inv(image.affine), image.get_fdata()] for image in (made, other))
    from scipy.ndimage import map_coordinates

    at = [map_coordinates(data, nibabel.affines.apply_affine(back, place)[:, None], order=3)[0] for back, data in (first, second)]
    assert at[0] == pytest.approx(at[1], abs=1.0)


@pytest.mark.parametrize("ending", ENDINGS)
def test_values_and_grid_come_back_from_every_format(tmp_path, ending):
    if ending in (".mha", ".nrrd"):
        pytest.importorskip("SimpleITK", reason="needs the extra: itk")
    signal = from_array(blob().astype(np.int16), spacing=(2.0, 1.0, 0.5))
    write_volume(tmp_path / f"v{ending}", signal)
    again = ug.load(tmp_path / f"v{ending}")
    assert torch.equal(again.values, signal.values)
    assert again.grid == signal.grid
    assert again.source["dtype"] == "int16"


def test_arrays_and_images_are_adopted():
    assert adopt_volume(blob()).grid.shape == (12, 10, 14)
    assert adopt_volume(nibabel.Nifti1Image(blob(), OBLIQUE)).box.affine is not None
    assert adopt_volume("v.nii") is None
    assert ug.fit(np.zeros((6, 6, 6), np.float32), steps=1, callbacks=[]).record.kind == "volume"


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a name ending in \.nii"):
        write_volume(tmp_path / "v.xyz", blob())
    assert VOLUME.kind == "volume"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, field):
    folder = tmp_path_factory.mktemp("bad")
    good = nifti(folder / "good.nii.gz").read_bytes()
    (folder / "v.ung").write_bytes(field[1].with_suffix(".ung").read_bytes())
    (folder / "cut.nii.gz").write_bytes(good[:300])
    (folder / "empty.nii").write_bytes(b"")
    (folder / "text.nii").write_bytes(b"hello\n" * 200)
    raw = bytearray(gzip.decompress(good))
    raw[40:48] = np.array([3, 30000, 30000, 30000], "<i2").tobytes()
    (folder / "bomb.nii.gz").write_bytes(gzip.compress(bytes(raw)))
    np.savez(folder / "spacing.npz", volume=blob(), spacing=np.array([1.0, -1, 1]))
    np.savez(folder / "nan.npz", volume=np.full((5, 5, 5), np.nan), spacing=np.ones(3))
    np.savez(folder / "grids.npz", a=blob(), b=blob()[:5], spacing=np.ones(3))
    np.savez(folder / "flat.npz", a=np.zeros((5, 5)))
    np.save(folder / "objects.npy", np.array([{}] * 8, dtype=object).reshape(2, 2, 2))
    (folder / "none").mkdir()
    return folder


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("fit cut.nii.gz", 2, "cut.nii.gz"),
        ("fit empty.nii", 2, "is empty"),
        ("fit text.nii", 2, "holds text; expected"),
        ("fit text.nii --as volume", 2, "holds text; expected a volume"),
        ("fit bomb.nii.gz", 2, "declares"),
        ("fit spacing.npz", 2, "three positive numbers"),
        ("fit nan.npz", 2, "nothing but NaN"),
        ("fit grids.npz", 2, "several grids"),
        ("fit flat.npz --as volume", 2, "no array [z, y, x]"),
        ("fit objects.npy --as volume", 2, "cannot be read as numbers"),
        ("fit none", 2, "is a folder without files"),
        ("fit missing.nii", 2, "there is no file"),
        ("render v.ung -o o.wav", 2, "cannot write o.wav"),
        ("render v.ung -o o.nii --spacing 0", 2, "spacing"),
        ("render v.ung -o o.nii --region z=0:900", 2, "does not lie in the box"),
        ("render v.ung -o o.nii --rate 5", 2, "does not go with volume"),
        ("render v.ung -o o.png --plane z=999", 2, "misses the volume"),
        ("render v.ung -o o.png --plane w=1", 2, "cannot read 'w=1'"),
        ("render v.ung -o o.png --plane z=9 --size 4", 2, "--size does not go with --plane"),
        ("render v.ung -o o.png --plane z=9 --project z=max", 2, "not both"),
        ("render v.ung -o o.png --project z=min", 2, "expected an axis and max or mean"),
        ("render v.ung -o o.wav --plane z=9", 2, "cannot write a slice"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(capsys, monkeypatch, prepared, unchecked_types, line, code, said):
    monkeypatch.chdir(prepared)
    before = sorted(path.name for path in prepared.iterdir())
    assert main(line.split()) == code
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert said in shown.splitlines()[-1]
    assert sorted(path.name for path in prepared.iterdir()) == before


def test_slices_planes_and_projections_are_drawn_from_the_command_line(monkeypatch, prepared, tmp_path, unchecked_types):
    monkeypatch.chdir(prepared)
    for options in ("--plane z=9", "--plane z=9;normal_z=1,y=1 --spacing 0.5", "--project x=max", ""):
        words = [word.replace("_", " ") for word in options.split()]
        assert main(["render", "v.ung", "-o", str(tmp_path / "o.png"), *words]) == 0
        (tmp_path / "o.png").unlink()


@pytest.mark.skipif(not SHARED.exists(), reason="needs the test data in shared/data")
@pytest.mark.parametrize(
    ("name", "shape", "channels", "unit"),
    [
        ("mni152_t1.nii.gz", (189, 233, 197), 1, "mm"),
        ("fmri_example4d.nii.gz", (2, 24, 96, 128), 1, "mm"),
        ("head_ct_promed0051.npz", (108, 256, 256), 1, "mm"),
        ("carotid.npz", (45, 49, 76), 4, "mm"),
        ("stent_ct.npz", (256, 128, 128), 1, ""),
    ],
)
def test_the_test_data_are_recognized(name, shape, channels, unit):
    signal = ug.load(SHARED / name)
    assert (signal.kind, signal.grid.shape, signal.out_dim, signal.box.units[-1]) == ("volume", shape, channels, unit)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the test data in shared/data")
def test_what_lies_on_the_sphere_is_no_volume():
    path = SHARED.parent / "families" / "eraint_uvz_jan.npz"
    assert not VOLUME.recognizes(path, path.read_bytes()[:512])
