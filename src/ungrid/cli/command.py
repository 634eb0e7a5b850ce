"""What all commands share: their common options, how their options are read, and how they report."""

import contextlib
import io
import json
import math
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import tyro

from ungrid.errors import InputError, nearest

MOST_SEED = 2**53  # what a file's JSON keeps exactly
Output = Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")]


@dataclass(kw_only=True)
class Command(ABC):
    """A command's options; `run` does its work and returns what `--json` prints."""

    alone: ClassVar[dict[str, str]] = {}  # options that may stand without a value, and what they then mean

    json: bool = False
    """Print one JSON object on standard output and everything else on standard error."""
    quiet: bool = False
    """Print nothing but errors."""
    seed: int = 0
    """Of everything random."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes CUDA where there is one."""
    max_memory: Annotated[str | None, tyro.conf.arg(metavar="2GB")] = None
    """Most memory to allocate beyond the interpreter and the input."""

    @abstractmethod
    def run(self) -> dict[str, Any]:
        """Do the work; the result holds the keys that scripts rely on."""

    def execute(self) -> int:
        """Run, print the result in the asked form, return the exit code."""
        self.report(self.run())
        return 0

    def report(self, result: dict[str, Any]) -> None:
        """Print the result: as JSON, for a person, or not at all."""
        if self.json:
            print(json.dumps(plain(result)))
        elif not self.quiet:
            self.show(result)

    def show(self, result: dict[str, Any]) -> None:
        """Print the result for a person."""
        print_pairs({key: value for key, value in result.items() if value is not None})

    def say(self, message: str) -> None:
        """A line about what is going on, on standard error."""
        if not self.quiet:
            print(message, file=sys.stderr)

    @property
    def memory(self) -> int | None:
        """`max_memory` in bytes."""
        return None if self.max_memory is None else parse_bytes(self.max_memory)


def parse(command: type[Command], name: str, arguments: Sequence[str]) -> Command:
    """Read a command's options.

    Raises:
        InputError: an unknown option (with the nearest one), a missing or wrong value.
    """
    command_line = _read(command, name, arguments)
    if not 0 <= command_line.seed < MOST_SEED:
        raise InputError(f"--seed is {command_line.seed}; expected 0 to {MOST_SEED - 1}")
    _ = command_line.memory  # said wrong, it is an error also where the command needs little
    return command_line


def _read(command: type[Command], name: str, arguments: Sequence[str]) -> Command:
    arguments = _completed(arguments, command.alone)
    known = ["--help", "-h", "-o", *_option_names(command)]
    if not {"-h", "--help"} & set(arguments):
        _check_options(name, arguments, known)
        complaint = io.StringIO()
        try:
            with contextlib.redirect_stdout(complaint), contextlib.redirect_stderr(complaint):
                return _parse(command, name, arguments)
        except SystemExit:
            raise InputError(f"{name}: {_essence(complaint.getvalue())}; see ungrid {name} --help") from None
    return _parse(command, name, arguments)


def print_pairs(pairs: dict[str, Any]) -> None:
    """Names and values, aligned."""
    width = max((len(key) for key in pairs), default=0)
    for key, value in pairs.items():
        print(f"{key:<{width}}  {describe(value)}")


def describe(value: Any) -> str:
    """A value for a person: numbers short, groups as name value, name value."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {describe(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list | tuple):
        return ", ".join(describe(item) for item in value)
    # a file's own text must not steer the terminal
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(value))


def plain(value: Any) -> Any:
    """The value as JSON has it: no infinities (null), no paths, no tuples."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def parse_bytes(text: str) -> int:
    """ "2GB", "500 MB", "1GiB", "1000000" → bytes; kB, MB, GB count in thousands, KiB, MiB, GiB in 1,024s.

    Raises:
        InputError: something else.
    """
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([kmgt]?)(i?)b?\s*", text, flags=re.IGNORECASE)
    try:
        assert match is not None
        base = 1024 if match[3] else 1000
        size = int(float(match[1]) * base ** " kmgt".index(match[2].lower() or " "))
    except (AssertionError, ValueError, OverflowError):
        raise InputError(f"{text!r} is no number of bytes; expected something like 2GB, 500MB or 1GiB") from None
    if size < 1:
        raise InputError(f"{text!r} is no number of bytes; expected more than 0")
    return size


def _parse(command: type[Command], name: str, arguments: Sequence[str]) -> Command:
    return tyro.cli(
        command, prog=f"ungrid {name}", args=list(arguments), config=(tyro.conf.FlagCreatePairsOff,), use_underscores=False
    )


def _completed(arguments: Sequence[str], alone: dict[str, str]) -> list[str]:
    """The arguments with a value behind each option that stands without: where no number follows."""
    completed = []
    for at, word in enumerate(arguments):
        completed.append(word)
        follows = arguments[at + 1] if at + 1 < len(arguments) else ""
        if word in alone and not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?(nan|inf)", follows):
            completed.append(alone[word])
    return completed


def _option_names(command: type[Command]) -> list[str]:
    renamed = {"as_kind": "as"}
    return ["--" + renamed.get(item.name, item.name).replace("_", "-") for item in fields(command)]


def _check_options(name: str, arguments: Sequence[str], known: Sequence[str]) -> None:
    for word in arguments:
        option = word.split("=", 1)[0]
        if option == "--":
            return
        if option.startswith("--") and option.replace("_", "-") not in known:
            raise InputError(f"{name} has no option {option}{nearest(option, known)}; see ungrid {name} --help")


def _essence(complaint: str) -> str:
    """The message inside tyro's framed text, on one line."""
    text = re.sub(r"[╭╮╰╯│─]|-{4,}", " ", re.sub(r"\x1b\[[0-9;]*m", "", complaint))
    message = re.split(r" (?:For )?full helptext", " ".join(text.split()))[0]
    wrong = re.search(r"Error parsing (\S+?): no type matching (?:\{None\}\|)?(\w+).*?\[(.*?)\]", message)
    if wrong:
        return f"{wrong[1]} is {wrong[3]}, expected {wrong[2]}"
    unparsed = re.search(r"Error parsing (\S+?): .*?('[^']*') Argument helptext: (?:-\w \S+, )?\S+ (\S+)", message)
    if unparsed:
        return f"{unparsed[1]} is {unparsed[2]}, expected {unparsed[3]}"
    unknown = re.search(r"Unrecognized options: (.*?)$", message)
    if unknown:
        return f"cannot place {unknown[1].strip()!r}"
    missing = re.search(r"Missing from .*?: (.*?)$", message)
    if missing:
        return f"missing {missing[1].strip()}"
    message = re.sub(r"^(?:Invalid choice|Missing argument|Value error) ", "", message)
    return message[:300] or "the options could not be read"
