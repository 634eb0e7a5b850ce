"""What files say beside their samples comes through a fit: a part of the table of `benchmarks/metadata.py`."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = ("WAV 24", "FLAC", "CSV", "Parquet", "PNG 8", "TIFF 16", "EXR half", "NIfTI 4-D", "NRRD", "NetCDF classic")


@pytest.fixture(scope="module")
def metadata():
    """The benchmark's module."""
    if not BENCHMARKS.is_dir():
        pytest.skip("needs the checkout: the table is made by benchmarks/metadata.py")
    sys.path.insert(0, str(BENCHMARKS))
    yield pytest.importorskip("metadata")
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_file_says_is_said_again_by_what_is_rendered(metadata, tmp_path, name, unchecked_types):
    (chosen,) = (one for one in metadata.FORMATS if one.name == name)
    try:
        rows = metadata.rows_of(chosen, tmp_path)
    except ImportError as error:
        pytest.skip(f"needs {error.name}")
    assert len(rows) >= 4
    assert [row for row in rows if not row["same"]] == []


def test_the_table_has_a_line_for_each_fact(metadata):
    rows = [
        {"format": "A", "what": "rate", "in": 3, "out": 3, "same": True},
        {"format": "A", "what": "zone", "in": "x|y", "out": None, "same": False},
    ]
    lines = metadata.markdown(rows).splitlines()
    assert lines[2:] == ["| A | rate | 3 | the same |", "|  | zone | x/y | – |"]
