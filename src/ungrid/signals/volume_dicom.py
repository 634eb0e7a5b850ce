"""DICOM: a folder of slices, or a file of one or many frames, as a volume in the patient's mm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.volume_frame import Frame
from ungrid.signals.volume_stored import Stored, check_size, to_signal, told_of

MAGIC = b"DICM"
MOST_FILES = 100_000
LOOKED_AT = 32  # files of a folder, to recognize it
UNEVEN = 0.02  # of the distance between slices: more is a gap
TAGS = ("Modality", "SeriesDescription", "SeriesInstanceUID", "StudyDate", "RescaleType", "Units", "WindowCenter", "WindowWidth",
        "KVP", "SliceThickness", "Manufacturer", "PatientPosition", "FrameOfReferenceUID")  # fmt: skip
Vector = np.ndarray[Any, np.dtype[np.float64]]


@dataclass
class Slice:
    """One slice: its file's dataset, its name, and where it lies along the normal."""

    data: Any
    name: str
    position: Vector
    height: float


def is_dicom(path: Path, start: bytes) -> bool:
    """Whether a file is DICOM, or a folder holds such files."""
    if not path.is_dir():
        return start[128:132] == MAGIC
    return any(_is_dicom_file(file) for file in _files(path)[:LOOKED_AT])


def read_dicom(path: Path) -> Signal:
    """A DICOM series as a volume: values by slope and intercept (Hounsfield units of CT), slices sorted by their position.

    Coordinates are the patient's, in mm: x to the left, y to the back, z to the head, as DICOM has them.

    Raises:
        InputError: several series in one folder; slices that are missing, lie twice at one place or lean against each other.
        UnreadableInput: no DICOM, cut off, or without position and spacing.
        MissingExtra: pydicom is not installed.
    """
    pydicom = pydicom_for("reading DICOM")
    with told_of(path, "DICOM"):
        files = [file for file in _files(path) if _is_dicom_file(file)] if path.is_dir() else [path]
        if not files:
            raise UnreadableInput(f"{path.name} holds no DICOM files; expected the slices of one series")
        if len(files) == 1:
            return _one_file(_dataset(pydicom, files[0]), path.name)
        sets = [(file.name, _dataset(pydicom, file)) for file in files]
        slices = _sorted([(name, data) for name, data in sets if "PixelData" in data], path.name)
        return to_signal(_stacked(slices), path.name)


def pydicom_for(purpose: str) -> Any:
    """pydicom, or MissingExtra."""
    try:
        import pydicom
    except ImportError:
        raise MissingExtra("pydicom", "medical", purpose) from None
    return pydicom


def _files(folder: Path) -> list[Path]:
    try:
        found = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from None
    if len(found) > MOST_FILES:
        raise InputError(f"{folder.name} holds {len(found):,} files; expected the slices of one series, at most {MOST_FILES:,}")
    return found


