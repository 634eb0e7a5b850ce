import json

import pytest

import ungrid as ug
from ungrid.cli.info import describe_header, summarize
from ungrid.cli.main import main
from ungrid.errors import FormatError
from ungrid.files import read_header
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, tiny_picture

KEYS = {
    "format_version", "kind", "box", "field", "n_params", "bytes", "source", "fit", "quality", "ungrid_version",
}  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("info") / "a.ung"
    ug.fit(tiny_picture(12, 16), steps=2, callbacks=[]).save(path)
    return path


def changed(original, folder, change):
    """A copy of a file whose description was changed."""
    raw = original.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    description = json.loads(header["__metadata__"]["ungrid"])
    change(description)
    header["__metadata__"]["ungrid"] = json.dumps(description)
    text = json.dumps(header).encode()
    path = folder / "changed.ung"
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length :])
    return path


def test_it_tells_what_the_field_is(capsys, original):
    assert main(["info", str(original), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    field = ug.load(original)
    assert set(told) >= KEYS
    assert told["box"] == {"axes": ["y", "x"], "bounds": [[0, 12], [0, 16]], "units": ["px", "px"]}
    assert (told["kind"], told["shape"], told["channels"]) == ("image", [12, 16], ["r", "g", "b"])
    assert (told["n_params"], told["bytes"]) == (field.n_params, original.stat().st_size)
    assert (told["quality"], told["heldout"]) == (field.metrics["quality"], field.metrics["heldout"])
    assert (told["source"], told["fit"]["steps"]) == (field.record.source, 2)
    assert told["field"]["type"] == "EncodedField"


def test_a_person_sees_it_in_lines(capsys, original):
    assert main(["info", str(original)]) == 0
    shown = capsys.readouterr().out
    assert "y 0…12 px, x 0…16 px" in shown
    assert "EncodedField(DenseGrid(" in shown
    assert "curve" not in shown


def test_a_bare_field_has_no_record(capsys, tmp_path):
    field = ug.presets.siren(tiny_picture().box, out_dim=1, width=4, depth=1)
    field.save(tmp_path / "bare.ung")
    assert main(["info", str(tmp_path / "bare.ung"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["fit"], told["quality"]) == ("", {}, {})
    assert main(["info", str(tmp_path / "bare.ung")]) == 0


def nested(levels):
    tree = {}
    for _ in range(levels):
        tree = {"type": "A", "inner": tree}
    return tree


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(spec=[1]),
        lambda d: d.pop("spec"),
        lambda d: d["spec"].pop("box"),
        lambda d: d["spec"]["box"].pop("units"),
        lambda d: d["spec"]["box"].update(bounds=[["a", "b"], [0, 1]]),
        lambda d: d["spec"]["box"].update(bounds=[[0, 1]]),
        lambda d: d["spec"]["box"].update(bounds="ab"),
        lambda d: d["spec"]["box"].update(axes=3),
        lambda d: d["spec"].update(encoding=nested(300)),
        lambda d: d.update(record=[1]),
        lambda d: d["record"].update(fit=[1]),
        lambda d: d["record"].update(source=None),
        lambda d: d["record"].update(metrics=3),
        lambda d: d["record"].update(metrics={"quality": 3}),
    ],
)
@pytest.mark.parametrize("option", ["--json", "--seed=0"])
def test_a_description_that_is_none_is_not_trusted(capsys, original, tmp_path, change, option):
    assert main(["info", str(changed(original, tmp_path, change)), option]) == 4
    assert "the description in changed.ung lacks what every field has" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["\ud800", "\x1b[31mred", "line\nline"])
def test_text_in_a_file_cannot_steer_the_terminal(capsys, original, tmp_path, text):
    path = changed(original, tmp_path, lambda d: d["record"].update(kind=text))
    assert main(["info", str(path)]) == 0
    assert f"kind            {text.encode('unicode_escape').decode()}\n" in capsys.readouterr().out


def test_a_spec_is_shown_as_nested_calls():
    spec = {"type": "EncodedField", "encoding": {"type": "Identity", "in_dim": 2}, "scale": [1.0] * 40, "none": None}
    assert summarize(spec) == "EncodedField(Identity(in_dim=2), scale=[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1...)"


def test_the_header_alone_is_enough(original, tmp_path):
    header = read_header(original)
    assert describe_header(header, "a.ung")["n_params"] == ug.load(original).n_params
    header.description.pop("spec")
    with pytest.raises(FormatError, match="lacks what every field has"):
        describe_header(header, "a.ung")


def test_the_box_of_a_field_made_of_others_is_that_of_its_first(tmp_path, capsys):
    field = ug.fit(tiny_picture(12, 16), steps=2, callbacks=[])
    (2 * (field * field) + 1).save(tmp_path / "made.ung")
    assert main(["info", str(tmp_path / "made.ung"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["box"] == {"axes": ["y", "x"], "bounds": [[0, 12], [0, 16]], "units": ["px", "px"]}
    assert told["field"]["type"] == "Sum"
    assert told["shape"] == [12, 16]


@pytest.mark.parametrize("spec", [{"type": "Sum", "fields": []}, {"type": "Sum"}, {"type": "Sum", "fields": [{}]}])
def test_a_spec_without_any_box_is_refused(original, tmp_path, spec):
    path = changed(original, tmp_path, lambda description: description.update(spec=spec))
    with pytest.raises(FormatError, match="lacks what every field has"):
        describe_header(read_header(path), "changed.ung")


@pytest.mark.parametrize("name", ["LaplaceField", "EnsembleField"])
def test_a_field_made_of_fields_has_their_box(capsys, tmp_path, name):
    ug.save(FIELD_EXAMPLES[name](pixel_box(), 3, 0), tmp_path / "a.ung")
    assert main(["info", str(tmp_path / "a.ung"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["box"]["axes"], told["field"]["type"]) == (["y", "x"], name)
