"""What is done with the candidates: one of a kind, or what serves best without knowing the truth."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ungrid.errors import InputError
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL, FIELD, JOINT, Candidate, Estimate
from ungrid.restoration.degradation import Degradation
from ungrid.spec import lookup

AUTO = "auto"
KINDS: Mapping[str, tuple[str, ...]] = {AUTO: (FIELD, CLASSICAL), FIELD: (FIELD,), CLASSICAL: (CLASSICAL,)}
METHODS = (*KINDS, *CANDIDATES)


@dataclass(frozen=True, eq=False)
class Restored:
    """What came of it.

    Args:
        values: [h, w, c].
        stopped_by: what ended the search of each candidate taken.
        shares: of each candidate in the result, by name.
        seconds: of wall time, by name.
        papers: keys in `papers.bib`.
        estimates: each candidate's own values, by name.
    """

    values: Tensor
    stopped_by: str
    shares: dict[str, float]
    seconds: dict[str, float]
    papers: tuple[str, ...]
    estimates: dict[str, Tensor]

    def describe(self) -> str:
        """What was chosen or averaged, in words."""
        said = {CANDIDATES[name].said: share for name, share in self.shares.items()}
        return " + ".join(name if share == 1 else f"{share:.0%} {name}" for name, share in said.items())


def restore_by(method: str, observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Restored:
    """Undo a degradation by a candidate, or by the first of a kind.

    "auto" takes the first that joins a field and a classical estimate; where there is none, the mean of the first of each kind,
    as errors that two methods do not have in common shrink. Neither needs the truth.

    Args:
        method: "auto", "field", "classical" or a candidate's name.
        observed: [h, w, c] without alpha.
        degradation: what happened to it.
        rng: random numbers for candidates that draw some.

    Raises:
        UnknownName: no such method.
        InputError: a candidate that this degradation is not for.
    """
    names = chosen(method, degradation)
    found: dict[str, Estimate] = {}
    seconds: dict[str, float] = {}
    for name in names:
        start = time.monotonic()
        found[name] = CANDIDATES[name].restore(observed, degradation, rng)
        seconds[name] = round(time.monotonic() - start, 3)
    return _averaged(found, seconds)


def chosen(method: str, degradation: Degradation) -> list[str]:
    """Names of the candidates that a method takes.

    Raises:
        UnknownName, InputError: as `restore_by`.
    """
    lookup(method, dict.fromkeys(METHODS), "method of restoring")
    if method == AUTO and (joint := first_of(JOINT, degradation)):
        return joint
    if method == AUTO and degradation.is_mask:  # there the mean with a classical filling is worse than the field alone
        return first_of(FIELD, degradation)
    if method in KINDS:
        return [name for kind in KINDS[method] for name in first_of(kind, degradation)]
    if not CANDIDATES[method].serves(degradation):
        raise InputError(f"{method} does not undo {degradation.describe()}; take another method, such as {AUTO}")
    return [method]


def first_of(kind: str, degradation: Degradation, table: Mapping[str, Candidate] = CANDIDATES) -> list[str]:
    """The name of the first candidate of a kind that serves, in a list; none where there is none."""
    names = [name for name, candidate in table.items() if candidate.kind == kind and candidate.serves(degradation)]
    return names[:1]


def _averaged(found: Mapping[str, Estimate], seconds: dict[str, float]) -> Restored:
    shares = dict.fromkeys(found, 1 / len(found))
    values = torch.stack([shares[name] * estimate.values for name, estimate in found.items()]).sum(dim=0)
    stopped_by = ", ".join(dict.fromkeys(estimate.stopped_by for estimate in found.values()))
    papers = tuple(dict.fromkeys(key for estimate in found.values() for key in estimate.papers))
    estimates = {name: estimate.values for name, estimate in found.items()}
    return Restored(values, stopped_by, shares, seconds, papers, estimates)
