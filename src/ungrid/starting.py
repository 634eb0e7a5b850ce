"""Learning where fits begin: from signals of one kind, weights from which few steps fit another one."""

import copy
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe, Record
from ungrid.fit.callbacks import Callback
from ungrid.fit.loop import Budget, run
from ungrid.fit.meta import Learning, learn
from ungrid.fit.problem import Problem
from ungrid.fit.progress import ProgressBar
from ungrid.fit.state import FitState
from ungrid.fitting import choose_device
from ungrid.presets.table import PUBLISHED
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.tasks.represent import represent
from ungrid.verbs import as_signal

MOST_COMPARED = 8  # signals that a learned start is tried on, to say what it is worth
MOST_SAMPLES = 2**14  # in a step of these trials
COMPARED_AFTER = 10  # steps, where the method has no inner ones


def learn_start(
    signals: Sequence[Any],
    field: Field | str = "siren",
    *,
    method: str = "reptile",
    steps: int | None = None,
    inner_steps: int | None = None,
    inner_rate: float | None = None,
    members: int | None = None,
    seed: int = 0,
    device: str = "auto",
    callbacks: Sequence[Callback] | None = None,
) -> Field:
    """Learn, from signals of one kind, weights from which few steps fit another one: `fit(…, start=…)` begins there.

    The start's record says, for at most eight of the signals, the mean PSNR after a few steps from it and from random weights.

    Args:
        signals: signals, paths or arrays, at least two, with the same axes and channels; their sizes may differ.
        field: built for such a signal, which becomes the start; or the published setting to build.
        method: "reptile", "maml" or "strainer", see `ungrid.fit.meta`.
        steps: of the start; None here and below for the method's own number.
        inner_steps: of each signal's own fit from the start; not with "strainer".
        inner_rate: learning rate of these; not with "strainer".
        members: signals in a step; not with "strainer", which looks at all.
        seed: of weights, and of which signals and samples are looked at.
        device: "auto", "cpu" or "cuda". The start comes back on the CPU.
        callbacks: objects that watch; None for a progress bar where standard error is a terminal.

    Raises:
        InputError: an option that cannot be used, signals of different kinds, or fewer than two.
        UnknownName: no such method, no such published setting.
        Diverged: it stayed unstable.

    Example:
        >>> import numpy, ungrid as ug
        >>> start = ug.learn_start([numpy.full((8, 8), gray) for gray in (0.2, 0.6, 0.7)], steps=1, inner_steps=1)
        >>> ug.fit(numpy.full((8, 8), 0.5), start=start, steps=5).record.fit["steps"]
        5
    """
    how = Learning(method, steps, inner_steps, inner_rate, members)
    known = [as_signal(signal) for signal in signals]
    check_alike(known)
    start = built(field, known[0], seed)
    if callbacks is None:
        callbacks = [ProgressBar()] if sys.stderr.isatty() else []
    where = choose_device(device)
    before, problems = copy.deepcopy(start), [on_box(signal, start) for signal in known]
    for problem in problems:
        problem.to(where)
    state = learn(start.to(where).train(), problems, how, seed=seed, callbacks=callbacks)
    start = start.to("cpu").eval()
    n_steps = inner_steps or COMPARED_AFTER
    compared = known[:MOST_COMPARED]
    settings = {
        "method": method,
        "n_signals": len(known),
        "steps": state.step,
        "seconds": round(state.seconds, 3),
        "seed": seed,
        "stopped_by": state.stopped_by,
        "device": str(where),
        "notes": state.notes,
        "compared_after": n_steps,
        "psnr_from_start": psnr_after(start, compared, n_steps),
        "psnr_from_random": psnr_after(before, compared, n_steps),
    }
    first = known[0]
    start.record = Record(first.kind, first.grid.shape, first.channels, fit=settings)
    return start


def built(field: Field | str, signal: Signal, seed: int) -> Field:
    """The field itself, or a published setting's for the signal."""
    if isinstance(field, Field):
        return field
    return lookup(field, PUBLISHED, "published setting")(signal.box, signal.out_dim, seed=seed)  # type: ignore[no-any-return]


def on_box(signal: Signal, field: Field) -> Problem:
    """The problem of representing a signal in a field's box, whatever the size of its own."""
    return represent(replace(signal, grid=Grid(field.box, signal.grid.shape)), heldout=0.0)


def psnr_after(field: Field, signals: Sequence[Signal], steps: int) -> float | None:
    """Mean PSNR [dB] over signals, each after a few steps from a field's weights by its recipe; None where one is exact."""
    found = []
    for problem in (on_box(signal, field) for signal in signals):
        own = copy.deepcopy(field)
        recipe = replace(own.recipe or Recipe(), schedule="constant", warm_up=0.0)
        recipe = replace(recipe, batch_size=min(recipe.batch_size or MOST_SAMPLES, MOST_SAMPLES))
        run(FitState(own, problem, recipe, 0), Budget(steps))
        assert problem.judge is not None
        found.append(problem.judge.monitor(own))
    mean = sum(found) / len(found)
    return round(mean, 3) if mean < float("inf") else None


def check_alike(signals: Sequence[Signal]) -> None:
    if not signals:
        raise InputError("a start is learned from several signals; got none")
    first = signals[0]
    for number, signal in enumerate(signals):
        if (signal.channels, signal.box.axes) != (first.channels, first.box.axes):
            raise InputError(
                f"signal {number} has channels {' '.join(signal.channels)} on axes {signal.box.axes}, the first one "
                f"{' '.join(first.channels)} on {first.box.axes}; a start is learned from signals of one kind"
            )
