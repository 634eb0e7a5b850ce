"""What a kind of signal is to the verbs: how its files are recognized, read and written."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ungrid.errors import UnreadableInput
from ungrid.signals.base import Outline, Signal
from ungrid.signals.first_bytes import first_bytes, what_else
from ungrid.spec import lookup


class Writer(Protocol):
    """Takes the values of an outline band by band, along the first axis."""

    def write_rows(self, values: Tensor) -> None:
        """The next r of the first axis [r, *shape, c]."""


Opener = Callable[[Path, Outline], AbstractContextManager[Writer]]


def _none_of_ours(thing: Any) -> Signal | None:
    return None


@dataclass(frozen=True)
class Modality:
    """A kind of signal, by its files.

    Args:
        kind: its name, which its signals have.
        files: what can be read, in words: "a picture (PNG, JPEG …)".
        recognizes: whether a file or folder is one of these, by its first 512 bytes (none for a folder), never by name alone
            where its content tells.
        read: a file or folder as a signal.
        endings: of the files that can be written, in lower case: ".wav".
        open: begins such a file for an outline; it appears under its name, complete, when the block ends without an error.
        adopt: an object of another library as a signal, or None where it is none of this kind.
    """

    kind: str
    files: str
    recognizes: Callable[[Path, bytes], bool]
    read: Callable[[Path], Signal]
    endings: tuple[str, ...]
    open: Opener
    adopt: Callable[[Any], Signal | None] = _none_of_ours


def read_signal(path: Path, modalities: Mapping[str, Modality], kind: str | None = None) -> Signal:
    """A file or folder as a signal, of the kind that is said or else that its content has; the first that recognizes it.

    Raises:
        MissingFile: no such file.
        UnreadableInput: empty, of no known kind, cut off or damaged.
        InputError: not readable, or a folder of nothing known.
        UnknownName: no such kind.
    """
    start = first_bytes(path)
    if kind is not None:
        chosen: Modality = lookup(kind, modalities, "kind")
        return chosen.read(path)
    for modality in modalities.values():
        if modality.recognizes(path, start):
            return modality.read(path)
    known = "; ".join(modality.files for modality in reversed(list(modalities.values())))  # the most common first
    raise UnreadableInput(
        f"{path.name} holds {what_else(start) if path.is_file() else 'no files of a known kind'}; expected {known}: check that "
        f"it is the right one, or say what it is with --as"
    )
