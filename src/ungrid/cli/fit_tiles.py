"""`ungrid fit` of a signal that is fitted in tiles: what is said, the progress, the report."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from ungrid.cli.command import parse_bytes, plain
from ungrid.errors import InputError, TargetNotMet

LINE_SECONDS = 10.0  # between two lines where a bar cannot be drawn
MOST_WORKERS = 1024
NOT_FOR_TILES = ("mask", "uncertainty", "start", "tune", "log", "tensorboard")


def fit_large(options: Any, output: Path, limits: Any) -> dict[str, Any]:
    """Fit in tiles by the options of `ungrid fit`, say how it goes, report.

    Raises:
        InputError: an option that does not go with tiles.
        TargetNotMet: some tiles failed, or the target was not reached; what succeeded is written.
    """
    from ungrid import fitting, tiling
    from ungrid.files import check_writable
    from ungrid.fit.engines import check_engine
    from ungrid.tile_parts import parts_of

    _check(options, output)
    check_writable(output)
    check_engine(options.engine)
    with parts_of(output) as folder:
        field, failed, n_values = _fit(options, output, limits)
    report: dict[str, Any] = options.report_of(field, output, n_values)
    try:
        tiling.check_complete(field, failed)
        shutil.rmtree(folder, ignore_errors=True)
        fitting.check_target(field, options.target_psnr)
    except TargetNotMet as error:
        error.report = plain(report)
        raise
    return report


def _check(options: Any, output: Path) -> None:
    """Raise InputError for options that do not go with tiles."""
    given = [name for name in NOT_FOR_TILES if getattr(options, name)]
    if given:
        raise InputError(f"--{given[0]} is for signals that are fitted in one piece, and this one is fitted in tiles")
    if output.resolve() == options.source.resolve():
        raise InputError(f"cannot write the field to {output}: that is the input; give another name with -o")
    if options.workers is not None and not 1 <= options.workers <= MOST_WORKERS:
        raise InputError(f"--workers is {options.workers}; expected 1 to {MOST_WORKERS}")


def _fit(options: Any, output: Path, limits: Any) -> tuple[Any, list[str], int]:
    """The fitted field, what failed, and the number of values of the input."""
    from ungrid import tiling
    from ungrid.presets.tiles import plan_tiles
    from ungrid.signals.large_open import open_large
    from ungrid.tile_parts import parts_folder

    signal = open_large(options.source, options.as_kind, parts_folder(output), options.part())
    plan = plan_tiles(
        signal,
        options.preset,
        side=options.tile,
        seed=options.seed,
        max_bytes=None if options.max_bytes is None else parse_bytes(options.max_bytes),
        max_memory=options.memory,
    )
    size = "×".join(str(n) for n in reversed(signal.grid.shape))
    options.say(f"{options.source.name}: {signal.outline.kind} of {size} samples, {signal.n_values:,} values, fitted in tiles")
    for line in (plan.describe(), *signal.notes):
        options.say(line)
    field, failed = tiling.fit_tiles(
        signal,
        plan,
        output,
        limits=limits,
        workers=options.workers or os.cpu_count() or 1,
        engine=options.engine,
        device=options.device,
        max_memory=options.memory,
        resume=options.resume,
        watch=None if options.quiet else TilesBar(signal.grid.size / plan.n_tiles),
    )
    for line in failed:
        print(line, file=sys.stderr)
    return field, failed, signal.n_values


class TilesBar:
    """Tiles done, samples a second, time left: a bar where standard error is a terminal, a line every ten seconds elsewhere.

    Args:
        samples: of a tile.
    """

    def __init__(self, samples: float):
        self._samples, self._begin, self._told, self._here = samples, time.monotonic(), time.monotonic(), 0
        self._bar: Any = None

    def __call__(self, outcome: Any, done: int, n: int) -> None:
        """After each tile."""
        self._here += 1
        seconds = max(time.monotonic() - self._begin, 1e-9)
        left = seconds / self._here * (n - done)
        psnr = (
            "" if outcome.result is None or outcome.result["psnr"] is None else f", the last at {outcome.result['psnr']:.1f} dB"
        )
        text = f"{done} of {n} tiles, {self._here * self._samples / seconds / 1e6:.3f} million samples/s{psnr}, {left:.0f} s left"
        if sys.stderr.isatty():
            self._draw(text, done, n)
        elif time.monotonic() - self._told >= LINE_SECONDS or done == n:
            print(text, file=sys.stderr, flush=True)
            self._told = time.monotonic()

    def _draw(self, text: str, done: int, n: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        if self._bar is None:
            self._bar = Progress(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("starting", total=n)
            self._bar.start()
        self._bar.update(self._task, completed=done, description=text)
        if done == n:
            self._bar.stop()
