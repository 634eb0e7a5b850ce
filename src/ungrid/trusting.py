"""Fits that know how far off they are: which samples are kept, the posterior or the ensemble, then calibration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.ensemble import EnsembleField
from ungrid.fields.laplace import LaplaceField
from ungrid.fields.uncertain import UncertainField
from ungrid.fit.calibrate import LEAST_SPREAD, calibrate, keep_for_calibration, samples_at
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fit.posterior import settle_posterior
from ungrid.fitting import carry_out
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.tasks.represent import represent
from ungrid.verbs import as_mask, as_signal, make_plan, progress_bars

METHODS = ("laplace", "ensemble")
MEMBERS = 5  # Lakshminarayanan et al. 2017


def uncertainty(
    signal: Any,
    method: str = "laplace",
    *,
    preset: str = "auto",
    steps: int | None = None,
    max_seconds: float | None = None,
    seed: int = 0,
    device: str = "auto",
    mask: Any = None,
    n_members: int = MEMBERS,
) -> UncertainField:
    """Fit a field to a signal that also gives a standard deviation and intervals: `.deviation(coords)`, `.interval(coords, 0.9)`.

    2 % of the known samples, at least 1,000 and at most 20,000 or a fifth, are never fitted and calibrate it.

    Args:
        signal: a signal, a path or an array.
        method: "laplace" (one fit) or "ensemble" (`n_members` fits, and a better mean).
        preset, steps, max_seconds, device, mask: of each fit, as in `fit`.
        seed: of weights, batches and the samples kept; each further member has the next one.
        n_members: of an ensemble, at least 2.

    Raises:
        InputError: fewer than 200 known samples, or a preset whose field has no linear last layer for "laplace".
        UnknownName: no such method.

    Example:
        >>> import numpy, ungrid as ug
        >>> field = ug.uncertainty(numpy.random.default_rng(0).random((16, 16)), steps=5)
        >>> field.deviation([[4.0, 4.0]]).shape
        torch.Size([1, 1])
    """
    source, limits = as_signal(signal), Limits(steps, max_seconds)
    parts = split(source, None if mask is None else as_mask(mask), seed=seed)
    plans = [make_plan(source, preset=preset, seed=seed + member, mask=parts.mask) for member in range(n_fits(method, n_members))]
    if method == "laplace":
        check_laplace(plans[0].field, source)
    members = [
        carry_out(plan, limits, seed=seed + at, device=device, guard=Guard(), callbacks=progress_bars())
        for at, plan in enumerate(plans)
    ]
    return trust(method, members, source, parts, seed=seed)


@dataclass(frozen=True)
class Split:
    """Which samples of a signal a fit may see, and which are kept for calibration.

    Args:
        mask: [*shape] booleans, what the fit is given.
        fitted: indices of these, rising.
        kept: indices of those for calibration, rising.
    """

    mask: Tensor
    fitted: Tensor
    kept: Tensor


def split(signal: Signal, mask: Tensor | None, *, seed: int) -> Split:
    """Keep 2 % of the known samples for calibration: at least 1,000, at most 20,000 or a fifth.

    Args:
        signal: what will be fitted.
        mask: [*shape] which samples are known; None for all.
        seed: of the choice.

    Raises:
        InputError: fewer than 200 known samples, a mask of another shape, or samples off the grid.
    """
    if mask is not None and tuple(mask.shape) != signal.grid.shape:
        raise InputError(f"the mask has shape {tuple(mask.shape)}, the signal {signal.grid.shape}; they must be equal")
    if signal.places is not None or (signal.known is not None and signal.known.shape == signal.values.shape):
        raise InputError("uncertainty is calibrated on whole samples of a grid; this signal has irregular times or single gaps")
    if signal.known is not None:
        mask = signal.known if mask is None else mask & signal.known
    known = torch.ones(signal.grid.size, dtype=torch.bool) if mask is None else mask.flatten().clone()
    index = known.nonzero().squeeze(-1)
    kept = index[keep_for_calibration(len(index), seed)]
    known[kept] = False
    return Split(known.reshape(signal.grid.shape), known.nonzero().squeeze(-1), kept)


def n_fits(method: str, members: int) -> int:
    """How many fits a method takes.

    Raises:
        UnknownName: no such method.
    """
    lookup(method, dict.fromkeys(METHODS), "method of uncertainty")
    return members if method == "ensemble" else 1


def check_laplace(field: Field, signal: Signal) -> None:
    """Raise InputError unless the last layer of a field can have a posterior: asked before a long fit."""
    if not isinstance(field, EncodedField):
        raise InputError(
            f"a Laplace approximation takes an encoding with a network behind it, and this is a {type(field).__name__}; "
            f"take an ensemble"
        )
    with torch.device("meta"):
        LaplaceField(field, signal.grid.spacing)


def trust(method: str, fields: Sequence[Field], signal: Signal, parts: Split, *, seed: int = 0) -> UncertainField:
    """Fitted fields as one that gives standard deviations and intervals, calibrated, with a record.

    Args:
        method: "laplace" of the first field, or "ensemble" of all.
        fields: fitted to `parts.mask`, on the CPU.
        signal: what they were fitted to.
        parts: which samples they saw, and which they did not.
        seed: of the calibration's parts.

    Raises:
        InputError: fields that the method does not suit.
    """
    samples = partial(samples_at, signal)
    chunks = parts.fitted.split(fields[0].chunk_points())
    field: UncertainField
    found: dict[str, Any] = {"method": method}
    if method == "laplace":
        check_laplace(fields[0], signal)
        assert isinstance(fields[0], EncodedField)
        field = LaplaceField(fields[0], signal.grid.spacing)
        found["ratio"] = settle_posterior(field, (samples(part, field) for part in chunks))
    else:
        field = EnsembleField(tuple(fields), signal.grid.spacing)
        field.noise.copy_(_misfit(field, [samples(part, field) for part in chunks]))
        found["n_members"] = len(fields)
    found |= calibrate(field, *samples(parts.kept, field), seed=seed)
    _write_record(field, fields, signal, parts, found)
    return field.eval()


@torch.no_grad()
def _misfit(field: Field, samples: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean squared misfit of each channel."""
    total = torch.stack([(field(coords) - values).double().square().sum(dim=0) for coords, values in samples]).sum(dim=0)
    return (total / sum(len(values) for _, values in samples)).clamp_min(LEAST_SPREAD**2)


