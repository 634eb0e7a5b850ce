"""Series: what files say is kept, what is wrong with them is said."""

import datetime as dt

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.series import from_columns, read_series, to_pandas, write_series
from ungrid.signals.series_table import times_of

HOURS = "\n".join(f"2019-03-01T{hour:02d}:00:00+01:00,{270 + hour / 4},{hour % 5}" for hour in range(24))
WEATHER = "time,temp [°C],wind (m/s)\n" + HOURS + "\n"


def written(tmp_path, text, name="in.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def test_names_units_dates_and_zone_are_read(tmp_path):
    signal = read_series(written(tmp_path, WEATHER))
    assert signal.channels == ("temp", "wind")
    assert signal.source["units"] == {"temp": "°C", "wind": "m/s"}
    assert signal.source["start"] == "2019-03-01T00:00:00+01:00"
    assert signal.box.axes == ("t",)
    assert signal.box.units == ("s",)
    assert_close(times_of(signal), np.arange(24) * 3600.0)
    assert signal.places is None
    assert signal.known is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dates", WEATHER),
        ("spaces", WEATHER.replace("T", " ").replace("+01:00", "")),
        ("days", "date;a;b\n" + "\n".join(f"2020-02-{day:02d};{day};{day * day}" for day in range(20, 29)) + "\n"),
        ("tabs", "depth [m]\tsalt [g/kg]\n" + "\n".join(f"{d / 2}\t{35 + d / 100}" for d in range(30)) + "\n"),
        ("commas", "t;x\n" + "\n".join(f"{k},5;{k * k},25" for k in range(9)) + "\n"),
        ("irregular", "t,x\n0,1\n1,2\n1.7,3\n5.25,4\n9,2\n"),
        ("gaps", "t,x\n0,1\n1,2\n2,3\n5,4\n6,2\n8,2.5\n"),
        ("holes", "t,x,y\n0,1,\n1,2,5\n2,,6\n3,4,7\n"),
        ("empty rows", "t,x,y\n0,1,4\n1,,\n2,3,6\n3,4,7\n"),
        ("large", "unix,x\n" + "\n".join(f"{1_700_000_000 + k},{k % 7}" for k in range(20)) + "\n"),
        ("no time", "x,y\n" + "\n".join(f"{k % 3},{k % 2}" for k in range(9)) + "\n"),
        ("time last", "x,when\n" + "\n".join(f"{k % 3},2021-01-01T00:00:{k:02d}" for k in range(9)) + "\n"),
        ("quoted", 't,"a, b"\n0,1\n1,2\n2,4\n'),
    ],
)
def test_a_table_written_again_is_the_table_that_was_read(tmp_path, name, text):
    signal = read_series(written(tmp_path, text))
    write_series(tmp_path / "out.csv", signal)
    again = read_series(tmp_path / "out.csv")
    if name != "no time":
        assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[0] == text.splitlines()[0]
    mine, theirs = ({k: v for k, v in s.source.items() if k not in ("file", "bytes", "sha256")} for s in (signal, again))
    if name != "no time":
        assert mine == theirs
    assert signal.channels == again.channels
    assert_close(times_of(again), times_of(signal), rtol=0, atol=1e-9)
    assert (signal.known is None) == (again.known is None)
    if signal.known is not None:
        assert torch.equal(signal.known, again.known)
    assert torch.equal(signal.known_values, again.known_values)


def test_rows_that_are_missing_are_not_known(tmp_path):
    signal = read_series(written(tmp_path, "t,x\n0,1\n1,2\n4,3\n5,1\n"))
    assert signal.grid.shape == (6,)
    assert signal.known.tolist() == [True, True, False, False, True, True]


def test_a_cell_that_is_missing_is_not_known_in_its_channel_alone(tmp_path):
    signal = read_series(written(tmp_path, "t,x,y\n0,1,7\n1,,8\n2,3,9\n"))
    assert signal.known.tolist() == [[True, True], [False, True], [True, True]]
    field = ug.fit(signal, callbacks=[])
    assert abs(float(field([[1.0]]).detach()[0, 0]) - 2) < 0.3, "the value between its neighbors"


