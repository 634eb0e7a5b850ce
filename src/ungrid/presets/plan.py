"""The plan of a fit, made before it starts: which field, which problem, how the weights are stored, why, and what to expect."""

import time
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.record import Record
from ungrid.fields.storage import file_bytes
from ungrid.fit.problem import Problem
from ungrid.presets.auto import EFFORTS, choose
from ungrid.presets.predict import Machine, Prediction, predict
from ungrid.presets.table import PUBLISHED
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.tasks.represent import represent

AUTO = "auto"
DEFAULT_EFFORT = "balanced"
NAMES = (AUTO, *EFFORTS, *PUBLISHED)


@dataclass(frozen=True)
class Plan:
    """What a fit is going to do.

    Args:
        field: with its recipe and record.
        problem: what is known.
        preset: the name that was asked for.
        stored: how the weights will be written.
        reason: what was chosen and why, in words.
        mask: [*shape] which samples are known, or None for all.
        predicted: what the fit will take and give if nothing limits it; None for a problem that was given.
        estimating_seconds: of wall time that stating the problem took.
    """

    field: Field
    problem: Problem
    preset: str
    stored: Literal["float32", "float16"]
    reason: str
    mask: Tensor | None = None
    predicted: Prediction | None = None
    estimating_seconds: float = 0.0


def plan_signal(
    signal: Signal,
    preset: str = AUTO,
    *,
    seed: int = 0,
    max_bytes: int | None = None,
    mask: Bool[Tensor, "*shape"] | None = None,
    max_memory: int | None = None,
) -> Plan:
    """Choose the field for a signal and state the problem of representing it.

    Args:
        signal: what will be fitted.
        preset: "auto", "fast", "balanced", "best", or a published setting.
        seed: of weights and held-out samples.
        max_bytes: most bytes of the file; efforts size the field to it, published settings are refused if they exceed it.
        mask: [*shape] which samples are known; None for all. Efforts estimate the others first; published settings leave
            them out.
        max_memory: bytes that estimating may take; None for the task's own limit.

    Raises:
        InputError: `max_bytes` cannot be kept.
        UnknownName: no such preset.
    """
    lookup(preset, dict.fromkeys(NAMES), "preset")
    stored: Literal["float32", "float16"] = "float32"
    if preset == AUTO or preset in EFFORTS:
        choice = choose(signal, DEFAULT_EFFORT if preset == AUTO else preset, max_bytes=max_bytes, seed=seed)
        field, stored, reason, estimates = choice.field, choice.stored, choice.reason, choice.estimates
    else:
        estimates = "none"
        builder = PUBLISHED[preset]
        field = builder(signal.box, signal.out_dim, seed=seed)
        reason = f"{preset}: {(builder.__doc__ or '').splitlines()[0]} {field.n_params:,} parameters"
    field.record = record_of(signal, stored)
    size = file_bytes(field, stored)
    if max_bytes is not None and size > max_bytes:
        raise InputError(
            f"preset {preset} gives a file of about {size:,} bytes, above --max-bytes {max_bytes:,}; use --preset auto, "
            f"which sizes the field to it"
        )
    n_known = None if mask is None else int(mask.sum())
    predicted = predict(signal, field, stored, estimates, Machine.here(), n_known=n_known)
    start = time.monotonic()
    order = field.recipe.order if field.recipe else "shuffled"
    every_level = isinstance(field, MultiscaleField)
    problem = represent(
        signal, mask=mask, order=order, estimates=estimates, every_level=every_level, max_memory=max_memory, seed=seed
    )
    return Plan(field, problem, preset, stored, reason, mask, predicted, time.monotonic() - start)


def record_of(signal: Signal | None, stored: Literal["float32", "float16"] = "float32") -> Record:
    """The record of a field that stands for a signal; an empty one for None."""
    if signal is None:
        return Record(kind="", shape=(), channels=())
    return Record(signal.kind, signal.grid.shape, signal.channels, signal.source, signal.blobs, stored=stored)
