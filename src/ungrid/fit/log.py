"""Logs of a fit: JSON lines, and TensorBoard."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ungrid.errors import MissingExtra
from ungrid.files import writing_error
from ungrid.fit.callbacks import Callback
from ungrid.fit.state import FitState


class JsonLog(Callback):
    """One JSON object a line: step, seconds, the loss of each term, PSNR when it was measured.

    Args:
        path: of the file, which a new fit overwrites and a resumed one continues.
        every_seconds: least time between two lines.
    """

    def __init__(self, path: Path, *, every_seconds: float = 0.5):
        self.path, self.every_seconds = Path(path), every_seconds
        self._next = 0.0

    def begin(self, state: FitState) -> None:
        """Open the file."""
        try:
            self._file = open(self.path, "a" if state.step else "w", encoding="utf-8")  # noqa: SIM115  # closed in end
        except OSError as error:
            raise writing_error(self.path, error) from None

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Write a line if it is time."""
        if time.monotonic() >= self._next:
            self._write(state, losses)
            self._next = time.monotonic() + self.every_seconds

    def end(self, state: FitState) -> None:
        """Write how the fit ended, and close."""
        if hasattr(self, "_file"):
            self._write(state, {}, stopped_by=state.stopped_by, notes=state.notes)
            self._file.close()

    def _write(self, state: FitState, losses: Mapping[str, float], **more: Any) -> None:
        psnr = state.psnr if state.psnr is not None and math.isfinite(state.psnr) else None  # null for an exact match
        line = {"step": state.step, "seconds": round(state.seconds, 3), "psnr": psnr, "losses": dict(losses)}
        self._file.write(json.dumps(line | more) + "\n")
        self._file.flush()


class TensorBoardLog(Callback):
    """Scalars for TensorBoard: the loss of each term, PSNR, the learning rate.

    Args:
        folder: of the event files.
        every: steps between two points.

    Raises:
        MissingExtra: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, *, every: int = 10):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except Exception:
            raise MissingExtra("tensorboard", "track", "a TensorBoard log") from None
        self.folder, self.every = Path(folder), every
        self._writer = SummaryWriter(str(folder))

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Add the points of this step."""
        if state.step % self.every:
            return
        scalars = {f"loss/{name}": loss for name, loss in losses.items()}
        scalars["learning_rate"] = state.optimizer.param_groups[0]["lr"]
        if state.psnr is not None:
            scalars["psnr"] = state.psnr
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, state.step)

    def end(self, state: FitState) -> None:
        """Close the event file."""
        self._writer.close()