def _is_dicom_file(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == MAGIC
    except OSError:
        return False


def _dataset(pydicom: Any, path: Path) -> Any:
    try:
        data = pydicom.dcmread(path, force=False)
        data.get("PixelSpacing")  # values are decoded when they are asked for
    except Exception as error:  # pydicom raises many kinds
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableInput(f"{path.name} cannot be read as DICOM: {said}; copy or export it again") from None
    return data


def _sorted(sets: Sequence[tuple[str, Any]], name: str) -> list[Slice]:
    """Slices of one series in the order of their position.

    Raises: InputError: several series.
    """
    series: dict[str, int] = {}
    for _, data in sets:
        uid = str(data.get("SeriesInstanceUID", ""))
        series[uid] = series.get(uid, 0) + 1
    if len(series) > 1:
        said = ", ".join(f"{n} slices of …{uid[-12:]}" for uid, n in sorted(series.items(), key=lambda item: -item[1])[:4])
        raise InputError(f"{name} mixes {len(series)} series ({said}); expected one: move each into a folder of its own")
    if not sets:
        raise UnreadableInput(f"{name} holds no slices with pixels; expected those of one series")
    first_name, first = sets[0]
    rows, columns = _directions(first, first_name)
    normal = np.cross(rows, columns)
    slices = []
    for file, data in sets:
        own = _directions(data, file)
        if max(np.abs(own[0] - rows).max(), np.abs(own[1] - columns).max()) > 1e-3:
            raise InputError(f"{file} lies in another direction than {first_name}; expected the parallel slices of one series")
        if (data.Rows, data.Columns) != (first.Rows, first.Columns) or _pitches(data, file) != _pitches(first, first_name):
            raise InputError(f"{file} has another size or spacing of pixels than {first_name}; expected one of both")
        position = _numbers(data, "ImagePositionPatient", 3, file)
        slices.append(Slice(data, file, position, float(position @ normal)))
    return sorted(slices, key=lambda one: one.height)


def _stacked(slices: list[Slice]) -> Stored:
    """One array [1, column, row, slice, 1] of values by slope and intercept."""
    first, last = slices[0], slices[-1]
    _check_gaps(slices)
    n = len(slices)
    check_size((n, int(first.data.Rows), int(first.data.Columns)), first.name)
    step = (last.position - first.position) / (n - 1) if n > 1 else _thickness(first)
    scales = {_scale(one.data) for one in slices}
    samples = np.stack([_pixels(one) for one in slices])
    slope, intercept = next(iter(scales))
    if len(scales) > 1:  # PET: each slice has its own
        each = np.array([_scale(one.data) for one in slices], np.float32)[:, :, None, None]
        samples, slope, intercept = samples * each[:, 0] + each[:, 1], 1.0, 0.0
    return _stored(samples, first, step, slope, intercept)


def _stored(samples: Any, first: Slice, step: Vector, slope: float, intercept: float) -> Stored:
    """Samples [slice, row, column] with their frame: stored axes are column, row, slice."""
    rows, columns = _directions(first.data, first.name)
    down, across = _pitches(first.data, first.name)  # DICOM gives the distance between rows first
    matrix = np.eye(4)
    matrix[:3] = np.stack([rows * across, columns * down, step, first.position], axis=1)
    array = samples.transpose(2, 1, 0)
    frame = Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), array.shape)
    notes = {tag: _plain(first.data[tag].value) for tag in TAGS if tag in first.data and first.data[tag].value is not None}
    return Stored(array[None, ..., None], frame, "DICOM", _unit(first.data), None, slope, intercept, "LPS", {"dicom": notes})


def _unit(data: Any) -> tuple[str, ...]:
    return ("hu",) if data.get("Modality") == "CT" else ("value",)


