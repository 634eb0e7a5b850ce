import numpy as np
import pytest

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.volume import read_volume
from ungrid.signals.volume_dicom import is_dicom, read_dicom

pydicom = pytest.importorskip("pydicom", reason="needs the extra: medical")
ROWS, COLUMNS = np.array([1.0, 0, 0]), np.array([0, np.cos(0.2), np.sin(0.2)])


def write_slice(path, pixels, position, *, rows=ROWS, columns=COLUMNS, series="1.2.3", slope=2.0, **tags):
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, data.file_meta.MediaStorageSOPInstanceUID
    data.Modality, data.SeriesInstanceUID, data.PatientName = "CT", series, "Secret^Name"
    data.Rows, data.Columns = pixels.shape
    data.PixelSpacing = [0.5, 0.75]
    data.ImageOrientationPatient = [*map(float, rows), *map(float, columns)]
    data.ImagePositionPatient = list(map(float, position))
    data.SliceThickness = 2.0
    data.RescaleSlope, data.RescaleIntercept = slope, -1000
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.PixelData = pixels.astype("<i2").tobytes()
    for tag, value in tags.items():
        if value is None:
            delattr(data, tag)
        else:
            setattr(data, tag, value)
    data.save_as(path, enforce_file_format=True)


def series(folder, n=5, step=2.0, **tags):
    """Slices in files whose names are in another order than their places."""
    folder.mkdir(exist_ok=True)
    normal = np.cross(ROWS, COLUMNS)
    stack = np.arange(n * 4 * 6).reshape(n, 4, 6)
    for at in range(n):
        write_slice(folder / f"{(at * 3) % n}.dcm", stack[at], np.array([10.0, -20, 30]) + at * step * normal, **tags)
    return folder, stack


def test_slices_are_sorted_by_place_and_values_are_hounsfield_units(tmp_path):
    folder, stack = series(tmp_path / "s")
    signal = read_volume(folder)
    assert signal.kind == "volume"
    assert signal.channels == ("hu",)
    assert np.array_equal(signal.values[..., 0].numpy(), stack * 2.0 - 1000)
    assert np.allclose(signal.grid.spacing, (2.0, 0.5, 0.75))


def test_each_value_lies_at_the_patient_s_place(tmp_path):
    folder, _ = series(tmp_path / "s")
    signal = read_volume(folder)
    k, row, column = 3, 2, 5
    place = np.array([10.0, -20, 30]) + k * 2.0 * np.cross(ROWS, COLUMNS) + row * 0.5 * COLUMNS + column * 0.75 * ROWS
    coords = signal.grid.points()[k, row, column].double()
    assert np.allclose(signal.box.to_world(coords).numpy()[::-1], place, atol=1e-4)


def test_nothing_that_names_the_patient_is_kept(tmp_path):
    signal = read_volume(series(tmp_path / "s")[0])
    assert "Secret" not in repr(signal.source)
    assert signal.source["dicom"]["Modality"] == "CT"


def test_a_single_file_is_a_volume_of_one_slice(tmp_path):
    folder, _ = series(tmp_path / "s", n=1)
    path = next(folder.iterdir())
    assert is_dicom(path, path.read_bytes()[:512])
    signal = read_volume(path)
    assert signal.grid.shape == (1, 4, 6)
    assert signal.grid.spacing[0] == pytest.approx(2.0)


def test_it_agrees_with_the_scan_that_pydicom_ships():
    from pydicom.data import get_testdata_file

    path = get_testdata_file("CT_small.dcm", download=False)
    if path is None:
        pytest.skip("pydicom was installed without its test data")
    signal = read_volume(path)
    data = pydicom.dcmread(path)
    assert np.array_equal(
        signal.values[0, :, :, 0].numpy(), data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)
    )


def test_a_missing_slice_is_named(tmp_path):
    folder, _ = series(tmp_path / "s", n=7)
    names = sorted(folder.iterdir(), key=lambda path: float(pydicom.dcmread(path).ImagePositionPatient[2]))
    names[3].unlink()
    with pytest.raises(InputError, match=f"a slice is missing between {names[2].name} and {names[4].name}"):
        read_dicom(folder)


def test_two_slices_at_one_place_are_named(tmp_path):
    folder, stack = series(tmp_path / "s")
    write_slice(folder / "again.dcm", stack[0], [10.0, -20, 30])
    with pytest.raises(InputError, match="lie at one place"):
        read_dicom(folder)


def test_mixed_series_are_refused_with_their_sizes(tmp_path):
    folder, stack = series(tmp_path / "s")
    write_slice(folder / "other.dcm", stack[0], [10.0, -20, 90], series="1.2.4")
    with pytest.raises(InputError, match=r"mixes 2 series \(5 slices"):
        read_dicom(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ImagePositionPatient": None}, "no ImagePositionPatient"),
        ({"PixelSpacing": None}, "no PixelSpacing"),
        ({"Rows": 5, "PixelData": bytes(60)}, "another size"),
        ({"rows": np.array([0.0, 1, 0]), "columns": np.array([0, 0, 1.0])}, "another direction"),
        ({"slope": float("1e-300")}, ""),
    ],
)
def test_a_slice_that_does_not_fit_is_named(tmp_path, change, said):
    folder, stack = series(tmp_path / "s")
    write_slice(folder / "odd.dcm", stack[0], [10.0, -20, 90], **change)
    with pytest.raises((InputError, UnreadableInput), match=said) as caught:
        read_dicom(folder)
    assert "\n" not in str(caught.value)


def test_a_truncated_slice_is_told(tmp_path):
    folder, _ = series(tmp_path / "s")
    path = folder / "0.dcm"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableInput, match=r"0\.dcm"):
        read_dicom(folder)


def test_a_folder_of_other_files_is_none(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    assert not is_dicom(tmp_path, b"")
    with pytest.raises(UnreadableInput, match="no DICOM files"):
        read_dicom(tmp_path)


def test_without_pydicom_the_install_line_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(MissingExtra, match=r"ungrid\[medical\]"):
        read_dicom(tmp_path)
