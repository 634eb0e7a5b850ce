"""The models' suite: any of the architectures on one's own signals, at equal parameters and equal seconds of the processor."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from ungrid.bench.classical import scattered
from ungrid.bench.equal import MODELS, MOST_BATCH, Terms, fit_equal, left_out
from ungrid.bench.measure import Row, Stopwatch
from ungrid.bench.rates import Rates, identity_of, in_words
from ungrid.bench.sources import crop
from ungrid.metrics.error import psnr
from ungrid.signals.base import Signal
from ungrid.signals.phantoms import zone_plate
from ungrid.spec import lookup
from ungrid.tasks.complete import complete

LOCAL_PRIOR = "local Gaussian prior"
CLASSICAL, OURS, MODEL = "classical", "ours, without a field", "model"


@dataclass(frozen=True)
class Comparison:
    """How much is compared.

    Args:
        terms: what all have alike.
        seeds: fits of each model on each signal; the table has mean and standard deviation.
        side: of what is taken from the middle of each signal; None for all of it.
        n_signals: of those given, at most; None for all.
    """

    terms: Terms = field(default_factory=Terms)
    seeds: int = 3
    side: int | None = None
    n_signals: int | None = None


FULL = Comparison()
QUICK = Comparison(Terms(n_params=20_000, seconds=2.0), seeds=1, side=64, n_signals=1)


def chosen(names: Sequence[str]) -> list[str]:
    """The models of these names, or all that there are.

    Raises:
        UnknownName: no such model.
    """
    for name in names:
        lookup(name, MODELS, "model")
    return list(names) or list(MODELS)


def compare(
    signals: Mapping[str, Signal],
    names: Sequence[str],
    comparison: Comparison,
    rates: Rates,
    *,
    first_seed: int = 0,
    done: Sequence[Row] = (),
    keep: Callable[[list[Row]], None] = lambda rows: None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Rows of each signal's table first ("models": mean and deviation over the seeds), then of each fit ("fits").

    Args:
        signals: by name, with values from 0 to 1.
        names: of models, see `chosen`.
        comparison: how much.
        rates: tuned factors of the learning rates.
        first_seed: of the first fit; the others follow.
        done: rows of an earlier run on the same terms, whose fits are not made again.
        keep: is given all rows so far after each fit.
        tell: is told what is fitted next.
    """
    _warm_up(names)
    fits: list[Row] = [row for row in done if row["measurement"] == "fits"]
    seen = {(row["signal"], row["seed"], row["name"]) for row in fits}
    for title, whole in list(signals.items())[: comparison.n_signals]:
        signal = crop(whole, comparison.side)
        was_tuned_on = identity_of(title, whole) in rates.signals
        for seed in range(first_seed, first_seed + comparison.seeds):
            tell(f"{title}, seed {seed} …")
            missing = [name for name in names if (title, seed, name) not in seen]
            beside = (title, seed, LOCAL_PRIOR) not in seen
            for row in _of_one_seed(signal, missing, comparison.terms, rates, seed, beside=beside):
                is_unfair = was_tuned_on and row["kind"] == MODEL
                row["note"] = "rates were tuned on this signal" if is_unfair else row.get("note") or None
                fits.append({"measurement": "fits", "signal": title, "shape": list(signal.values.shape), **row})
                keep([*_means(fits), *fits])
    return [*_means(fits), *fits]


def settings(comparison: Comparison, rates: Rates, names: Sequence[str]) -> list[str]:
    """What the table is made by, in sentences."""
    terms = comparison.terms
    untuned = [name for name in names if name not in rates.factors]
    rates_said = f"not tuned, and so as published: {', '.join(untuned)}" if untuned else "all are tuned"
    tuned_at = sorted({rates.terms[name] for name in names if name in rates.terms})
    rates_said += f"; tuned at {'; '.join(tuned_at)}" if tuned_at else ""
    return [
        f"Each model has about {in_words(terms.n_params, terms.seconds)} of one thread, over which its schedule runs.",
        f"{terms.heldout:.0%} of the samples are left out of the whole fit.",
        f"A step sees at most {MOST_BATCH:,} samples, also where the published recipe takes all of them.",
        f"Learning rates are the published ones times a factor tuned on other signals; {rates_said}.",
        "All other settings, frequencies too, are the published ones, most of them made for pictures.",
    ]


def _of_one_seed(signal: Signal, names: Sequence[str], terms: Terms, rates: Rates, seed: int, *, beside: bool) -> Iterator[Row]:
    """Fits of these models, and, where asked for, what stands beside them; the last of which comes last."""
    for name in names:
        yield {"kind": MODEL, **fit_equal(name, signal, terms, rate_factor=rates.of(name), seed=seed)}
    if not beside:
        return
    known = left_out(signal, terms.heldout, seed)
    methods = {**scattered(signal.grid.shape), LOCAL_PRIOR: complete}
    for name, method in methods.items():
        watch = Stopwatch()
        filled = method(signal.values, known)
        spent = watch.spent()
        shown = signal.shown(filled)
        heldout = psnr(shown[~known], signal.values[~known])
        found = {"cpu_seconds": spent.cpu, "wall_seconds": spent.wall, "train_psnr": None, "heldout_psnr": heldout}
        yield {"kind": OURS if method is complete else CLASSICAL, "name": name, "seed": seed, **found}


def _means(fits: Sequence[Row]) -> Iterator[Row]:
    """A row for each model on each signal, the best guess between the samples first."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in fits:
        groups.setdefault((row["signal"], row["name"]), []).append(row)
    rows = [_mean(group) for group in groups.values()]
    for signal in dict.fromkeys(row["signal"] for row in rows):
        mine = (row for row in rows if row["signal"] == signal)
        yield from sorted(mine, key=lambda row: -1e9 if row["heldout_psnr"] is None else row["heldout_psnr"], reverse=True)


def _mean(group: Sequence[Row]) -> Row:
    first = group[0]
    row: Row = {"measurement": "models", "signal": first["signal"], "kind": first["kind"], "name": first["name"]}
    row |= {"n_params": first.get("n_params"), "learning_rate": first.get("learning_rate"), "steps": first.get("steps")}
    row |= {"cpu_seconds": fmean(one["cpu_seconds"] for one in group), "seeds": len(group)}
    for key in ("train_psnr", "heldout_psnr"):
        values = [one[key] for one in group if one[key] is not None]
        row[key] = fmean(values) if len(values) == len(group) else None
        row[key.replace("psnr", "std")] = stdev(values) if len(values) == len(group) > 1 else None
    return row | {"note": "; ".join(dict.fromkeys(one["note"] for one in group if one["note"])) or None}


def _warm_up(names: Sequence[str]) -> None:
    """What is imported and loaded at a process's first fits is not theirs."""
    for name in names:
        fit_equal(name, zone_plate(16), Terms(n_params=8_000, seconds=0.02))