def _write_record(field: UncertainField, fields: Sequence[Field], signal: Signal, parts: Split, found: dict[str, Any]) -> None:
    """The first fit's record, with the sums of all, measured on the whole field; held out is what calibrated it."""
    records = [member.record for member in fields]
    first = records[0]
    field.recipe = fields[0].recipe
    if first is None:
        return
    whole = len(parts.fitted) + len(parts.kept) == signal.grid.size
    kept = torch.zeros(signal.grid.size, dtype=torch.bool)
    kept[parts.kept] = True
    fits = [record.fit for record in records if record is not None]
    sums = {key: sum(fit[key] for fit in fits) for key in ("steps", "seconds", "total_seconds") if key in first.fit}
    notes = [note for fit in fits for note in fit.get("notes", [])]
    metrics = {
        "quality": _quality(field, signal, None if whole else parts.mask),
        "heldout": _quality(field, signal, kept.reshape(parts.mask.shape)) | {"n_samples": len(parts.kept)},
    }
    field.record = replace(first, metrics=metrics, fit=first.fit | sums | {"notes": notes, "uncertainty": found})


def _quality(field: Field, signal: Signal, mask: Tensor | None) -> dict[str, Any]:
    judge = represent(signal, mask=mask, heldout=0.0).judge
    assert judge is not None
    return judge.quality(field)
