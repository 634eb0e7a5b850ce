from PIL import Image

from ungrid.bench.report import markdown, plot, table

ROW = {"measurement": "decode", "field": "SIREN", "name": "a|b", "megapixels_per_second": 0.123456, "shape": [2, 3]}


def test_a_table_has_every_rows_keys_and_a_dash_where_one_is_missing():
    lines = table([ROW, {"measurement": "decode", "name": "c", "extra": 1234.5, "none": None}]).splitlines()
    assert lines[0] == "| field | name | megapixels_per_second | shape | extra | none |"
    assert lines[2] == "| SIREN | a/b | 0.1235 | 2×3 | – | – |"
    assert lines[3] == "| – | c | – | – | 1,234 | – |"


def test_the_text_says_machine_and_commit():
    text = markdown("Title", [ROW], {"cores": 2}, "abc")
    assert text.startswith("# Title\n\nCommit abc. cores: 2.\n\n## decode\n\n| field |")


def test_a_plot_is_drawn_also_of_nothing(tmp_path):
    for name, rows in (("some.png", [ROW]), ("none.png", [])):
        plot(rows, tmp_path / name)
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 100


def test_what_can_be_compared_and_what_cannot_is_drawn(tmp_path):
    shared = {"measurement": "siren-image", "data": "camera", "role": "ours"}
    known = {"psnr": 35.0, "published": 36.4, "difference": -1.4}
    unknown = {"psnr": 30.0, "published": None, "difference": None}
    rows = [shared | known | {"method": "SIREN"}, shared | unknown | {"method": "best"}, shared | unknown | {"psnr": None}]
    fit = {"measurement": "fits", "signal": "a", "kind": "model", "train_psnr": 30.0, "heldout_psnr": 20.0}
    fits = [fit | {"name": f"model {number}"} for number in range(40)]
    classical = fit | {"kind": "classical", "name": "cubic", "train_psnr": None}
    models = [row | {"measurement": "models"} for row in [*fits[:3], classical]]
    plot([*rows, *models, *fits], tmp_path / "all.png")
    with Image.open(tmp_path / "all.png") as picture:
        assert picture.height > 6 * 110  # forty bars have room
