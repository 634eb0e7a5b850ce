import numpy as np
import pytest

from ungrid.errors import InputError
from ungrid.signals.image_sinks import SINKS, NpySink, PillowSink, Plan
from ungrid.signals.image_write import FORMATS


def test_every_format_has_its_sink():
    assert {format.sink for format in FORMATS.values()} == set(SINKS)


def test_npy_grows_with_each_row(tmp_path):
    plan = Plan((3, 4, 2), ("band0", "band1"), 32, True)
    rows = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    with open(tmp_path / "a.npy", "wb") as file:
        sink = NpySink(file, plan)
        for row in rows:
            sink.rows(row[None])
        sink.close()
    assert np.array_equal(np.load(tmp_path / "a.npy"), rows)


def test_an_encoder_that_fails_names_formats_that_do_not(tmp_path):
    plan = Plan((1, 70_000, 1), ("gray",), 8, False, extension=".jpg")
    with open(tmp_path / "a.jpg", "wb") as file:
        sink = PillowSink(file, plan, "JPEG", {})
        sink.rows(np.zeros((1, 70_000, 1), np.uint8))
        with pytest.raises(InputError, match=r"70000×1 cannot be encoded as \.jpg.*try \.png or \.tif"):
            sink.close()
