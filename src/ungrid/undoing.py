"""What can be undone in sounds and volumes, and the field of what comes of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.lattice import LatticeField
from ungrid.fields.record import Record
from ungrid.fitting import circumstances
from ungrid.restoration.slice_losses import ThickSlices
from ungrid.restoration.slices import restore_slices
from ungrid.restoration.sound import restore_sound
from ungrid.restoration.sound_bandwidth import Bandwidth
from ungrid.restoration.sound_losses import Clipping, Gaps
from ungrid.restoration.undone import Undone
from ungrid.signals.base import Signal
from ungrid.verbs import as_signal

# of a kind of signal, the losses that can be undone, and what undoes them: signal, losses, method → what came of it
UNDOES: Mapping[str, tuple[tuple[type, ...], Callable[[Signal, Sequence[Any], str], Undone]]] = {
    "audio": ((Clipping, Gaps, Bandwidth), restore_sound),
    "volume": ((ThickSlices,), restore_slices),
}


def as_restorable(source: Any) -> Signal:
    """The signal of a source.

    Raises:
        InputError: of a kind that cannot be restored.
    """
    signal = as_signal(source)
    if signal.kind not in ("image", *UNDOES):
        raise InputError(f"only signals of the kinds image, {', '.join(UNDOES)} can be restored; this is of kind {signal.kind}")
    return signal


def check_losses(signal: Signal, losses: tuple[Any, ...], is_alone: bool) -> None:
    """Raise InputError for losses that are none of this kind of signal, or options that are for pictures."""
    if signal.kind not in UNDOES:
        kinds = ", ".join(kind for kind, (types, _) in UNDOES.items() if isinstance(losses[0], types))
        whose = f"{type(losses[0]).__name__} is undone in {kinds}" if kinds else f"{losses[0]!r} is no loss that is known"
        raise InputError(f"{whose}; this is of kind {signal.kind}")
    types, _ = UNDOES[signal.kind]
    names = " or ".join(each.__name__ for each in types)
    if not is_alone:
        raise InputError(
            f"denoise, upscale, deblur, inpaint and shots are for pictures; of kind {signal.kind}, {names} can be undone"
        )
    if not losses:
        raise InputError(f"say what to undo in a signal of kind {signal.kind}: {names}")
    for loss in losses:
        if not isinstance(loss, types):
            raise InputError(f"{loss!r} cannot be undone in a signal of kind {signal.kind}; expected {names}")


def without_losses(signal: Signal, losses: tuple[Any, ...], method: str, seed: int, where: torch.device) -> Field:
    """The field of a signal whose losses are undone."""
    start = time.monotonic()
    losses = tuple(_with_stacks(loss) if isinstance(loss, ThickSlices) else loss for loss in losses)
    found = UNDOES[signal.kind][1](signal, losses, method)
    field = LatticeField.of(found.grid.box, found.values.float()).eval()
    source, notes = dict(signal.source), []
    peak = float(found.values.abs().max())
    if signal.kind == "audio" and found.grid != signal.grid:
        source |= {"sample_rate": round(1 / found.grid.spacing[0]), "n_samples": len(found.values)}
    if signal.kind == "audio" and source.get("sample_format") == "int" and peak > 1:
        source |= {"sample_format": "float", "bit_depth": 32}
        notes = [f"peaks reach {peak:.3g} of full scale, so samples are floats"]
    field.record = Record(signal.kind, found.grid.shape, signal.channels, source, signal.blobs, fit=_told(found, method))
    seconds = round(time.monotonic() - start, 3)
    field.record.fit.update(seconds=seconds, total_seconds=seconds, notes=notes, seed=seed, **circumstances(where))
    return field


def _with_stacks(loss: ThickSlices) -> ThickSlices:
    """The same with signals where paths or arrays were given."""
    return replace(loss, stacks=tuple(as_signal(stack) for stack in loss.stacks))


def _told(found: Undone, method: str) -> dict[str, Any]:
    """What was done, as a record keeps it."""
    return {
        "preset": "restore",
        "reason": found.reason,
        "method": method,
        "noise": found.losses,
        "shares": found.shares,
        "classical": found.classical,
        "heldout": found.heldout,
        "candidate_seconds": found.seconds,
        "residual": None,
        "steps": 0,
        "stopped_by": found.stopped_by,
        "papers": list(found.papers),
    }
