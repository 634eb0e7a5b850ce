"""Fit the signals of one stack together, and hand back ordinary fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import Diverged
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fields.stacked import StackedField
from ungrid.fit.callbacks import Callback, Refocus
from ungrid.fit.loop import Budget, run
from ungrid.fit.many import MemberGuard, MemberMisfit, MemberSampler, MemberTarget
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState
from ungrid.fitting import Stored, choose_device, circumstances, settle
from ungrid.many.jobs import Settings
from ungrid.presets.auto import usual_values
from ungrid.presets.many import StackChoice, choose_many
from ungrid.presets.plan import DEFAULT_EFFORT, record_of
from ungrid.signals.base import Signal
from ungrid.tasks.complete import midpoints, refined
from ungrid.tasks.judge import quality

STORED: Stored = "float16"
MARGIN = 0.25  # dB beyond a target that a member must reach before it stops: rounding its weights may take as much


@dataclass(frozen=True, eq=False)
class FittedStack:
    """What a stack's loop leaves behind: the field of all members, what is said of each, and those that diverged."""

    field: StackedField
    settings: dict[str, Any]
    stopped: dict[int, str]
    rollbacks: list[int]


def fit_stack(signals: Sequence[Signal], settings: Settings) -> list[Field | Diverged]:
    """A field for each signal, or why there is none: fitted at once, unaffected by each other, each with its own record.

    Args:
        signals: of one kind, shape and channels; their boxes may differ.
        settings: of the fit; `max_seconds` are those of one member, which has its share of the stack's time.
    """
    fitted = run_stack(signals, settings)
    return [_apart(fitted, index, signal) for index, signal in enumerate(signals)]


def run_stack(signals: Sequence[Signal], settings: Settings) -> FittedStack:
    """Fit all members by the one loop."""
    choice = choose_many(signals[0], settings.effort or DEFAULT_EFFORT, seed=settings.seed)
    ranges = [usual_values(signal) for signal in signals]
    field = StackedField(choice.field, [(high - low, (low + high) / 2) for low, high in ranges])
    recipe = field.recipe or Recipe()
    where = choose_device(settings.device)
    problem = Problem((MemberMisfit(MemberSampler(*places(signals, choice.estimates))),))
    problem.to(where)
    guard = MemberGuard(len(signals))
    watchers: list[Callback] = [Refocus()]
    if settings.target_psnr is not None:
        most = [signal.peak**2 * 10 ** (-(settings.target_psnr + MARGIN) / 10) for signal in signals]
        together = torch.stack([signal.values for signal in signals])
        watchers.append(MemberTarget(guard, signals[0].grid, together, torch.tensor(most, dtype=torch.float64)))
    state = FitState(field.to(where).train(), problem, recipe, settings.seed)
    steps = recipe.steps if settings.steps is None and settings.max_seconds is None else settings.steps
    seconds = None if settings.max_seconds is None else settings.max_seconds * len(signals)
    run(state, Budget(steps, seconds), watchers, guard)
    said = _said(choice, settings, state, len(signals)) | circumstances(where)
    field = field.to("cpu").eval()
    return FittedStack(field, said, guard.stopped, guard.rollbacks.tolist())


def places(signals: Sequence[Signal], estimates: str) -> tuple[Grid, Tensor]:
    """Where the signals are looked at, and what is there [members, *shape, c]: samples, and estimates between them."""
    grid = signals[0].grid
    if estimates == "none":
        return grid, torch.stack([signal.values for signal in signals])
    between = refined if estimates == "between" else midpoints
    return grid.with_midpoints(), torch.stack([between(signal.values) for signal in signals])


def _said(choice: StackChoice, settings: Settings, state: FitState, n_members: int) -> dict[str, Any]:
    """What the record of every member says of the fit."""
    seconds = round(state.seconds / n_members, 4)
    return {
        "preset": settings.preset,
        "reason": choice.reason,
        "start": None,
        "steps": state.step,
        "seconds": seconds,
        "total_seconds": seconds,
        "seed": settings.seed,
        "stopped_by": state.stopped_by,
        "members": n_members,
        "notes": [],
        "curve": [],
    }


def _apart(fitted: FittedStack, index: int, signal: Signal) -> Field | Diverged:
    """One member as an ordinary field with its record, its weights as they will be stored."""
    why, times = fitted.stopped.get(index), fitted.rollbacks[index]
    if why == "diverged":
        return Diverged(f"the fit diverged: its loss stayed unstable after {times - 1} rollbacks; check its values")
    field = fitted.field.member(index, signal.box)
    stored, notes = settle(field, STORED, torch.device(fitted.settings["device"]))
    if times:
        notes.append(f"the loss exploded {times} times; each time it went back and on at half the rate")
    record = record_of(signal, stored)
    record.fit = {**fitted.settings, "notes": notes, "stopped_by": why or fitted.settings["stopped_by"]}
    record.metrics = {"quality": quality(field, signal), "heldout": {}}
    field.record = record
    return field
