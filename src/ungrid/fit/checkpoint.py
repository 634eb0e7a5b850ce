"""Checkpoints: a fit that is killed goes on where it was, to the same bits.

What is written is the guard's last snapshot, taken at fixed steps: the continued fit repeats the steps since then
exactly, whenever the kill came. One file holds it all (safetensors, with JSON in its metadata), so that its renaming is
the commit.
"""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open

from ungrid.errors import FormatError, InputError
from ungrid.files import write_beside, writing_error
from ungrid.fit.callbacks import Callback
from ungrid.fit.guard import Guard
from ungrid.fit.state import FitState, Snapshot

STATE_FILE = "state.safetensors"
KEY = "ungrid_fit"


class Checkpoint(Callback):
    """Writes the fit's state beside its output now and then, and removes it at the end.

    Args:
        folder: `OUT.ung.parts`; made when the first state is written.
        guard: the loop's guard, whose snapshots are written.
        identity: plain values that tell one fit from another (input's hash, settings, seed); a resume checks them.
        every_seconds: least time between two writes.
        resume: whether to go on from a state that is there; if not, it is overwritten.
    """

    def __init__(
        self, folder: Path, guard: Guard, identity: Mapping[str, Any], *, every_seconds: float = 30.0, resume: bool = False
    ):
        self.folder, self.guard, self.identity = Path(folder), guard, json.loads(json.dumps(identity))
        self.every_seconds, self.resume = every_seconds, resume
        self._written_step = -1
        self._next = 0.0

    def begin(self, state: FitState) -> None:
        """Continue from the written state, if there is one and it was asked for.

        Raises:
            InputError: the state is of another input or other settings.
            FormatError: the state cannot be read.
        """
        path = self.folder / STATE_FILE
        if self.resume and path.exists():
            snapshot = self._read(path)
            _restore_checked(state, snapshot, path)
            self.guard.last = snapshot
            self._written_step = state.step
            state.notes.append(f"resumed at step {state.step}")
        self._next = time.monotonic() + self.every_seconds

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Write the last snapshot if it is time and it is a new one."""
        if time.monotonic() >= self._next:
            self.write()
            self._next = time.monotonic() + self.every_seconds

    def end(self, state: FitState) -> None:
        """Write the last snapshot if the fit was broken off: by Ctrl-C, or by an error."""
        if state.stopped_by is None:
            self.write()

    def write(self) -> None:
        """Write the guard's last snapshot, beside and renamed.

        Raises:
            MachineError: not writable, disk full.
        """
        snapshot = self.guard.last
        if snapshot is None or snapshot.plain["step"] == self._written_step:
            return
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise writing_error(self.folder, error) from None
        text = json.dumps({"identity": self.identity, "plain": snapshot.plain})
        with write_beside(self.folder / STATE_FILE) as temporary:
            tensors = {name: tensor.contiguous() for name, tensor in snapshot.tensors.items()}
            safetensors.torch.save_file(tensors, temporary, metadata={KEY: text})
        self._written_step = snapshot.plain["step"]

    def remove(self) -> None:
        """Remove the folder, once the output is safely written."""
        if self.folder.is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, path: Path) -> Snapshot:
        try:
            with safe_open(path, framework="pt") as file:
                text = json.loads((file.metadata() or {})[KEY])
                identity, plain = dict(text["identity"]), dict(text["plain"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise FormatError(f"{path} cannot be read ({error}); delete its folder to start again") from None
        if identity != self.identity:
            differs = sorted(key for key in self.identity if identity.get(key) != self.identity[key])
            raise InputError(
                f"cannot resume: {path.parent} is of a fit with another {', '.join(differs)}; start without --resume"
            )
        return Snapshot(tensors, plain)


def _restore_checked(state: FitState, snapshot: Snapshot, path: Path) -> None:
    try:
        state.restore(snapshot)
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        why = " ".join(str(error).split())[:200]
        raise FormatError(f"{path} does not fit this field ({why}); delete its folder to start again") from None
