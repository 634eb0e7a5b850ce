import errno
import json
import os
import subprocess
import sys

import pytest

from ungrid.cli import main as entry
from ungrid.cli.main import COMMANDS, main
from ungrid.errors import Diverged, FormatError, InputError, Interrupted, MachineError, MissingExtra, TargetNotMet
from ungrid.fields.storage import save_field
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box

FORBID_TORCH = """
class Forbid:
    def find_spec(self, name, *rest):
        assert name.split(".")[0] != "torch", "torch is imported"
sys.meta_path.insert(0, Forbid())
"""


@pytest.fixture
def file(tmp_path):
    save_field(FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0), tmp_path / "a.ung", version="0")
    return str(tmp_path / "a.ung")


def run_process(*arguments, stdout=subprocess.PIPE, before="", **environment):
    code = f"import sys\n{before}\nfrom ungrid.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    environment = {"OMP_NUM_THREADS": "1", **{k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}, **environment}
    return subprocess.run([sys.executable, "-c", code, *arguments], stdout=stdout, stderr=subprocess.PIPE, env=environment)


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_every_command(capsys, arguments):
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_names_the_options_common_to_all(capsys, name):
    assert main([name, "--help"]) == 0
    assert main(["--help", name]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert all(shown.out.count(option) >= 2 for option in ("--json", "--quiet", "--seed", "--device", "--max-memory"))


def test_the_version_is_the_installed_one(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ungrid 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "FILE", "--json", "--seed", "3"],
        ["--json", "--seed", "3", "info", "FILE"],
        ["--seed", "3", "--json", "info", "FILE"],
        ["--seed=3", "info", "--json", "FILE"],
        ["--json", "info", "--seed", "3", "FILE"],
    ],
)
def test_options_may_stand_anywhere(capsys, file, arguments):
    assert main([file if word == "FILE" else word for word in arguments]) == 0
    assert json.loads(capsys.readouterr().out)["field"]["type"] == "EncodedField"


def test_the_short_output_option_may_stand_before_the_command(capsys, file, tmp_path):
    assert main(["-o", str(tmp_path / "v.csv"), "--json", "query", "--at", "y=1,x=2", file]) == 0
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize("before", [[], ["--json"], ["--quiet"], ["--seed", "1"], ["--seed=1"], ["-o", "out.png"]])
def test_a_misspelt_command_is_told_the_nearest(capsys, before):
    assert main([*before, "rendr", "a.ung"]) == 2
    assert "no command is called 'rendr'" in (said := capsys.readouterr().err)
    assert "did you mean 'render'?" in said


@pytest.mark.parametrize(
    ("name", "option", "nearest"),
    [
        ("fit", "--stesp", "--steps"),
        ("fit", "--max-second", "--max-seconds"),
        ("fit", "--targetpsnr", "--target-psnr"),
        ("render", "--scal", "--scale"),
        ("query", "--derivatives", "--derivative"),
        ("info", "--jsn", "--json"),
    ],
)
def test_a_misspelt_option_is_told_the_nearest(capsys, name, option, nearest):
    assert main([name, "a.ung", option, "3"]) == 2
    assert f"has no option {option}; did you mean {nearest!r}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("wrong"), 2),
        (MissingExtra("OpenEXR", "image", "reading EXR"), 3),
        (FormatError("wrong"), 4),
        (TargetNotMet("low"), 5),
        (MachineError("full"), 6),
        (OSError(errno.ENOSPC, "No space left on device"), 6),
        (MemoryError(), 6),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), 6),
        (Diverged("unstable"), 7),
        (Interrupted("interrupted at step 3"), 130),
        (KeyboardInterrupt(), 130),
        (RuntimeError("two\nlines"), 1),
        (AssertionError(), 1),
    ],
)
def test_every_error_becomes_one_line_and_its_exit_code(capsys, monkeypatch, file, error, code):
    def fail(self):
        raise error

    monkeypatch.setattr("ungrid.cli.info.Info.run", fail)
    assert main(["info", file, "--quiet"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("ungrid: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    assert ("this is a bug in ungrid" in said.err) == (code == 1)

    assert main(["info", file, "--json"]) == code
    reported = json.loads(capsys.readouterr().out)["error"]
    assert reported["exit_code"] == code
    assert said.err == f"ungrid: {reported['message']}\n"


def test_a_bug_shows_where_it_is_when_asked(monkeypatch, file):
    def fail(self):
        raise ZeroDivisionError

    monkeypatch.setattr("ungrid.cli.info.Info.run", fail)
    monkeypatch.setenv("UNGRID_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["info", file])


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["info", "FILE"], ["info", "FILE", "--json"], ["fit", "--help"]]
)
def test_help_and_info_do_without_torch(file, arguments):
    done = run_process(*(file if word == "FILE" else word for word in arguments), before=FORBID_TORCH)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_package_can_be_run_as_a_module(file):
    done = subprocess.run([sys.executable, "-m", "ungrid.cli", "info", file, "--json"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["format_version"] == 1


def test_a_reader_that_has_gone_is_no_error(file):
    read, write = os.pipe()
    os.close(read)
    done = run_process("info", file, "--json", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("option", ["--json", "--seed=0"])
def test_standard_output_on_a_full_disk_is_the_machines_fault(file, option):
    with open("/dev/full", "w") as full:
        done = run_process("info", file, option, stdout=full)
    assert done.returncode == 6
    assert done.stderr == b"ungrid: the machine would not: [Errno 28] No space left on device\n"


def test_a_terminal_of_few_letters_is_served(file):
    done = run_process("info", file, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"y 0\u202612 px" in done.stdout


def test_the_flags_are_exactly_the_options_without_a_value():
    from importlib import import_module

    found = set()
    for module, _, attribute in (where.partition(":") for where, _ in COMMANDS.values()):
        fields = getattr(import_module(module), attribute).__dataclass_fields__
        found |= {f"--{name.replace('_', '-')}" for name, field in fields.items() if field.type is bool}
    assert found | {"-h", "--help"} == set(entry.FLAGS)


def test_an_options_value_that_is_a_commands_name_is_no_command():
    from ungrid.cli.main import _split

    assert _split(["-o", "render", "fit", "a.png"]) == ("fit", ["-o", "render", "a.png"])
    assert _split(["--quiet", "fit", "a.png"]) == ("fit", ["--quiet", "a.png"])
