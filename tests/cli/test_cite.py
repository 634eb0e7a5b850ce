import json

import pytest

import ungrid as ug
from ungrid.cli.main import main
from ungrid.testing.toys import tiny_picture


def cited(capsys, what):
    assert main(["cite", what, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["bibtex"]


@pytest.mark.parametrize(
    ("name", "papers"),
    [
        ("Siren", {"sitzmann2020siren"}),
        ("HashGrid", {"mueller2022instant"}),
        ("siren", {"sitzmann2020siren", "kingma2015adam"}),
        ("fourier_mlp", {"tancik2020fourier", "kingma2015adam"}),
        ("wang2004image", {"wang2004image"}),
    ],
)
def test_a_name_is_cited_by_its_papers_and_no_other(capsys, name, papers):
    entries = {line.split("{")[1].rstrip(",") for line in cited(capsys, name).splitlines() if line.startswith("@")}
    assert entries == papers


def test_a_file_is_cited_by_its_parts(capsys, tmp_path):
    ug.fit(tiny_picture(), steps=1, callbacks=[]).save(tmp_path / "a.ung")
    text = cited(capsys, str(tmp_path / "a.ung"))
    assert "mueller2022instant" in text
    assert "kingma2015adam" in text
    assert "sitzmann2020siren" not in text


def test_a_person_gets_the_entries_themselves(capsys):
    assert main(["cite", "Siren"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("@inproceedings{sitzmann2020siren,\n")
    assert shown.out.rstrip().endswith("}")
    assert shown.err == ""
    assert main(["cite", "Siren", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