def test_irregular_times_are_kept_and_fitted_where_they_are():
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 20, 150))
    signal = from_columns(np.sin(times), times)
    assert signal.places.shape == (150, 1)
    field = ug.fit(signal, callbacks=[])
    between = np.linspace(1, 19, 400)
    error = field(between[:, None])[:, 0].detach().numpy() - np.sin(between)
    assert np.abs(error).max() < 0.02
    assert field.metrics["quality"]["psnr"] > 50


def test_a_fit_lines_up_with_its_samples_to_a_hundredth_of_a_step():
    t = np.arange(200.0)
    wave = np.sin(t / 5) + 0.5 * np.sin(t / 3.3)
    field = ug.fit(from_columns(wave, t), callbacks=[])
    drawn = field.sample(field.grid())[:, 0].double().numpy()
    slope = np.gradient(wave)
    shift = float((slope * (drawn - wave)).sum() / (slope**2).sum())
    assert abs(shift) < 0.01


def test_metadata_goes_through_a_field(tmp_path):
    source = written(tmp_path, WEATHER)
    field = ug.fit(read_series(source), callbacks=[])
    field.save(tmp_path / "f.ung")
    ug.render(ug.load(tmp_path / "f.ung"), tmp_path / "out.csv")
    lines, before = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("out.csv", "in.csv"))
    assert lines[0] == before[0]
    assert [line.split(",")[0] for line in lines] == [line.split(",")[0] for line in before]


def test_a_coarser_rate_averages_and_does_not_alias(tmp_path):
    t = np.arange(1024)
    fast = np.sin(t * 2 * np.pi / 2.2)
    field = ug.fit(from_columns(fast, t.astype(float)), preset="best", target_psnr=40.0, callbacks=[])
    ug.render(field, tmp_path / "out.csv", scale=1 / 16)
    again = read_series(tmp_path / "out.csv")
    assert again.grid.shape == (64,)
    assert float(again.values.abs().max()) < 0.15, "a wave above the new rate's limit is averaged away"


def test_a_region_and_a_rate_are_drawn_at_their_own_dates(tmp_path):
    field = ug.fit(read_series(written(tmp_path, WEATHER)), callbacks=[])
    ug.render(field, tmp_path / "out.csv", region={"t": (0.0, 7200.0)}, rate=1 / 600)
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 13
    assert dt.datetime.fromisoformat(lines[1].split(",")[0]) == dt.datetime.fromisoformat("2019-03-01T00:05:00+01:00")


def test_channels_of_any_scale_are_fitted_alike():
    t = np.arange(300.0)
    wave = np.sin(t / 9)
    both = ug.fit(from_columns(np.stack([wave, 1e5 * wave], 1), t), callbacks=[]).metrics["quality"]
    assert abs(both["psnr_value0"] - both["psnr_value1"]) < 1


def test_noise_is_not_followed():
    rng = np.random.default_rng(1)
    t = np.arange(500.0)
    truth = np.sin(t / 20)
    field = ug.fit(from_columns(truth + 0.3 * rng.normal(size=500), t), callbacks=[])
    assert float(np.sqrt(np.mean((field(t[:, None])[:, 0].detach().numpy() - truth) ** 2))) < 0.1


def test_a_field_is_compared_with_a_table_where_its_rows_are(tmp_path):
    times = np.sort(np.random.default_rng(0).uniform(0, 9, 60))
    signal = from_columns(np.cos(times), times)
    write_series(tmp_path / "s.csv", signal)
    field = ug.fit(signal, callbacks=[])
    assert abs(ug.compare(field, tmp_path / "s.csv")["psnr"] - field.metrics["quality"]["psnr"]) < 0.1


def test_arrays_of_one_axis_are_series():
    assert ug.fit(np.sin(np.arange(50.0)), callbacks=[]).record.kind == "series"


