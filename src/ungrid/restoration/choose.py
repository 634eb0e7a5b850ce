"""What is done with the candidates: one of a kind, or what serves best without knowing the truth."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ungrid.errors import InputError
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL, FIELD, Candidate, Estimate
from ungrid.restoration.degradation import Degradation
from ungrid.spec import lookup

AUTO = "auto"
KINDS: Mapping[str, tuple[str, ...]] = {AUTO: (FIELD, CLASSICAL), FIELD: (FIELD,), CLASSICAL: (CLASSICAL,)}
METHODS = (*KINDS, *CANDIDATES)
SHARES = {FIELD: 0.2, CLASSICAL: 0.8}  # of the two in their mean: best on kodim05 and on bird of Set5
SENSED_SHARES = {FIELD: 0.5, CLASSICAL: 0.5}  # of a scene seen through a sensor: on kodim05 and Set14's pepper
FILLED_SHARES = {FIELD: 1.0, CLASSICAL: 0.0}  # of missing pixels: the mean with a classical fill is worse than the field alone


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
        names = [f"{share:.0%} {name}" if share < 1 else name for name, share in self.shares.items()]
        return " + ".join(names).replace("_", " ")


def restore_by(method: str, observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Restored:
    """Undo a degradation by a candidate, or by the first of a kind; "auto" takes the mean of the first of each kind.

    The shares of the mean are fixed: no truth is needed, and errors that two methods do not have in common shrink.

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
    return _averaged(found, seconds, shares_of(degradation))


def shares_of(degradation: Degradation) -> Mapping[str, float]:
    """Of each kind in the mean that "auto" takes."""
    if degradation.is_noise:
        return SHARES
    return FILLED_SHARES if degradation.is_mask else SENSED_SHARES


def chosen(method: str, degradation: Degradation) -> list[str]:
    """Names of the candidates that a method takes.

    Raises:
        UnknownName, InputError: as `restore_by`.
    """
    lookup(method, dict.fromkeys(METHODS), "method of restoring")
    if method in KINDS:
        kinds = [kind for kind in KINDS[method] if method != AUTO or shares_of(degradation)[kind] > 0]
        return [name for kind in kinds for name in first_of(kind, degradation)]
    if not CANDIDATES[method].serves(degradation):
        raise InputError(f"{method} does not undo {degradation.describe()}; take another method, such as {AUTO}")
    return [method]


def first_of(kind: str, degradation: Degradation, table: Mapping[str, Candidate] = CANDIDATES) -> list[str]:
    """The name of the first candidate of a kind that serves, in a list; none where there is none."""
    names = [name for name, candidate in table.items() if candidate.kind == kind and candidate.serves(degradation)]
    return names[:1]


def _averaged(found: Mapping[str, Estimate], seconds: dict[str, float], of_kinds: Mapping[str, float]) -> Restored:
    if len(found) == 1:
        shares = dict.fromkeys(found, 1.0)
    else:
        total = sum(of_kinds[CANDIDATES[name].kind] for name in found)
        shares = {name: of_kinds[CANDIDATES[name].kind] / total for name in found}
    values = torch.stack([shares[name] * estimate.values for name, estimate in found.items()]).sum(dim=0)
    stopped_by = ", ".join(dict.fromkeys(estimate.stopped_by for estimate in found.values()))
    papers = tuple(dict.fromkeys(key for estimate in found.values() for key in estimate.papers))
    estimates = {name: estimate.values for name, estimate in found.items()}
    return Restored(values, stopped_by, shares, seconds, papers, estimates)
