"""Seconds to a quality on the samples, and the quality between them, beside classical interpolation."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from ungrid.bench.classical import scattered
from ungrid.bench.fits import Fitted, quality, timed_fit
from ungrid.bench.measure import Row, Stopwatch, Timing
from ungrid.bench.pictures import of_pixels
from ungrid.differentiate import gradient
from ungrid.fields.base import Field
from ungrid.metrics.error import psnr
from ungrid.signals.base import Signal
from ungrid.tasks.complete import midpoints

THRESHOLDS = (30.0, 35.0, 40.0)
GRADIENT_POINTS = 16_384  # at once
Fit = Callable[..., Fitted]


def time_to_quality(
    name: str, signal: Signal, presets: Sequence[str], *, steps: int | None = None, seed: int = 0
) -> Iterator[Row]:
    """For each preset the seconds, from a picture in memory, at which all its pixels are at 30, 35 and 40 dB; null for never."""
    for preset in presets:
        fitted = timed_fit(signal, preset, thresholds=THRESHOLDS, steps=steps, seed=seed)
        crossed = {
            f"{clock}_seconds_to_{threshold:.0f}": None if spent is None else getattr(spent, clock)
            for threshold, spent in fitted.crossed.items()
            for clock in ("cpu", "wall")
        }
        yield {
            "measurement": "time_to_quality",
            **_of(name, signal, preset, seed, fitted.spent),
            "psnr": quality(fitted.field, signal),
            "params_per_value": fitted.field.n_params / signal.values.numel(),
            **crossed,
        }


def between_samples(
    name: str, signal: Signal, presets: Sequence[str], *, steps: int | None = None, seed: int = 0
) -> Iterator[Row]:
    """PSNR on pixels that were left out: a random half of them, and every other row and column, which is how zooming sees it.

    Rows of the random half have gradient_error, too: RMS error of the picture's gradient over the gradient's own RMS, the
    truth being central differences of the full picture; differences_error is that of central differences of the result's pixels.
    """
    yield from _random_half(name, signal, presets, steps, seed)
    yield from _even_to_odd(name, signal, presets, steps, seed)


def random_half(signal: Signal, seed: int) -> Tensor:
    """Which pixels are known [h, w]: each with probability one half."""
    return torch.rand(signal.grid.shape, generator=torch.Generator().manual_seed(seed)) < 0.5


def _random_half(name: str, signal: Signal, presets: Sequence[str], steps: int | None, seed: int) -> Iterator[Row]:
    known = random_half(signal, seed)
    for preset in presets:
        fitted = timed_fit(signal, preset, mask=known, steps=steps, seed=seed)
        exact = {"gradient_error": _relative(_gradient(fitted.field), _differences(signal.values))}
        yield _judged(name, signal, preset, seed, fitted.spent, fitted.field.sample(signal.grid), known) | exact
    for method, complete in scattered(signal.grid.shape).items():
        watch = Stopwatch()
        completed = complete(signal.values, known)
        yield _judged(name, signal, method, seed, watch.spent(), completed, known)


def _judged(name: str, signal: Signal, method: str, seed: int, spent: Timing, completed: Tensor, known: Tensor) -> Row:
    shown = signal.shown(completed)
    return {
        "measurement": "between_samples",
        "known": "random half",
        **_of(name, signal, method, seed, spent),
        "heldout_psnr": psnr(shown[~known], signal.values[~known]),
        "differences_error": _relative(_differences(completed), _differences(signal.values)),
    }


def _even_to_odd(name: str, signal: Signal, presets: Sequence[str], steps: int | None, seed: int) -> Iterator[Row]:
    half = of_pixels(signal, signal.values[::2, ::2])
    rows, columns = (2 * n - 1 for n in half.grid.shape)
    truth = signal.values[:rows, :columns][1::2, 1::2]

    def judged(method: str, spent: Timing, fine: Tensor) -> Row:
        odd = signal.shown(fine[1::2, 1::2])
        made = _of(name, signal, method, seed, spent)
        return {"measurement": "between_samples", "known": "even pixels", **made, "heldout_psnr": psnr(odd, truth)}

    for preset in presets:
        fitted = timed_fit(half, preset, steps=steps, seed=seed)
        yield judged(preset, fitted.spent, fitted.field.sample(half.grid.with_midpoints()))
    watch = Stopwatch()
    fine = midpoints(half.values)
    yield judged("cubic convolution", watch.spent(), fine)


def _of(name: str, signal: Signal, method: str, seed: int, spent: Timing) -> Row:
    return {
        "picture": name,
        "shape": [*signal.grid.shape, signal.out_dim],
        "name": method,
        "seed": seed,
        "threads": torch.get_num_threads(),
        "cpu_seconds": spent.cpu,
        "wall_seconds": spent.wall,
    }


def _gradient(field: Field) -> Tensor:
    """The field's own gradient [h - 2, w - 2, c, 2] at the centers of all pixels but those of the border, per pixel."""
    points = field.grid().points()[1:-1, 1:-1]
    parts = [gradient(field, part).detach() for part in points.reshape(-1, 2).split(GRADIENT_POINTS)]
    return torch.cat(parts).reshape(*points.shape[:-1], field.out_dim, 2)


def _differences(values: Tensor) -> Tensor:
    """Central differences [h - 2, w - 2, c, 2] of a picture [h, w, c], per pixel."""
    down, across = values[2:, 1:-1] - values[:-2, 1:-1], values[1:-1, 2:] - values[1:-1, :-2]
    return torch.stack([down, across], dim=-1) / 2


def _relative(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).double().square().sum().sqrt() / truth.double().square().sum().sqrt())
