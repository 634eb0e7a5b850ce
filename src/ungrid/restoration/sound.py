"""Sound restored: by a candidate, or by the one that tells best what was hidden from it."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ungrid.errors import InputError
from ungrid.restoration.candidates import JOINT, Estimate
from ungrid.restoration.choose import AUTO, KINDS
from ungrid.restoration.sound_bandwidth import Bandwidth, restore_bandwidth
from ungrid.restoration.sound_candidates import CONTEXT, SOUND_CANDIDATES, Stretch
from ungrid.restoration.sound_losses import Bounds, Clipping, Gaps
from ungrid.restoration.undone import Undone
from ungrid.signals.base import Signal
from ungrid.spec import lookup

LOWER = 0.6  # of the clipping level: where a sound is clipped once more, to judge candidates by what that hides
TRIED = 2**16  # samples that they are judged on, at most: 1.5 s at 44.1 kHz
UNTRIED = ("projection",)  # it knows that nothing hidden is above the level at which the sound was clipped first
GAPS_TRIED = 4  # gaps that are moved to where the sound is known


class Trial(NamedTuple):
    """A stretch of which more is lost, and the samples that were hidden."""

    stretch: Stretch
    truth: Tensor
    hidden: Tensor


def restore_sound(signal: Signal, losses: Sequence[Clipping | Gaps | Bandwidth], method: str = AUTO) -> Undone:
    """Undo what happened to a sound.

    Raises:
        UnknownName, InputError: as `restore_bounded` and `restore_bandwidth`; both kinds of loss at once.
    """
    bounded = [loss for loss in losses if not isinstance(loss, Bandwidth)]
    if bounded and len(bounded) < len(losses):
        raise InputError("bandwidth is extended by itself: restore peaks and gaps first, then extend what came of it")
    if bounded:
        return restore_bounded(signal, bounded, method)
    return restore_bandwidth(signal, [loss for loss in losses if isinstance(loss, Bandwidth)], method)


def restore_bounded(signal: Signal, losses: Sequence[Clipping | Gaps], method: str = AUTO) -> Undone:
    """Undo clipping and gaps. The samples that are known stay as they are; clipped ones come back at or beyond the level.

    "auto" hides some of what is known in the same way, by gaps of the same length beside the gaps, by clipping at 0.6 of the
    level, and takes the candidate that tells it best.

    Args:
        signal: a sound.
        losses: what happened to it.
        method: "auto", "field", "classical", where those of a kind are judged, or a name in `SOUND_CANDIDATES`.

    Raises:
        UnknownName: no such method.
        InputError: losses that are not there, or a candidate that is not for them.
    """
    lookup(method, dict.fromkeys([*KINDS, *SOUND_CANDIDATES]), "method of restoring")
    every = [loss.bounds(signal) for loss in losses]
    bounds = every[0]
    for other in every[1:]:
        bounds = bounds.joined(other)
    stretches = _stretches(signal, bounds)
    names = chosen(method, stretches)
    losses_said = " ".join(loss.describe(own) for loss, own in zip(losses, every, strict=True))
    heldout = _judged(stretches, names) if len(names) > 1 else {}
    best = max(heldout, key=lambda name: heldout[name]) if heldout else names[0]
    start = time.monotonic()
    found = [SOUND_CANDIDATES[best].restore(stretch) for stretch in stretches]
    said = SOUND_CANDIDATES[best].said
    how = "best of what was hidden to judge by" if heldout else "nothing could be hidden to judge by" if len(names) > 1 else ""
    return Undone(
        torch.stack([each.values for each in found], dim=-1),
        signal.grid,
        losses_said,
        f"{said} ({how})" if how else said,
        {best: 1.0},
        [name for name in serving(stretches) if SOUND_CANDIDATES[name].kind == "classical"],
        ", ".join(dict.fromkeys(each.stopped_by for each in found)),
        found[0].papers,
        {name: round(decibels, 3) for name, decibels in heldout.items()},
        {best: round(time.monotonic() - start, 3)},
    )


def chosen(method: str, stretches: Sequence[Stretch]) -> list[str]:
    """Names of the candidates that a method judges, the best by default first.

    Raises:
        InputError: a candidate that is not for these losses.
    """
    names = serving(stretches)
    if method in KINDS:
        kinds = (*KINDS[AUTO], JOINT) if method == AUTO else KINDS[method]
        return [name for name in names if SOUND_CANDIDATES[name].kind in kinds and name not in UNTRIED]
    if method not in names:
        raise InputError(f"{method} cannot tell what is lost here; take one of {', '.join([*KINDS, *names])}")
    return [method]


def serving(stretches: Sequence[Stretch]) -> list[str]:
    """Names of the candidates for all channels."""
    return [name for name, candidate in SOUND_CANDIDATES.items() if all(map(candidate.serves, stretches))]


def _stretches(signal: Signal, bounds: Bounds) -> list[Stretch]:
    rate = 1 / signal.grid.spacing[0]
    observed = bounds.held(torch.where(bounds.lower.isinf() & bounds.upper.isinf(), 0, signal.values))
    channels = zip(observed.T, bounds.lower.T, bounds.upper.T, strict=True)
    return [Stretch(seen, lower, upper, rate) for seen, lower, upper in channels]


def _judged(stretches: Sequence[Stretch], names: Sequence[str]) -> dict[str, float]:
    """Of each candidate the SNR in dB of samples that were hidden, on the channel that lost most; none where none can be."""
    stretch = max(stretches, key=lambda each: int((~each.known).sum()))
    trials = list(_gap_trials(stretch) if stretch.is_free else _clipping_trials(stretch))
    if not trials:
        return {}
    power = sum(float(trial.truth.double().square().sum()) for trial in trials)
    heldout = {}
    for name in names:
        if all(SOUND_CANDIDATES[name].serves(trial.stretch) for trial in trials):
            estimates = [SOUND_CANDIDATES[name].restore(trial.stretch) for trial in trials]
            error = sum(_error(estimate, trial) for estimate, trial in zip(estimates, trials, strict=True))
            heldout[name] = 10 * math.log10(max(power, 1e-300) / max(error, 1e-300))
    return heldout


def _error(estimate: Estimate, trial: Trial) -> float:
    return float((estimate.values[trial.hidden] - trial.truth).double().square().sum())


def _clipping_trials(stretch: Stretch) -> list[Trial]:
    """The part that lost most, clipped once more at a lower level."""
    lost = (~stretch.known).float()
    n = min(TRIED, len(lost))
    per_part = [float(lost[start : start + n].sum()) for start in range(0, len(lost) - n + 1, max(1, n // 2))]
    start = max(range(len(per_part)), key=per_part.__getitem__) * max(1, n // 2)
    part = stretch.part(slice(start, start + n))
    levels = [
        bound[bound.isfinite() & ~stretch.known].abs().min()
        for bound in (stretch.lower, -stretch.upper)
        if _any_bound(bound, stretch)
    ]
    level = LOWER * float(min(levels))
    lower, upper = part.lower.clone(), part.upper.clone()
    above, below = part.observed >= level, part.observed <= -level
    lower[above], upper[above] = level, math.inf
    lower[below], upper[below] = -math.inf, -level
    hidden = part.known & (above | below)
    again = Stretch(torch.minimum(torch.maximum(part.observed, lower), upper).clamp(-level, level), lower, upper, part.rate)
    return [Trial(again, part.observed[hidden], hidden)] if bool(hidden.any()) else []


def _any_bound(bound: Tensor, stretch: Stretch) -> bool:
    return bool((bound.isfinite() & ~stretch.known).any())


def _gap_trials(stretch: Stretch) -> list[Trial]:
    """Gaps of the same length where the sound is known, before or after those that are."""
    lost = (~stretch.known).int()
    edges = torch.nn.functional.pad(lost, (1, 1)).diff()
    starts, stops = ((edges == sign).nonzero()[:, 0].tolist() for sign in (1, -1))
    gaps = list(zip(starts, stops, strict=True))
    step = max(1, len(gaps) // GAPS_TRIED)
    trials = []
    for start, stop in gaps[::step][:GAPS_TRIED]:
        length = stop - start
        apart = length + CONTEXT // 2
        for moved in (start - apart, start + apart):
            hidden = slice(moved, moved + length)
            if moved >= 1 and moved + length < len(lost) and bool(stretch.known[hidden].all()):
                trials.append(_gap_trial(stretch, hidden))
                break
    return trials


def _gap_trial(stretch: Stretch, gap: slice) -> Trial:
    lost = (~stretch.known).nonzero()[:, 0]
    before, after = lost[lost < gap.start], lost[lost >= gap.stop]  # nothing else is lost around it, which would only take time
    first = max(0, gap.start - CONTEXT, int(before[-1]) + 1 if len(before) else 0)
    around = slice(first, min(len(stretch.observed), gap.stop + CONTEXT, int(after[0]) if len(after) else len(stretch.observed)))
    part = stretch.part(around)
    hidden = torch.zeros_like(part.known)
    hidden[gap.start - around.start : gap.stop - around.start] = True
    free = torch.full_like(part.observed, math.inf)
    again = Stretch(
        part.observed.masked_fill(hidden, 0.0),
        torch.where(hidden, -free, part.lower),
        torch.where(hidden, free, part.upper),
        part.rate,
    )
    return Trial(again, part.observed[hidden], hidden)
