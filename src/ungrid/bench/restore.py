"""The restorations' suite: pictures spoiled in known ways, and what each method makes of them, ours beside the classical ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from ungrid.bench.denoisers import missing, rivals
from ungrid.bench.measure import Row, Stopwatch, Timing
from ungrid.bench.pictures import center, color_only
from ungrid.measurements.noise import LEVELS, Gaussian, Noise, Poisson
from ungrid.metrics.error import psnr
from ungrid.metrics.image import WINDOW, ssim
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL, JOINT
from ungrid.restoration.choose import Restored, restore_by
from ungrid.restoration.degradation import Degradation
from ungrid.signals.base import Signal

NOISES: tuple[Noise, ...] = (Gaussian(15 / LEVELS), Gaussian(25 / LEVELS), Gaussian(50 / LEVELS), Poisson(30.0))
NOISY, AUTO = "noisy", "auto"


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Args:
        side: of what is taken from the middle of each picture.
        noises: that it is spoiled with.
        n_pictures: of those given, at most; None for all.
    """

    side: int = 256
    noises: tuple[Noise, ...] = NOISES
    n_pictures: int | None = None


FULL = Sizes()
QUICK = Sizes(48, NOISES[1:2], 1)
Measure = Callable[[Mapping[str, Signal], Sizes, int, Callable[[str], None]], list[Row]]


def settings(sizes: Sizes) -> list[str]:
    """What the tables are made by, in sentences."""
    return [
        f"The middle {sizes.side}×{sizes.side} pixels of each picture; noise is not clipped, every method is told its level.",
        "PSNR and SSIM are of values clipped to 0 … 1, borders included; no method sees the truth.",
        "Poisson noise is evened out by Anscombe's square root for all methods, with the exact unbiased inverse.",
        *missing(),
    ]


def denoise(pictures: Mapping[str, Signal], sizes: Sizes, seed: int, tell: Callable[[str], None]) -> list[Row]:
    """Rows of the means over pictures first ("denoise"), then of each picture ("denoise_each")."""
    rows: list[Row] = []
    for title, whole in list(pictures.items())[: sizes.n_pictures]:
        truth = center(color_only(whole), sizes.side)
        for noise in sizes.noises:
            tell(f"{title}, {noise.describe()} …")
            rows += _of_one(title, truth.values.float(), noise, seed)
    return [*_means(rows), *rows]


MEASUREMENTS: Mapping[str, Measure] = {"denoise": denoise}


def _of_one(title: str, truth: Tensor, noise: Noise, seed: int) -> Iterator[Row]:
    observed = noise.simulate(truth, torch.Generator().manual_seed(seed))
    degradation = Degradation(noise)

    def row(name: str, kind: str, values: Tensor, spent: Timing | None) -> Row:
        shown = values.clamp(0, 1)
        return {
            "measurement": "denoise_each",
            "picture": title,
            "shape": list(truth.shape),
            "noise": noise.describe(),
            "name": name,
            "kind": kind,
            "psnr": psnr(shown, truth),
            "ssim": ssim(shown, truth) if min(truth.shape[:2]) >= WINDOW else None,
            "cpu_seconds": None if spent is None else spent.cpu,
            "seed": seed,
        }

    yield row(NOISY, NOISY, observed, None)
    for name, method in rivals().items():
        watch = Stopwatch()
        values = method(observed, degradation, torch.Generator().manual_seed(seed)).values
        yield row(name, CLASSICAL, values, watch.spent())
    for candidate in CANDIDATES.values():
        if candidate.serves(degradation) and candidate.kind != JOINT:  # what joins others is what auto takes
            watch = Stopwatch()
            values = candidate.restore(observed, degradation, torch.Generator().manual_seed(seed)).values
            yield row(candidate.said, candidate.kind, values, watch.spent())
    watch = Stopwatch()
    restored: Restored = restore_by("auto", observed, degradation, torch.Generator().manual_seed(seed))
    yield row(AUTO, AUTO, restored.values, watch.spent())


def _means(rows: Sequence[Row]) -> list[Row]:
    """A row for each method on each noise: means over the pictures, and on how many of them it is the best."""
    found: list[Row] = []
    for noise in dict.fromkeys(row["noise"] for row in rows):
        mine = [row for row in rows if row["noise"] == noise]
        best = {title: max(row["psnr"] for row in mine if row["picture"] == title) for title in {row["picture"] for row in mine}}
        means = [_mean([row for row in mine if row["name"] == name], best) for name in dict.fromkeys(row["name"] for row in mine)]
        found += sorted(means, key=lambda row: float(row["psnr"]), reverse=True)
    return found


def _mean(rows: Sequence[Row], best: Mapping[str, float]) -> Row:
    first = rows[0]
    row: Row = {"measurement": "denoise", "noise": first["noise"], "name": first["name"], "kind": first["kind"]}
    row |= {"pictures": len(rows), "won": sum(one["psnr"] == best[one["picture"]] for one in rows)}
    for key in ("psnr", "ssim", "cpu_seconds"):
        values = [one[key] for one in rows if one[key] is not None]
        row[key] = fmean(values) if values else None
    return row
