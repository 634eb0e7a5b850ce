"""pandas and xarray: taken as they are, and given back."""

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.signals.series import read_series, to_pandas, to_xarray, write_series
from ungrid.verbs import as_signal

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


def hourly(tz=None, n=24):
    index = pd.date_range("2019-03-30", periods=n, freq="h", tz=tz, name="when")
    return pd.DataFrame({"temp [K]": np.linspace(270, 280, n), "n": np.arange(n, dtype=np.int16)}, index=index)


@pytest.mark.parametrize("tz", [None, "UTC", "Europe/Berlin"])
def test_a_table_over_dates_comes_back_with_its_index_names_and_zone(tz):
    frame = hourly(tz, 40)  # over the night when clocks change
    again = to_pandas(as_signal(frame))
    assert list(again.columns) == list(frame.columns)
    assert again.index.name == "when"
    assert str(again.index.tz) == str(frame.index.tz)
    assert (again.index == frame.index).all()
    np.testing.assert_allclose(again.to_numpy(), frame.to_numpy(), rtol=1e-6)


def test_a_table_over_numbers_keeps_them():
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0]}, index=pd.Index([0.5, 1.0, 2.75], name="depth [m]"))
    signal = as_signal(frame)
    assert signal.box.units == ("m",)
    assert to_pandas(signal).index.tolist() == [0.5, 1.0, 2.75]


def test_a_column_of_dates_is_the_time_where_the_index_counts_rows():
    signal = as_signal(hourly().reset_index())
    assert signal.channels == ("temp", "n")
    assert signal.source["start"] == "2019-03-30T00:00:00"


def test_a_series_of_pandas_is_one_channel():
    assert as_signal(hourly()["temp [K]"]).channels == ("temp",)


def test_missing_values_stay_missing():
    frame = hourly()
    frame.iloc[3, 0] = np.nan
    again = to_pandas(as_signal(frame))
    assert np.isnan(again.iloc[3, 0])
    assert again.isna().to_numpy().sum() == 1


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"x": ["a", "b"]}, index=[0.0, 1.0]), "column 'x' holds"),
        (pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "b"]), "no ISO date"),
        (pd.DataFrame({"x": [1.0, 2.0]}, index=[1.0, 0.0]), "sort the rows"),
        (pd.DataFrame({"x": [1.0, np.inf]}), "infinite"),
        (pd.DataFrame({("a", "b"): [1.0, 2.0]}), "several levels"),
        (pd.DataFrame(index=[0.0, 1.0]), "no column"),
    ],
)
def test_what_is_wrong_with_a_table_of_pandas_is_said(frame, said):
    with pytest.raises(InputError, match=said):
        as_signal(frame)


def test_parquet_keeps_what_pandas_knows(tmp_path):
    frame = hourly("Europe/Berlin")
    frame.to_parquet(tmp_path / "in.parquet")
    signal = ug.load(tmp_path / "in.parquet")
    write_series(tmp_path / "out.parquet", signal)
    again = read_series(tmp_path / "out.parquet")
    assert torch.equal(again.values, signal.values)
    assert again.source["start"] == signal.source["start"]
    assert again.source["zone"] == "Europe/Berlin"


def test_xarray_keeps_attributes_and_units():
    xarray = pytest.importorskip("xarray")
    times = pd.date_range("2020-01-01", periods=12, freq="D")
    array = xarray.DataArray(np.arange(12.0), {"time": times}, ("time",), "level", {"units": "m", "station": "Dover"})
    signal = as_signal(array)
    assert signal.channels == ("level",)
    assert signal.source["units"] == {"level": "m"}
    again = to_xarray(signal)
    assert again["level"].attrs == array.attrs
    assert (again["time"].values == array["time"].values).all()
    assert as_signal(array.to_dataset()).channels == ("level",)


def test_the_types_of_a_parquet_table_come_back(tmp_path):
    frame = pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9, dtype="i2"), "c": pd.array([1, None, *range(7)], "Int64")})
    frame["d"] = np.array([0, 255] * 4 + [9], "u1")
    frame.to_parquet(tmp_path / "in.parquet")
    write_series(tmp_path / "out.parquet", ug.load(tmp_path / "in.parquet"))
    again = pd.read_parquet(tmp_path / "out.parquet")
    assert list(map(str, again.dtypes)) == ["float64", "int16", "Int64", "uint8"]
    pd.testing.assert_frame_equal(again, frame)