BAD = [
    ("word.csv", "t,x\n0,1\n1,oops\n", "word.csv, row 3, column 'x': 'oops' is not a number"),
    ("ragged.csv", "t,x\n0,1\n1,2,3\n", "row 3: 3 cells where the first row has 2 names"),
    ("unsorted.csv", "t,x\n0,1\n2,2\n1,3\n", "row 4: the time 1 is earlier than 2"),
    ("repeated.csv", "t,x\n0,1\n1,2\n1,3\n", "row 4: the time 1 is that of the row before"),
    ("same.csv", "t,x\n5,1\n5,2\n", "is that of the row before"),
    ("one.csv", "t,x\n0,1\n", "there is one row"),
    ("none.csv", "t,x\n", "nothing below it"),
    ("zones.csv", "t,x\n2020-01-01T00:00Z,1\n2020-01-01T01:00+01:00,2\n2020-01-02T00:00Z,2\n", "the time zone is +01:00"),
    ("naive.csv", "t,x\n2020-01-01T00:00Z,1\n2020-01-01T01:00,2\n2020-01-01T02:00Z,2\n", "the time zone is not said"),
    ("date.csv", "t,x\n2020-01-01,1\n2020-13-01,2\n2020-01-03,2\n", "'2020-13-01' is no ISO date"),
    ("nan.csv", "t,x\n0,nan\n1,\n2,NA\n", "column 'x' holds no number"),
    ("inf.csv", "t,x\n0,1\n1,inf\n", "is not finite"),
    ("columns.csv", "time\n0\n1\n2\n", "no column beside the time"),
    ("numbers.csv", "0,1\n1,2\n2,3\n", "expected a first row of names"),
    ("twice.csv", "t,x,x\n0,1,2\n1,2,3\n", "two columns are called 'x'"),
    ("fine.csv", "t,x\n0,1000000000\n1,1000000001\n2,1000000003\n", "subtract its mean"),
    ("missing_time.csv", "t,x\n0,1\n,2\n2,3\n", "expected a number in every row"),
    ("blank.csv", "\n\n\n", "row of names"),
]


@pytest.mark.parametrize(("name", "text", "said"), BAD, ids=[name for name, _, _ in BAD])
def test_what_is_wrong_with_a_table_is_said_in_one_line(tmp_path, capsys, name, text, said):
    written(tmp_path, text, name)
    assert main(["fit", str(tmp_path / name), "-o", str(tmp_path / "out.ung")]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_another_encoding_is_named(tmp_path, capsys):
    for encoding, said in (("latin-1", "byte 0xb0 is none"), ("utf-16", "it is UTF-16")):
        written(tmp_path, WEATHER, "w.csv", encoding)
        assert main(["fit", str(tmp_path / "w.csv")]) == 2
        assert said in capsys.readouterr().err


def test_a_parquet_file_cut_off_is_said_to_be(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    write_series(tmp_path / "s.parquet", from_columns(np.arange(20.0)))
    (tmp_path / "s.parquet").write_bytes((tmp_path / "s.parquet").read_bytes()[:200])
    assert main(["fit", str(tmp_path / "s.parquet")]) == 2
    assert "cannot be read as Parquet" in capsys.readouterr().err


def test_an_array_of_words_or_objects_is_refused(tmp_path, capsys):
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    for name in ("words.npy", "objects.npy"):
        assert main(["fit", str(tmp_path / name), "--as", "series"]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_two_axes_are_a_series_where_it_is_said(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(30, 2)))
    assert ug.load(tmp_path / "a.npy", "series").channels == ("value0", "value1")


def test_a_table_is_given_back_to_pandas(tmp_path):
    pytest.importorskip("pandas")
    table = to_pandas(read_series(written(tmp_path, WEATHER)))
    assert list(table.columns) == ["temp [°C]", "wind (m/s)"]
    assert table.index[0].isoformat() == "2019-03-01T00:00:00+01:00"
