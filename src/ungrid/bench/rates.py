"""Learning rates tuned for equal terms: a factor of each model's published rate, kept in `rates.json`.

The factors are found on other signals than those that a comparison reports, by short fits on the same terms.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from ungrid.bench.equal import Terms, fit_equal
from ungrid.bench.machine import commit
from ungrid.errors import UnreadableInput
from ungrid.files import write_beside
from ungrid.signals.base import Signal

FILE = Path(__file__).with_name("rates.json")
SIDE = 256  # of the middle of each signal that is tuned on
SECONDS = 5.0  # of the processor for each fit, at most
STEP = 2.0  # between two factors that are tried
MOST_TRIED = 6  # factors away from 1, on either side
FAILED = -1e9  # dB, of a fit that diverged


@dataclass(frozen=True)
class Rates:
    """Factors by model, and what they were found on.

    Args:
        factors: of the published rate; 1 for a model that is not there.
        signals: sha256 of the files that they were tuned on, or their names.
        terms: parameters and seconds that each was tuned at, in words.
    """

    factors: Mapping[str, float]
    signals: frozenset[str] = frozenset()
    terms: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> float:
        """The model's factor."""
        return self.factors.get(name, 1.0)


def read_rates(path: Path | None = None) -> Rates:
    """The tuned factors; none where there is no file.

    Raises:
        UnreadableInput: the file is damaged.
    """
    path = path or FILE
    if not path.exists():
        return Rates({})
    try:
        tuned = json.loads(path.read_text(encoding="utf-8"))
        factors = {name: float(entry["factor"]) for name, entry in tuned.items()}
        signals = frozenset(identity for entry in tuned.values() for identity in entry["signals"].values())
        return Rates(factors, signals, {name: in_words(entry["params"], entry["seconds"]) for name, entry in tuned.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableInput(
            f"{path} is no table of rates ({error!r}); tune them again with ungrid bench models --tune"
        ) from None


def in_words(n_params: int, seconds: float) -> str:
    """ "200,000 parameters and 20 s"."""
    return f"{n_params:,} parameters and {seconds:g} s"


def identity_of(name: str, signal: Signal) -> str:
    """What tells a signal from others: its file's sha256, or its name where it was no file."""
    return str(signal.source.get("sha256", name))


def tune(
    names: Sequence[str],
    signals: Mapping[str, Signal],
    terms: Terms,
    *,
    seed: int = 0,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """For each model the factor, a power of two, with the highest mean of training and held-out PSNR over the signals.

    It goes up from 1 as long as that is better, or else down. Both PSNR count, since a rate that is too low hides in the
    held-out one: a field that has learned little has not learned the noise either.

    Returns:
        entries for `rates.json` by model: factor, the score of each factor tried, and what it was found on.
    """
    return {name: _tuned(name, signals, terms, seed, tell) for name in names}


def write_rates(tuned: Mapping[str, Any], path: Path | None = None) -> None:
    """Put the entries beside, or in place of, those that the file has.

    Raises:
        MachineError: not writable.
    """
    path = path or FILE
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(dict(sorted({**before, **tuned}.items())), indent=1) + "\n", encoding="utf-8")


def _tuned(name: str, signals: Mapping[str, Signal], terms: Terms, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    tried: dict[float, float] = {}

    def score(factor: float) -> float:
        rows = [fit_equal(name, signal, terms, rate_factor=factor, seed=seed) for signal in signals.values()]
        tried[factor] = fmean(_score(row) for row in rows)
        tell(f"{name} × {factor:g}: {tried[factor]:.2f} dB")
        return tried[factor]

    best = score(1.0)
    for step in (STEP, 1 / STEP):
        factor = step
        while len(tried) <= 2 * MOST_TRIED and (found := score(factor)) > best:
            best, factor = found, factor * step
        if max(tried, key=lambda at: tried[at]) != 1.0:
            break  # it is better on this side, so it is worse on the other
    return {
        "factor": max(tried, key=lambda at: tried[at]),
        "tried": {f"{factor:g}": round(tried[factor], 3) for factor in sorted(tried)},
        "params": terms.n_params,
        "seconds": terms.seconds,
        "signals": {title: identity_of(title, signal) for title, signal in signals.items()},
        "commit": commit(),
    }


def _score(row: Mapping[str, Any]) -> float:
    return FAILED if row["train_psnr"] is None else (row["train_psnr"] + row["heldout_psnr"]) / 2