def _check_gaps(slices: list[Slice]) -> None:
    """Raise InputError where slices lie at one place, or some are missing between others."""
    heights = [one.height for one in slices]
    steps = [after - before for before, after in pairwise(heights)]
    usual = sorted(steps)[len(steps) // 2] if steps else 1.0
    for (before, after), step in zip(pairwise(slices), steps, strict=True):
        if step < 1e-4:
            raise InputError(
                f"{before.name} and {after.name} lie at one place, {before.height:.2f} mm along the normal; expected one at "
                f"each place: move repetitions, such as other times or echoes, into a folder of their own"
            )
        if usual > 0 and abs(step - usual) > UNEVEN * usual:
            n_missing = round(step / usual) - 1
            what = (
                f"{n_missing} slices are missing" if n_missing > 1 else "a slice is missing" if n_missing else "a step is uneven"
            )
            raise InputError(
                f"{what} between {before.name} and {after.name}: they lie {step:.3g} mm apart, the others {usual:.3g} mm; "
                f"copy the series again, or resample it"
            )


def _one_file(data: Any, name: str) -> Signal:
    """A file of one slice, or of frames."""
    frames = int(data.get("NumberOfFrames", 1) or 1)
    if "PixelData" not in data:
        raise UnreadableInput(f"{name} holds no pixels; expected a slice or a volume")
    check_size((frames, int(data.Rows), int(data.Columns)), name)
    groups = data.get("PerFrameFunctionalGroupsSequence")
    if frames == 1 or groups is None:
        one = Slice(data, name, _numbers(data, "ImagePositionPatient", 3, name), 0.0)
        samples = _pixels(one).reshape(frames, int(data.Rows), int(data.Columns))
        return to_signal(_stored(samples, one, _thickness(one), *_scale(data)), name)
    shared = data.get("SharedFunctionalGroupsSequence") or [None]
    slices = [_frame(group, shared[0], data, f"frame {at + 1} of {name}") for at, group in enumerate(groups)]
    pixels = _pixels(Slice(data, name, np.zeros(3), 0.0))
    order = sorted(range(frames), key=lambda at: slices[at].height)
    slices = [slices[at] for at in order]
    _check_gaps(slices)
    step = (slices[-1].position - slices[0].position) / (frames - 1)
    return to_signal(_stored(pixels[order], slices[0], step, *_scale(slices[0].data)), name)


def _frame(group: Any, shared: Any, data: Any, name: str) -> Slice:
    """A frame of an enhanced file as a slice: what it says of itself, else what all frames share."""
    from pydicom.dataset import Dataset

    own = Dataset()
    for source in (data, *(sequence[0] for part in (shared, group) if part is not None for sequence in _sequences(part))):
        for tag in ("ImageOrientationPatient", "PixelSpacing", "ImagePositionPatient", "RescaleSlope", "RescaleIntercept", *TAGS):
            if tag in source:
                own[tag] = source[tag]
    rows, columns = _directions(own, name)
    position = _numbers(own, "ImagePositionPatient", 3, name)
    return Slice(own, name, position, float(position @ np.cross(rows, columns)))


def _sequences(part: Any) -> list[Any]:
    return [element.value for element in part if element.VR == "SQ" and len(element.value)]


def _pixels(one: Slice) -> Any:
    """Stored samples of a slice, or of all frames."""
    try:
        pixels = one.data.pixel_array
    except Exception as error:  # pydicom raises many kinds
        said = " ".join(str(error).split())[:160]
        raise UnreadableInput(f"the pixels of {one.name} cannot be decoded: {said}; decompress it, e.g. with dcmdjpeg") from None
    if int(one.data.get("SamplesPerPixel", 1)) != 1:
        raise InputError(f"{one.name} has colors; expected one value a voxel")
    return pixels


def _directions(data: Any, name: str) -> tuple[Vector, Vector]:
    numbers = _numbers(data, "ImageOrientationPatient", 6, name)
    return numbers[:3], numbers[3:]


def _pitches(data: Any, name: str) -> tuple[float, float]:
    down, across = _numbers(data, "PixelSpacing", 2, name)
    return float(down), float(across)


def _thickness(one: Slice) -> Vector:
    """The step to a slice that is not there."""
    rows, columns = _directions(one.data, one.name)
    thick = float(one.data.get("SpacingBetweenSlices") or one.data.get("SliceThickness") or 1.0)
    return np.cross(rows, columns) * thick


def _scale(data: Any) -> tuple[float, float]:
    return float(data.get("RescaleSlope", 1.0) or 1.0), float(data.get("RescaleIntercept", 0.0) or 0.0)


def _numbers(data: Any, tag: str, n: int, name: str) -> Vector:
    try:
        numbers = np.array([float(entry) for entry in data[tag].value], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        numbers = np.zeros(0)
    if len(numbers) != n or not np.isfinite(numbers).all():
        raise UnreadableInput(
            f"{name} has no {tag} of {n} numbers, so its place is not known; convert it to NIfTI with its scanner's tool"
        )
    return numbers


def _plain(value: Any) -> Any:
    """A tag's value as JSON has it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(float(value)) else None
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return str(value)
    return [_plain(entry) for entry in value]
