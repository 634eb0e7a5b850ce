import json

import pytest

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A picture, and a field that saw too little of it."""
    folder = tmp_path_factory.mktemp("diagnose")
    picture = tiny_picture(16, 20)
    write_picture(folder / "a.png", picture)
    ug.fit(folder / "a.png", preset="fast", steps=4, callbacks=[]).save(folder / "a.ung")
    return str(folder / "a.ung"), str(folder / "a.png")


@pytest.mark.parametrize("n_given", [1, 2])
def test_findings_have_the_keys_that_scripts_rely_on_and_the_exit_code_is_0(capsys, files, n_given):
    assert main(["diagnose", *files[:n_given], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (finding,) = told["findings"]
    assert set(finding) == {"name", "severity", "evidence", "remedy"}
    assert (finding["name"], finding["evidence"]["steps"]) == ("unfinished", 4)


def test_a_person_reads_evidence_and_remedy(capsys, files):
    assert main(["diagnose", files[0]]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "warning: unfinished"
    assert shown[1].startswith("  evidence  steps 4, psnr ")
    assert shown[2] == "  remedy    fit longer: --steps 380"


def test_a_healthy_field_has_no_findings(capsys, files, tmp_path):
    assert main(["fit", files[1], "-o", str(tmp_path / "b.ung"), "--preset", "fast", "--steps", "250", "--quiet"]) == 0
    assert main(["diagnose", str(tmp_path / "b.ung"), files[1]]) == 0
    assert capsys.readouterr().out == "nothing wrong was found\n"


def test_a_picture_of_another_size_is_an_input_error(capsys, files, tmp_path):
    write_picture(tmp_path / "b.png", tiny_picture(8, 8))
    assert main(["diagnose", files[0], str(tmp_path / "b.png")]) == 2
    assert "fitted to" in capsys.readouterr().err
