"""Methods of tomography beside each other where there is no truth: by how well they predict views they have not seen."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ungrid.classical.filtered_back_projection import filtered_back_projection
from ungrid.classical.iterative_ct import sirt
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fit.callbacks import Callback
from ungrid.measurements.line_integrals import LineIntegral
from ungrid.reconstructing import Scan, finer_of, reconstruct

EVERY_VIEW, FIRST_VIEW = 5, 4  # of the views: others than those by which the strength of the prior is chosen
SIRT_ITERATIONS = (10, 30, 100)


def compare_classical(scan: Scan, *, callbacks: Sequence[Callback] = ()) -> dict[str, dict[str, float]]:
    """Relative error at every fifth view, and seconds, of each method given the others; the smallest error is the best.

    Raises: InputError: too few views to keep some out.
    """
    n_views = len(scan.measured)
    if n_views < 2 * EVERY_VIEW:
        raise InputError(f"{n_views} views are too few to keep every fifth out; a comparison needs at least {2 * EVERY_VIEW}")
    unseen = torch.arange(n_views) % EVERY_VIEW == FIRST_VIEW
    given, asked = _views(scan, ~unseen), _views(scan, unseen)
    sensor, judge = (LineIntegral(scan.pixels, part.scanner) for part in (given, asked))
    methods: dict[str, Callable[[], Tensor]] = {f"FBP {window}": partial(_fbp, given, window) for window in ("ramp", "hann")}
    methods |= {f"SIRT {n}": partial(sirt, given.measured, sensor, iterations=n) for n in SIRT_ITERATIONS}
    methods["TV on pixels"] = lambda: reconstruct(given, finer=1, callbacks=callbacks).samples.detach()
    if finer_of(scan.pixels) > 1:
        methods["field"] = lambda: reconstruct(given, callbacks=callbacks).samples.detach()
    report = {}
    for name, method in methods.items():
        begun = time.monotonic()
        found = method()
        seconds = time.monotonic() - begun
        seer = judge if found.shape[:-1] == scan.pixels.shape else LineIntegral(_lattice(scan, found), asked.scanner)
        report[name] = {"relative_error": _missed(asked, seer.A(found)), "seconds": round(seconds, 3)}
    return report


def _views(scan: Scan, chosen: Tensor) -> Scan:
    """Some of the views of a scan."""
    angles = [angle for angle, kept in zip(scan.scanner.angles, chosen.tolist(), strict=True) if kept]
    weights = scan.weights[chosen] if scan.weights.ndim else scan.weights
    return Scan(scan.measured[chosen], weights, replace(scan.scanner, angles=angles), scan.pixels)


def _fbp(scan: Scan, window: str) -> Tensor:
    return filtered_back_projection(scan.measured[..., 0], scan.scanner, scan.pixels, window=window)[..., None]


def _lattice(scan: Scan, values: Tensor) -> Grid:
    return replace(scan.pixels, shape=tuple(values.shape[:-1]))


def _missed(scan: Scan, seen: Tensor) -> float:
    """√(Σ weight (seen − measured)² / Σ weight measured²)."""
    missed, all_of_it = ((scan.weights * each.square()).sum() for each in (seen - scan.measured, scan.measured))
    return math.sqrt(float(missed / all_of_it.clamp_min(1e-30)))
