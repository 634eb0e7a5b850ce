"""What comes of undoing a loss, whatever the kind of signal."""

from dataclasses import dataclass, field

from torch import Tensor

from ungrid.domain.grid import Grid


@dataclass(frozen=True, eq=False)
class Undone:
    """A restored signal, and what was done to it.

    Args:
        values: [*grid.shape, c].
        grid: of the result.
        losses: what was undone, in words.
        reason: what was chosen, and by what, in words.
        shares: of each candidate in the result, by name.
        classical: names of the classical candidates for these losses, which `restore` takes as a method.
        stopped_by: what ended the search.
        papers: keys in `papers.bib`.
        heldout: of each candidate that was tried, in decibels, how well it told measurements that were hidden from it.
        seconds: of wall time, by name.
    """

    values: Tensor
    grid: Grid
    losses: str
    reason: str
    shares: dict[str, float]
    classical: list[str]
    stopped_by: str
    papers: tuple[str, ...] = ()
    heldout: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
