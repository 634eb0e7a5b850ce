"""Carrying out a plan: the loop with its watchers, then weights as they will be stored, measured."""

import dataclasses
import hashlib
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch

from ungrid.errors import InputError, TargetNotMet
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fields.storage import STORED
from ungrid.fit.callbacks import Anneal, Callback, HeldOut, Monitor, Refocus
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.kernels.native_library import describe, library
from ungrid.presets.plan import Plan, record_of
from ungrid.presets.predict import Prediction
from ungrid.signals.base import Signal
from ungrid.signals.shape import Shape
from ungrid.spec import lookup, to_spec

CURVE_POINTS = 64  # kept in the file
Stored = Literal["float32", "float16"]
HALF_MOST = 6e4  # float16 ends at 65,504


def carry_out(
    plan: Plan,
    limits: Limits,
    *,
    seed: int,
    device: str,
    guard: Guard,
    callbacks: Sequence[Callback] = (),
    max_memory: int | None = None,
) -> Field:
    """Run a planned fit, round the weights as they will be stored, and measure the result.

    Args:
        plan: what to do; its field is fitted in place and returned, on the CPU.
        limits: how long.
        seed: of the order of batches.
        device: "auto", "cpu" or "cuda".
        guard: of the loop; a checkpoint shares it.
        callbacks: further watchers, called first.
        max_memory: bytes that the fit may take beyond the signal.

    Raises:
        InputError: the fit would need more than `max_memory`.
        Diverged: the fit stayed unstable.
    """
    recipe = plan.field.recipe or Recipe()
    where = choose_device(device)
    steps = recipe.steps if limits.steps is None and limits.max_seconds is None else limits.steps
    field = plan.field.to(where).train()
    plan.problem.to(where)
    state = FitState(field, plan.problem, recipe, seed, max_memory=max_memory)
    if plan.solver is not None and limits.steps != 0:
        plan.solver.run(state, limits, callbacks)
    else:
        watchers = [*callbacks, HeldOut(), Refocus(), Monitor(target_psnr=limits.target_psnr), Anneal()]
        run(state, Budget(steps, limits.max_seconds), watchers, guard)
    field = field.to("cpu").eval()
    plan.problem.to(torch.device("cpu"))
    stored, notes = settle(field, plan.stored, where)
    plan = replace(plan, stored=stored)
    state.notes += notes
    _write_record(field, plan, state, where)
    _compare_with_prediction(field, expected(plan, limits, device))
    return field


def expected(plan: Plan, limits: Limits, device: str) -> Prediction | None:
    """What a plan's fit will take and give within limits; None for a problem that was given."""
    if plan.predicted is None:
        return None
    return plan.predicted.within(limits.steps, limits.max_seconds, device=choose_device(device).type)


def check_target(field: Field, target_psnr: float | None) -> None:
    """Raise TargetNotMet, with the field, if it is below the target."""
    reached = field.metrics.get("quality", {}).get("psnr")
    if target_psnr is None or reached is None or reached >= target_psnr:
        return
    error = TargetNotMet(
        f"reached {reached:.2f} dB of the {target_psnr:g} dB asked for; allow more steps or seconds, or a higher effort (fast, "
        f"balanced, best)"
    )
    error.field = field
    raise error


def choose_device(name: str) -> torch.device:
    """The device to compute on: "auto" takes CUDA where there is one.

    Raises:
        InputError: an unknown name, or CUDA where there is none.
    """
    lookup(name, dict.fromkeys(["auto", "cpu", "cuda"]), "device")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda was asked for, but torch sees no CUDA device here; use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def identity(plan: Plan, limits: Limits, *, seed: int, device: str, signal: Signal | Shape) -> dict[str, Any]:
    """What tells one fit from another: only a fit of the same identity may be resumed."""
    spec = json.dumps(to_spec(plan.field), sort_keys=True)
    return {
        "input": signal.source.get("sha256") or _digest(signal),
        "mask": None if plan.mask is None else hashlib.sha256(plan.mask.numpy().tobytes()).hexdigest(),
        "preset": plan.preset,
        "start": plan.start,
        "field": hashlib.sha256(spec.encode()).hexdigest(),
        "seed": seed,
        "device": str(choose_device(device)),
        **dataclasses.asdict(limits),
    }


def _digest(signal: Signal | Shape) -> str:
    """SHA-256 of what a signal holds."""
    parts = (signal.vertices, signal.faces) if isinstance(signal, Shape) else (signal.values,)
    return hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()


def settle(field: Field, stored: Stored, device: torch.device) -> tuple[Stored, list[str]]:
    """Round the parameters to what the file will hold, so that what is measured is what is decoded; how they are stored in the
    end, and what is to be noted of the fit on a device."""
    notes = []
    if stored != "float32" and not _fits_half(field):
        stored = "float32"
        notes.append("weights beyond float16's range: the file keeps float32")
    if device.type == "cpu" and library() is None:
        notes.append(describe())
    half = STORED[stored]
    if half is not None:
        with torch.no_grad():
            for parameter in field.parameters():
                parameter.copy_(parameter.to(half))
    return stored, notes


def _fits_half(field: Field) -> bool:
    """Whether all weights lie within float16's range."""
    return all(float(p.detach().abs().max()) < HALF_MOST for p in field.parameters() if p.numel())


def _write_record(field: Field, plan: Plan, state: FitState, device: torch.device) -> None:
    record = record_of(plan.problem.signal) if plan.problem.signal is not None else field.record or record_of(None)
    judge = plan.problem.judge
    start = time.monotonic()
    metrics: Mapping[str, Any] = {
        "quality": judge.quality(field) if judge else {},
        "heldout": state.extra.get("heldout") or {},
    }
    seconds = plan.estimating_seconds + state.seconds + time.monotonic() - start
    curve = state.extra.get("curve", [])
    settings = {
        "preset": plan.preset,
        "reason": plan.reason,
        "start": plan.start,
        "steps": state.step,
        "seconds": round(state.seconds, 3),
        "total_seconds": round(seconds, 3),  # with estimating before the loop and measuring after it
        "seed": state.seed,
        "stopped_by": state.stopped_by,
        **circumstances(device),
        "notes": state.notes,
        "curve": curve[:: max(1, -(-len(curve) // CURVE_POINTS))],
    }
    field.record = replace(record, metrics=dict(metrics), fit=settings, stored=plan.stored)


def circumstances(device: torch.device) -> dict[str, Any]:
    """Where and with what a fit ran, as records keep it."""
    return {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "kernels": describe(),
        "torch": str(torch.__version__),
        "machine": platform.machine(),
    }


def _compare_with_prediction(field: Field, predicted: Prediction | None) -> None:
    """Keep in the record what was expected, and note what came out otherwise, unless the fit stopped early."""
    if predicted is None or field.record is None:
        return
    fit = field.record.fit
    fit["predicted"] = predicted.plain()
    if fit["stopped_by"] != "target_psnr":
        fit["notes"] += predicted.misses(fit["total_seconds"], field.metrics["quality"].get("psnr"))
