"""The published settings by name, and how they are measured again: row by row, so that a long run can go on."""

import importlib.util
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ungrid.bench.measure import Row, Stopwatch
from ungrid.bench.papers.descent import our_best
from ungrid.bench.papers.files import found
from ungrid.bench.papers.fourier_features_ct import SETTING as FOURIER_FEATURES_CT
from ungrid.bench.papers.fourier_features_image import SETTING as FOURIER_FEATURES_IMAGE
from ungrid.bench.papers.fourier_features_mri import SETTING as FOURIER_FEATURES_MRI
from ungrid.bench.papers.kodak_coin import SETTING as KODAK_COIN
from ungrid.bench.papers.setting import UNREAD, Case, Outcome, Setting, Work, verdict
from ungrid.bench.papers.siren_audio import SETTING as SIREN_AUDIO
from ungrid.bench.papers.siren_image import SETTING as SIREN_IMAGE
from ungrid.bench.papers.siren_poisson import SETTING as SIREN_POISSON
from ungrid.bench.papers.synthetic import SETTING as SYNTHETIC
from ungrid.bench.papers.wire_denoising import SETTING as WIRE_DENOISING
from ungrid.errors import Diverged
from ungrid.signals.phantoms import zone_plate
from ungrid.spec import lookup

SETTINGS: dict[str, Setting] = {
    "ff2d-natural": FOURIER_FEATURES_IMAGE,
    "ct-shepp-20": FOURIER_FEATURES_CT,
    "mri-shepp-12": FOURIER_FEATURES_MRI,
    "siren-image": SIREN_IMAGE,
    "siren-poisson": SIREN_POISSON,
    "denoise-wire": WIRE_DENOISING,
    "kodak-coin": KODAK_COIN,
    "synthetic-benchmark": SYNTHETIC,
    "siren-audio": SIREN_AUDIO,
}
KEY = ("measurement", "scale", "data", "method", "seed")  # what tells a row from others
SKIPPED = "skipped"


def chosen(names: Sequence[str]) -> dict[str, Setting]:
    """The settings of these names, or all.

    Raises:
        UnknownName: no such setting.
    """
    return {name: lookup(name, SETTINGS, "published setting") for name in names} or SETTINGS


def told(names: Sequence[str], size: str) -> list[str]:
    """For each setting what is measured, at which scale, what differs, in sentences."""
    lines = []
    for name, setting in chosen(names).items():
        scale = setting.scales[size]
        lines.append(f"{name} ({setting.paper}): {setting.title}. {size}: {scale.words}. PSNR: {setting.psnr}.")
        lines += [f"{name}: {remark}" for remark in setting.remarks]
    return lines


