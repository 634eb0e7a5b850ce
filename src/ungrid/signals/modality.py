"""What a kind of signal is to the verbs: how its files are recognized, read and written."""

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.base import Outline, Signal
from ungrid.signals.first_bytes import first_bytes, what_else
from ungrid.signals.part import WHOLE, Part
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
        open: begins such a file for an outline, as an `Opener`, or by one of the `encoders`; it appears under its name, complete,
            when the block ends without an error.
        adopt: an object of another library as a signal, or None where it is none of this kind.
        encoders: names that `open` takes as `encoder`, for kinds whose files several can write.
        read_part: a part of a file or folder, for kinds that may be larger than memory; None for those that are read whole.
    """

    kind: str
    files: str
    recognizes: Callable[[Path, bytes], bool]
    read: Callable[[Path], Signal]
    endings: tuple[str, ...]
    open: Callable[..., AbstractContextManager[Writer]]
    adopt: Callable[[Any], Signal | None] = _none_of_ours
    encoders: tuple[str, ...] = ()
    read_part: Callable[[Path, Part], Signal] | None = None

    def by_encoder(self, name: str) -> Opener:
        """Begins a file that is written by the encoder of that name.

        Raises:
            InputError: this kind is written without one.
            UnknownName: no such encoder.
        """
        if not self.encoders:
            raise InputError(f"a field of kind {self.kind} is written without an encoder; leave out --encoder {name}")
        lookup(name, dict.fromkeys(self.encoders), "encoder")
        return functools.partial(self.open, encoder=name)


def read_signal(
    path: Path, modalities: Mapping[str, Modality], kind: str | None = None, part: Part = WHOLE, *, others: tuple[str, ...] = ()
) -> Signal:
    """A file or folder as a signal, of the kind that is said or else that its content has; the first that recognizes it.

    A part of it is read by kinds that can. What else would have been taken, `others`, is named where nothing recognizes the file.

    Raises:
        MissingFile: no such file.
        UnreadableInput: empty, of no known kind, cut off or damaged.
        InputError: not readable, a folder of nothing known, or a part of a kind that is read whole.
        UnknownName: no such kind.
    """
    start = first_bytes(path)
    if kind is not None:
        chosen: Modality = lookup(kind, modalities, "kind")
        return _read(chosen, path, part)
    for modality in modalities.values():
        if modality.recognizes(path, start):
            return _read(modality, path, part)
    found = f"holds {what_else(start)}" if path.is_file() else "is a folder without files of a known kind"
    known = "; ".join([*(modality.files for modality in modalities.values()), *others])
    raise UnreadableInput(f"{path.name} {found}; expected {known}: check that it is the right one, or say what it is with --as")


def _read(modality: Modality, path: Path, part: Part) -> Signal:
    if part.is_all:
        return modality.read(path)
    if modality.read_part is None:
        raise InputError(f"{path.name} is of kind {modality.kind}, which is read whole; leave out --region, --reduce and --fps")
    return modality.read_part(path, part)
