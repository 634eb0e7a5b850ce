"""The items of a job: the files of a folder or the arrays of a stack, each with the name that its field gets."""

import functools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ungrid.errors import InputError, MissingFile, UngridError, UnknownName
from ungrid.files import without_ending
from ungrid.signals.array_stack import ArrayStack, is_stack, open_stack
from ungrid.signals.base import Signal
from ungrid.verbs import as_signal


@dataclass(frozen=True)
class Item:
    """One signal of many.

    Args:
        name: of its field's file, without .ung; folders in it as in the input.
        file: where it is, from the input folder on; the stack's own name.
        index: in its stack; None for a file.
        bytes: of the file.
        modified: when the file was written, in ns; with its bytes this tells whether it is still the same.
    """

    name: str
    file: str
    index: int | None
    bytes: int
    modified: int


@dataclass(frozen=True)
class Folder:
    """All files in a folder and the folders within it, but hidden ones and what the job itself writes.

    Args:
        root: the folder.
        output: where the job writes.
        kind: what the files hold, where it is said.
    """

    root: Path
    output: Path
    kind: str | None = None

    is_uniform = False

    def items(self) -> list[Item]:
        """In the order of their names.

        Raises:
            InputError: no file.
        """
        paths = sorted(self._files())
        if not paths:
            raise InputError(f"{self.root} holds no files to fit; expected a folder of files, or one file with a stack of arrays")
        names = distinct_names([path.relative_to(self.root) for path in paths])
        items = []
        for path, name in zip(paths, names, strict=True):
            facts = path.stat()
            items.append(Item(name, path.relative_to(self.root).as_posix(), None, facts.st_size, facts.st_mtime_ns))
        return items

    def signal(self, item: Item) -> Signal:
        """Read one."""
        return as_signal(self.root / item.file, self.kind)

    def _files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.root):
            here = Path(folder)
            folders[:] = sorted(f for f in folders if not f.startswith(".") and (here / f).resolve() != self.output.resolve())
            yield from (here / file for file in files if not file.startswith(".") and (here / file).is_file())


@dataclass(frozen=True)
class StackFile:
    """The arrays of a stack, named by their numbers.

    Args:
        path: of the stack.
        array: which of its arrays, where it is said.
        kind: of signal, where it is said.
    """

    path: Path
    array: str | None = None
    kind: str | None = None

    is_uniform = True

    def items(self) -> list[Item]:
        """In their order, 00000 being the first."""
        facts, n = self.path.stat(), len(self._stack())
        digits = max(5, len(str(n - 1)))
        return [Item(f"{i:0{digits}}", self.path.name, i, facts.st_size, facts.st_mtime_ns) for i in range(n)]

    def signal(self, item: Item) -> Signal:
        """One of them, which knows where it is from."""
        assert item.index is not None
        (array,) = self._stack().read(item.index, item.index + 1)
        signal = as_signal(array, self.kind)
        return replace(signal, source={**signal.source, "file": self.path.name, "index": item.index})

    def _stack(self) -> ArrayStack:
        return _opened(self.path, self.array, self.path.stat().st_mtime_ns)


Source = Folder | StackFile


def open_source(path: Path, output: Path, *, kind: str | None = None, array: str | None = None) -> Source:
    """What is at a path, a folder of files or a stack.

    Raises:
        MissingFile: nothing.
        InputError: the output is the input itself, or an array is named where there are none.
        UnreadableInput: a file that is no stack.
    """
    if not path.exists():
        raise MissingFile(f"there is no folder or file {path}")
    if path.resolve() == output.resolve():
        raise InputError(f"cannot write the fields to {output}: that is the input; give another folder with -o")
    if path.is_dir() and not is_stack(path):
        if array is not None:
            raise InputError(f"{path} is a folder of files, which has no array {array!r}; leave --array out")
        folder = Folder(path, output, kind)
        if kind is not None:
            _check_kind(folder)
        return folder
    source = StackFile(path, array, kind)
    source.signal(source.items()[0])  # what no item can be is said once, and not for each
    return source


def _check_kind(folder: Folder) -> None:
    """Raise UnknownName for a kind that there is not: once, and not for each file."""
    try:
        folder.signal(folder.items()[0])
    except UnknownName:
        raise
    except UngridError:
        return  # what is wrong with a file is said when it is its turn


def distinct_names(files: Sequence[Path]) -> list[str]:
    """Names of fields: each file's without its ending; with it where two would be one; with a number where they still are.

    Names that differ only in capitals count as one, as they do on some disks.
    """
    names = [without_ending(file).as_posix() for file in files]
    for full in (False, True):
        counts = Counter(name.casefold() for name in names)
        taken: Counter[str] = Counter()
        for i, file in enumerate(files):
            key = names[i].casefold()
            if counts[key] == 1:
                continue
            taken[key] += 1
            names[i] = file.as_posix() if not full else _free(names[i], taken[key], counts)
    return names


def _free(name: str, number: int, counts: Counter[str]) -> str:
    """The name for the first of several, with a number that is not taken for the others."""
    if number == 1:
        return name
    while counts[f"{name}-{number}".casefold()]:
        number += 1
    counts[f"{name}-{number}".casefold()] += 1
    return f"{name}-{number}"


@functools.lru_cache(maxsize=1)  # a packed file is unpacked once in a process
def _opened(path: Path, array: str | None, modified: int) -> ArrayStack:
    return open_stack(path, array)
