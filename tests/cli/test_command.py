import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from ungrid.cli.command import MOST_SEED, Command, Output, describe, parse, parse_bytes, plain
from ungrid.errors import InputError


@dataclass(kw_only=True)
class Echo(Command):
    """Say what was given."""

    output: Output = None
    """A file."""
    times: int = 1
    """How often."""

    def run(self):
        """Say it."""
        return {"times": self.times, "output": self.output, "nothing": None, "infinite": math.inf}


def test_options_of_all_commands_have_their_defaults():
    command = parse(Echo, "echo", [])
    assert (command.json, command.quiet, command.seed, command.device, command.memory) == (False, False, 0, "auto", None)


@pytest.mark.parametrize("arguments", [["-o", "a.csv"], ["--output", "a.csv"], ["--output=a.csv"]])
def test_an_output_has_a_short_and_a_long_name(arguments):
    assert parse(Echo, "echo", arguments).output == Path("a.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tiems", "2"], "echo has no option --tiems; did you mean '--times'?; see ungrid echo --help"),
        (["--times", "two"], "echo: --times is 'two', expected INT; see ungrid echo --help"),
        (["--device", "gpu"], "echo: invalid choice 'gpu' for argument '--device'"),
        (["stray"], "echo: cannot place 'stray'"),
        (["--seed", "-1"], f"--seed is -1; expected 0 to {MOST_SEED - 1}"),
        (["--seed", str(2**80)], "--seed is 1208925819614629174706176; expected 0 to"),
        (["--max-memory", "lots"], "'lots' is no number of bytes"),
    ],
)
def test_what_cannot_be_read_is_one_line(arguments, message):
    with pytest.raises(InputError) as caught:
        parse(Echo, "echo", arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_is_one_object_also_when_quiet(capsys):
    for more in ([], ["--quiet"]):
        assert parse(Echo, "echo", ["--json", "--times", "2", "-o", "a", *more]).execute() == 0
        assert json.loads(capsys.readouterr().out) == {"times": 2, "output": "a", "nothing": None, "infinite": None}


def test_quiet_prints_nothing(capsys):
    command = parse(Echo, "echo", ["--quiet"])
    command.say("something")
    assert command.execute() == 0
    assert capsys.readouterr() == ("", "")


def test_a_person_sees_what_there_is_on_standard_output_and_what_goes_on_on_the_other(capsys):
    command = parse(Echo, "echo", [])
    command.say("something")
    command.execute()
    assert capsys.readouterr() == ("times     1\ninfinite  inf\n", "something\n")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * 10**9), ("500MB", 5 * 10**8), ("500 mb", 5 * 10**8), ("1GiB", 2**30), ("2kB", 2000), ("2KiB", 2048),
        ("1.5k", 1500), ("1000000", 10**6), ("1e6", 10**6), ("1TiB", 2**40), ("7b", 7),
    ],
)  # fmt: skip
def test_memory_is_read_with_its_unit(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1XB", "two GB", "1..5GB", "1e999", "0", "0.1", "nan", "1GB extra"])
def test_what_is_no_memory_is_refused(text):
    with pytest.raises(InputError, match="is no number of bytes"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.1235"), (12345.6, "12,346"), (1234567, "1,234,567"), (True, "True"), ([1, 2.5], "1, 2.5"),
        ({"psnr": 30.0, "ssim": None}, "psnr 30"), (Path("a/b"), "a/b"), ("7-bit × 2", "7-bit × 2"),
        ("\x1b[31m red\n", "\\x1b[31m red\\n"), ("\ud800", "\\ud800"),
    ],
)  # fmt: skip
def test_values_are_short_and_cannot_steer_the_terminal(value, shown):
    assert describe(value) == shown


def test_plain_values_are_what_json_can_hold():
    value = {1: (math.inf, -math.inf, math.nan, 0.5), "path": Path("a"), "deep": [{"x": None}]}
    assert plain(value) == {"1": [None, None, None, 0.5], "path": "a", "deep": [{"x": None}]}
    json.dumps(plain(value), allow_nan=False)
