"""The errors that ungrid raises on purpose, each with the exit code that the command line gives it.

A message says what was found, what was expected and what to do, in one line.
"""

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar


class UngridError(Exception):
    """Root of every error that ungrid raises on purpose."""

    exit_code: ClassVar[int] = 2
    report: dict[str, Any] | None = None  # what was done all the same, for the command line's JSON

    def __str__(self) -> str:
        return " ".join(str(arg) for arg in self.args)  # KeyError would show its message in quotes


class InputError(UngridError, ValueError):
    """An argument, an option or a signal that cannot be used as it is."""


class ShapeError(InputError):
    """A tensor whose shape does not fit where it was given."""


class UnknownName(UngridError, KeyError):
    """A name that is in no table of ungrid's; the message has the nearest one that is."""


class MissingFile(UngridError, FileNotFoundError):
    """A file that is not there."""


class FormatError(UngridError):
    """A `.ung` file that cannot be trusted or read."""

    exit_code = 4


class UnreadableInput(FormatError):
    """A picture, sound or other input that is truncated, mislabeled or of no known kind."""

    exit_code = 2


class MissingExtra(UngridError, ImportError):
    """An optional package that is not installed; the message has the install line."""

    exit_code = 3

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed; install it with: pip install 'ungrid[{extra}]'"
        )


class TargetNotMet(UngridError):
    """The result is below the target that was asked for; `field` is the best that was reached."""

    exit_code = 5
    field: Any = None


class ItemsFailed(UngridError):
    """Some of many items failed or are below the target that was asked for; what succeeded is written."""

    exit_code = 5


class MachineError(UngridError, OSError):
    """The machine would not: disk full, not writable, out of memory."""

    exit_code = 6


class Diverged(UngridError, ArithmeticError):
    """A fit that stayed unstable after every rollback."""

    exit_code = 7


class Interrupted(UngridError):
    """A fit stopped by the user; what was reached is kept and can be resumed."""

    exit_code = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: "; did you mean 'siren'?", or nothing when none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
