"""What a published setting is: its data, its measure, what the paper found, and how it is measured again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ungrid.bench.measure import Timing

UNREAD = "unread"
PAPERS, OURS, CLASSICAL = "the paper's", "ours", "classical"
QUICK, REDUCED, FULL = "quick", "reduced", "full"


@dataclass(frozen=True)
class File:
    """A file that a setting needs, told by its content.

    Args:
        name: as it is usually called.
        sha256: of its bytes.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class Published:
    """What a method is held against.

    Args:
        psnr: in dB, as the setting defines it; None where it was not read, which is never filled in from memory.
        source: where it stands, or what it is known to be.
        same_data: whether it was measured on the very data that is used here.
    """

    psnr: float | None
    source: str
    same_data: bool = False


@dataclass(frozen=True)
class Scale:
    """How large a setting is measured.

    Args:
        words: what differs from the paper, for the report.
        steps: of the optimizer.
        side: pixels of the middle of a picture, or samples of a sound; None for all.
        batch: samples a step; None for all.
        is_papers: whether all of it is as in the paper, so that values may be compared.
    """

    words: str
    steps: int
    side: int | None = None
    batch: int | None = None
    is_papers: bool = False


@dataclass(frozen=True)
class Work:
    """What a setting is given: a scale, the files that were found, by name, and a seed."""

    scale: Scale
    paths: Mapping[str, Path]
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What one method gave.

    Args:
        psnr: dB; None for an exact match, and where there is none to tell: the note says which.
        spent: seconds.
        n_params: numbers that the result is made of.
        steps: of the optimizer.
        note: what a reader must know.
    """

    psnr: float | None
    spent: Timing
    n_params: int | None = None
    steps: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One cell of a setting's table.

    Args:
        data: which picture or sound.
        method: its name.
        role: the paper's method, ours, or a classical one.
        run: given the seconds of the processor that earlier methods took on the same data, measures this one.
    """

    data: str
    method: str
    role: str
    run: Callable[[Mapping[str, float]], Outcome]


@dataclass(frozen=True)
class Setting:
    """A table of a paper, or of its code, to be measured again.

    Args:
        title: what is shown, in a line.
        paper: its key.
        psnr: how quality is measured.
        published: by method.
        tolerance: dB that a result of the paper's method may differ by.
        scales: "quick", "reduced" and "full".
        cases: the cells, in the order in which they are measured.
        files: of which those found are used; at least one is needed where there are any.
        stand_in: package that has the data, too, where no file was given.
        packages: that are needed.
        rising: methods whose order is published, the worst first, where values are not comparable.
        remarks: how it differs from the paper's at any scale, and where values are not known.
    """

    title: str
    paper: str
    psnr: str
    published: Mapping[str, Published]
    tolerance: float
    scales: Mapping[str, Scale]
    cases: Callable[[Work], Iterator[Case]]
    files: tuple[File, ...] = ()
    stand_in: str = ""
    packages: tuple[str, ...] = ()
    rising: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())


def verdict(setting: Setting, scale: Scale, case: Case, psnr: float | None) -> str | None:
    """ "pass" or "fail" where a value may be compared, else why not; None for methods that are not the paper's."""
    published = setting.published.get(case.method)
    if case.role != PAPERS or published is None:
        return None
    if published.psnr is None:
        return "not compared: unread"
    if not scale.is_papers:
        return "not compared: smaller than published"
    if not published.same_data:
        return "not compared: other data"
    return "pass" if psnr is not None and abs(psnr - published.psnr) <= setting.tolerance else "fail"