def reproduce(
    names: Sequence[str],
    size: str,
    data: Sequence[Path],
    *,
    seed: int = 0,
    done: Sequence[Row] = (),
    keep: Callable[[Sequence[Row]], None] = lambda rows: None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Measure settings again, each method's result beside the published value.

    Args:
        names: of `SETTINGS`; none for all.
        size: "quick", "reduced" or "full".
        data: files, or folders of them, that the settings need.
        seed: of weights, batches and noise.
        done: rows of an earlier run, which are not measured again.
        keep: is given all rows so far after each.
        tell: is told what is measured next.

    Raises:
        UnknownName: no such setting.
        MissingFile: a path of `data` that does not exist.
    """
    our_best(zone_plate(16), 0.1, seed)  # what is imported and loaded at a process's first fit is not the fit's
    before = {tuple(row.get(key) for key in KEY): row for row in done if row.get("verdict") != SKIPPED}
    rows: list[Row] = []
    for name, setting in chosen(names).items():
        paths, missing = found(setting.files, data)
        reason = _cannot(setting, paths, missing)
        if reason is not None:
            tell(f"{name}: skipped, {reason}")
            rows.append(_row(name, size, "–", "–", None, seed) | {"verdict": SKIPPED, "note": reason})
            continue
        if paths:
            rows += [_row(name, size, "–", "–", None, seed) | {"verdict": SKIPPED, "note": reason} for reason in missing]
        for row in _measured(name, setting, size, Work(setting.scales[size], paths, seed), before, tell):
            rows.append(row)
            keep(rows)
        rows += _orders(name, setting, size, rows, seed)
    keep(rows)
    return rows


def _cannot(setting: Setting, paths: Mapping[str, Path], missing: Sequence[str]) -> str | None:
    """Why a setting cannot be measured here, or None."""
    absent = [package for package in setting.packages if importlib.util.find_spec(package) is None]
    if absent:
        return f"it needs the package {' and '.join(absent)}"
    has_stand_in = bool(setting.stand_in) and importlib.util.find_spec(setting.stand_in) is not None
    return "; ".join(missing) if setting.files and not paths and not has_stand_in else None


def _measured(
    name: str, setting: Setting, size: str, work: Work, before: Mapping[tuple[object, ...], Row], tell: Callable[[str], None]
) -> Iterator[Row]:
    seconds: dict[str, dict[str, float]] = {}  # of the processor, by data and method
    for case in setting.cases(work):
        kept = before.get((name, size, case.data, case.method, work.seed))
        if kept is None:
            tell(f"{name}: {case.data}, {case.method} …")
            outcome = _outcome(case, seconds.setdefault(case.data, {}))
            kept = _compared(name, setting, size, case, outcome, work.seed)
        seconds.setdefault(case.data, {})[case.method] = kept["cpu_seconds"]
        yield kept


def _outcome(case: Case, seconds: Mapping[str, float]) -> Outcome:
    """What a case gives; a fit that diverges is a result, too."""
    watch = Stopwatch()
    try:
        return case.run(seconds)
    except Diverged as error:
        return Outcome(None, watch.spent(), note=str(error))


def _compared(name: str, setting: Setting, size: str, case: Case, outcome: Outcome, seed: int) -> Row:
    row = _row(name, size, case.data, case.method, case.role, seed)
    published = setting.published.get(case.method)
    if published is not None:
        row |= {"published": UNREAD if published.psnr is None else published.psnr, "source": published.source}
        may_compare = setting.scales[size].is_papers and published.same_data
        if may_compare and published.psnr is not None and outcome.psnr is not None:
            row["difference"] = outcome.psnr - published.psnr
    return row | {
        "psnr": outcome.psnr,
        "tolerance": setting.tolerance if published is not None else None,
        "verdict": verdict(setting, setting.scales[size], case, outcome.psnr),
        "cpu_seconds": outcome.spent.cpu,
        "n_params": outcome.n_params,
        "steps": outcome.steps,
        "note": outcome.note or None,
    }


def _row(name: str, size: str, data: str, method: str, role: str | None, seed: int) -> Row:
    known = {"measurement": name, "scale": size, "data": data, "method": method, "role": role, "seed": seed}
    values = dict.fromkeys(("psnr", "published", "difference", "tolerance", "verdict", "cpu_seconds", "n_params", "steps"))
    return {**known, **values, "note": None, "source": None}


def _orders(name: str, setting: Setting, size: str, rows: Sequence[Row], seed: int) -> Iterator[Row]:
    """Whether the methods come in the published order, on each picture."""
    mine = [row for row in rows if row["measurement"] == name]
    for data in dict.fromkeys(row["data"] for row in mine):
        by_method = {row["method"]: row["psnr"] for row in mine if row["data"] == data}
        if not setting.rising or any(by_method.get(method) is None for method in setting.rising):
            continue
        found_psnr = [by_method[method] for method in setting.rising]
        holds = all(a < b for a, b in itertools.pairwise(found_psnr))
        order = _row(name, size, data, "order: " + " < ".join(setting.rising), None, seed)
        said = ("pass" if holds else "fail") if setting.scales[size].is_papers else ("holds" if holds else "does not hold")
        yield order | {"verdict": said, "note": "the published order of the methods"}
