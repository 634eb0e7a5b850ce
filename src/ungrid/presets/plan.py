"""The plan of a fit, made before it starts: which field, which problem, how the weights are stored, why, and what to expect."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.record import Record
from ungrid.fields.storage import file_bytes
from ungrid.fit.callbacks import Callback
from ungrid.fit.problem import Problem
from ungrid.fit.solver import Solver
from ungrid.presets.auto import EFFORTS, choose
from ungrid.presets.choice import Choice
from ungrid.presets.fit_out import fitted_out, index_box
from ungrid.presets.predict import Machine, Prediction, predict
from ungrid.presets.start import Start, digest
from ungrid.presets.table import PUBLISHED
from ungrid.presets.tune import tune
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
        estimating_seconds: of wall time that choosing the field and stating the problem took.
        start: method and SHA-256 of the weights that the fit begins from, where they are not the preset's own.
        solver: finds the weights at once; None for descent.
    """

    field: Field
    problem: Problem
    preset: str
    stored: Literal["float32", "float16"]
    reason: str
    mask: Tensor | None = None
    predicted: Prediction | None = None
    estimating_seconds: float = 0.0
    start: dict[str, str] | None = None
    solver: Solver | None = None


def plan_signal(
    signal: Signal,
    preset: str = AUTO,
    *,
    seed: int = 0,
    max_bytes: int | None = None,
    mask: Bool[Tensor, "*shape"] | None = None,
    max_memory: int | None = None,
    tuned: bool = False,
    start: Start | None = None,
    callbacks: Sequence[Callback] = (),
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
        tuned: whether the frequencies of a published setting are chosen for the signal, by `presets.tune`.
        start: where the fit begins; with "auto" its own structure is fitted.
        callbacks: watch the trials of tuning.

    Raises:
        InputError: `max_bytes` cannot be kept, or a preset without frequencies is to be tuned.
        UnknownName: no such preset.
    """
    began = time.monotonic()
    lookup(preset, dict.fromkeys(NAMES), "preset")
    if mask is not None and tuple(mask.shape) != signal.grid.shape:
        raise InputError(f"the mask has shape {tuple(mask.shape)}, the signal {signal.grid.shape}; they must be equal")
    if mask is not None:
        signal = replace(signal, known=_both(signal.known, mask))
    mask = signal.known_samples
    if tuned:
        found = tune(signal, preset, mask=mask, seed=seed, callbacks=callbacks)
        choice = _published(signal, preset, {found.parameter: found.value}, seed, f"{found.describe()}; ")
    else:
        choice = _chosen(signal, preset, start, max_bytes, seed)
    field, stored, estimates, reason = choice.field, choice.stored, choice.estimates, choice.reason
    if start is not None and (tuned or preset != AUTO):
        field, reason = start.begin(field), f"{reason}, from other weights than its own"
    field.record = record_of(signal, stored)
    size = file_bytes(field, stored)
    if max_bytes is not None and size > max_bytes:
        raise InputError(
            f"preset {preset} gives a file of about {size:,} bytes, above --max-bytes {max_bytes:,}; use --preset auto, "
            f"which sizes the field to it"
        )
    n_known = None if mask is None else int(mask.sum())
    predicted = predict(signal, field, stored, estimates, Machine.here(), n_known=n_known)
    order = field.recipe.order if field.recipe else "shuffled"
    every_level = isinstance(field, MultiscaleField)
    problem = represent(
        signal, mask=mask, order=order, estimates=estimates, every_level=every_level, max_memory=max_memory, seed=seed
    )
    begun_from = None if start is None else {"method": start.method, "sha256": digest(field)}
    solver = choice.solver if start is None else None
    return Plan(field, problem, preset, stored, reason, mask, predicted, time.monotonic() - began, begun_from, solver)


def _chosen(signal: Signal, preset: str, start: Start | None, max_bytes: int | None, seed: int) -> Choice:
    """The start's own field where no other is said, the default of the signal's kind, or a published setting's."""
    if preset == AUTO and start is not None:
        field = start.begin(None)
        return Choice(field, "float32", "none", f"the field of the start, {field.n_params:,} parameters, by its recipe")
    if preset == AUTO or preset in EFFORTS:
        return choose(signal, DEFAULT_EFFORT if preset == AUTO else preset, max_bytes=max_bytes, seed=seed)
    return _published(signal, preset, {}, seed)


def _both(known: Tensor | None, mask: Tensor) -> Tensor:
    """What is known [*shape] or [*shape, c] and in the mask [*shape], too."""
    if known is None:
        return mask
    return known & (mask if known.shape == mask.shape else mask[..., None])


def _published(signal: Signal, preset: str, options: dict[str, float], seed: int, why: str = "") -> Choice:
    """The field of a published setting, and what it is in words."""
    builder = PUBLISHED[preset]
    field = fitted_out(builder(index_box(signal.grid), signal.out_dim, seed=seed, **options), signal)
    reason = f"{why}{preset}: {(builder.__doc__ or '').splitlines()[0]} {field.n_params:,} parameters"
    return Choice(field, "float32", "none", reason)


def record_of(signal: Signal | None, stored: Literal["float32", "float16"] = "float32") -> Record:
    """The record of a field that stands for a signal; an empty one for None."""
    if signal is None:
        return Record(kind="", shape=(), channels=())
    return Record(signal.kind, signal.grid.shape, signal.channels, signal.source, signal.blobs, stored=stored)
