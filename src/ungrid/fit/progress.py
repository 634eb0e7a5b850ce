"""The progress bar: fraction done, PSNR, steps per second, time left; on standard error."""

import sys
from collections.abc import Mapping

from ungrid.fit.callbacks import Callback
from ungrid.fit.state import FitState

LINE_SECONDS = 10.0  # between two lines where a bar cannot be drawn


class ProgressBar(Callback):
    """Draws a bar where standard error is a terminal; prints a plain line every ten seconds where it is not."""

    def begin(self, state: FitState) -> None:
        """Start the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._seconds = state.seconds
        self._bar = None
        self._from = (state.step, state.seconds)
        if sys.stderr.isatty():
            columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("starting", total=1.0)
            self._bar.start()

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Move it."""
        if self._bar is not None:
            self._bar.update(self._task, completed=state.progress, description=_describe(state, *self._from))
        elif state.seconds >= self._seconds + LINE_SECONDS:
            left = state.seconds * (1 / max(state.progress, 1e-9) - 1)
            print(
                f"{100 * state.progress:3.0f} %  {_describe(state, *self._from)}  {left:.0f} s left", file=sys.stderr, flush=True
            )
            self._seconds = state.seconds

    def end(self, state: FitState) -> None:
        """Take the bar away, and say what happened on the way."""
        if self._bar is not None:
            self._bar.stop()
        for note in state.notes:
            print(note, file=sys.stderr)


def _describe(state: FitState, first_step: int, first_seconds: float) -> str:
    quality = "" if state.psnr is None else f"{state.psnr:5.2f} dB  "
    rate = (state.step - first_step) / max(state.seconds - first_seconds, 1e-9)
    return f"{quality}step {state.step}  {rate:.1f} steps/s"
