"""The public functions: they join the rooms, and hold nothing of their own.

Each is one call for what a person wants done: `load`, `fit`, `save`, `render`. `query` is in `asking`, `mesh` and `inspect`
are in `surfacing`, `compare` and `diagnose` in `judging`, `cite` in `citing`.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ungrid import domain, encodings, fields, fitting, networks, signals
from ungrid import render as drawings
from ungrid.errors import InputError, nearest
from ungrid.fields.base import Field
from ungrid.fields.storage import load_field, save_field
from ungrid.files import is_field_file
from ungrid.fit.callbacks import Callback
from ungrid.fit.convex_solver import Convex, ConvexSolver
from ungrid.fit.guard import Guard
from ungrid.fit.levenberg_marquardt import LevenbergMarquardt
from ungrid.fit.limits import Limits
from ungrid.fit.problem import Problem
from ungrid.fit.progress import ProgressBar
from ungrid.fit.solver import Solver
from ungrid.presets.art import ANY, random_art
from ungrid.presets.plan import Plan, plan_signal
from ungrid.presets.plan_shape import plan_shape
from ungrid.presets.start import STARTS, Start, begin, method_of
from ungrid.render.draw import Region, draw, drawing_grid, recorded
from ungrid.render.notebook import notebook_html
from ungrid.signals.array_file import ENDINGS as ARRAYS
from ungrid.signals.array_file import open_array_writer
from ungrid.signals.base import Signal
from ungrid.signals.image_write import FORMATS as PICTURES
from ungrid.signals.modality import read_signal
from ungrid.signals.part import WHOLE, Part
from ungrid.signals.shape import Shape
from ungrid.signals.shape_read import SURFACES
from ungrid.spec import lookup
from ungrid.surfacing import as_shape, is_shape

PARTS: dict[str, type] = {
    **domain.DOMAINS,
    **encodings.ENCODINGS,
    **networks.NETWORKS,
    **networks.GRID_NETWORKS,
    **fields.FIELDS,
}


def load(path: str | os.PathLike[str], kind: str | None = None, *, part: Part = WHOLE) -> Signal | Shape | Field:
    """A signal or surface from a file or folder, or a fitted field from a `.ung` file; told apart by content, not by name.

    Args:
        path: of the file.
        kind: what it holds, where that is open or read in several ways: a name in `ungrid.signals.MODALITIES`, or "sdf" of a
            surface.
        part: of a film, which seconds and pixels to read, how finely, how often.

    Raises:
        FileNotFoundError: no such file.
        FormatError: a `.ung` file that cannot be trusted, or a signal that cannot be read.
        MissingExtra: a kind of file whose reader is not installed.
        UnknownName: no such kind.
    """
    path = Path(path)
    if not path.is_dir() and (is_field_file(path) or path.suffix.lower() == ".ung"):
        return load_field(path, PARTS)
    if is_shape(path, kind):
        return as_shape(path)
    return read_signal(path, signals.MODALITIES, kind, part, others=(SURFACES,))


def load_as_field(path: str | os.PathLike[str]) -> Field:
    """A field from a `.ung` file.

    Raises:
        FormatError: a file that is none, or cannot be trusted.
    """
    return load_field(Path(path), PARTS)


def as_signal(source: Any, kind: str | None = None, *, part: Part = WHOLE) -> Signal:
    """A signal from a signal, a path, an array [y, x] or [y, x, c], a PIL picture, or what else a modality adopts.

    Raises:
        InputError: something else, or a `.ung` file where samples are needed.
    """
    if isinstance(source, Signal):
        return source
    if isinstance(source, str | os.PathLike):
        loaded = load(source, kind, part=part)
        if isinstance(loaded, Field | Shape):
            what = "a surface" if isinstance(loaded, Shape) else "a fitted field already"
            raise InputError(f"{source} is {what}; expected a signal")
        return loaded
    for modality in [lookup(kind, signals.MODALITIES, "kind")] if kind else signals.MODALITIES.values():
        adopted = modality.adopt(source)
        if adopted is not None:
            return adopted
    shape = f" of shape {tuple(source.shape)}" if hasattr(source, "shape") else ""
    known = ", ".join(signals.MODALITIES)
    raise InputError(
        f"a {type(source).__name__}{shape} cannot be taken as {kind or 'a signal'}; expected a path, a Signal, an array or table "
        f"of a kind ({known})"
    )


def as_source(source: Any, kind: str | None = None, *, part: Part = WHOLE) -> Signal | Shape:
    """What can be fitted: a surface as `as_shape` takes it, or a signal as `as_signal` does."""
    return as_shape(source) if is_shape(source, kind) else as_signal(source, kind, part=part)


def fit(
    signal_or_field: Any,
    problem: Problem | None = None,
    *,
    preset: str = "auto",
    steps: int | None = None,
    max_seconds: float | None = None,
    target_psnr: float | None = None,
    seed: int = 0,
    device: str = "auto",
    max_bytes: int | None = None,
    mask: Any = None,
    start: Any = None,
    tune: bool = False,
    callbacks: Sequence[Callback] | None = None,
) -> Field:
    """Fit a field to a signal, or a given field to a problem, and return it with its metrics.

    Args:
        signal_or_field: a signal, a surface, a path or an array to represent; or a `Field`, then with a `problem`.
        problem: what is known, for a given field.
        preset: "auto", "fast", "balanced", "best", or a published setting: `ungrid.presets.PUBLISHED`.
        steps: of the optimizer, at most; None for the recipe's number.
        max_seconds: of wall time in the loop, at most; without `steps`, the fit takes that long.
        target_psnr: dB at which the fit stops, measured on everything that is known.
        seed: of weights and batches. Same seed, machine, thread count and budget in steps: the same bits.
        device: "auto" (CUDA where there is one), "cpu" or "cuda". The field comes back on the CPU.
        max_bytes: most bytes of the saved file; the default presets size the field to it.
        mask: [*shape] booleans, which samples of the signal are known, or a signal or path whose bright samples are; None for
            all. The default presets estimate the others by `tasks.complete` and fit them, too.
        start: weights to begin from: a field or a path to one, such as `learn_start` makes; with "auto" its structure and recipe
            are taken, too. Or "winner", which adds noise to a SIREN's first weights by the signal's detail.
        tune: choose the frequencies of the presets siren, sine, finer, wire and fourier_mlp for the signal: from its spectrum,
            then by up to eight fits by small batches, judged on held-out samples.
        callbacks: objects that watch; None for a progress bar where standard error is a terminal.

    Raises:
        InputError: an option or a signal that cannot be used.
        TargetNotMet: `target_psnr` was not reached; the error's `field` is the best that was.
        Diverged: the fit stayed unstable.

    Example:
        >>> import numpy, ungrid as ug
        >>> field = ug.fit(numpy.full((8, 8), 0.5), steps=20)
        >>> field([[4.0, 4.0]]).shape
        torch.Size([1, 1])
    """
    if callbacks is None:
        callbacks = progress_bars()
    plan = make_plan(
        signal_or_field,
        problem,
        preset=preset,
        seed=seed,
        max_bytes=max_bytes,
        mask=mask,
        start=start,
        tune=tune,
        callbacks=[callback for callback in callbacks if isinstance(callback, ProgressBar)],  # others want to see one fit
    )
    limits = Limits(steps, max_seconds, target_psnr)
    if target_psnr is not None and plan.problem.judge is None:
        raise InputError("target_psnr needs a problem that can be judged; this one has no judge")
    field = fitting.carry_out(plan, limits, seed=seed, device=device, guard=Guard(), callbacks=callbacks)
    fitting.check_target(field, target_psnr)
    return field


def progress_bars() -> list[Callback]:
    """A progress bar where standard error is a terminal."""
    return [ProgressBar()] if sys.stderr.isatty() else []


def as_mask(mask: Any) -> Tensor:
    """Which samples are known [*shape]: booleans as they are; of a signal or path, samples of more than one half."""
    if isinstance(mask, Tensor) and mask.dtype == torch.bool:
        return mask
    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        return torch.from_numpy(mask)
    signal = as_signal(mask)
    return (signal.values[..., signal.measured_channels] > 0.5).all(dim=-1)


def make_plan(
    signal_or_field: Any,
    problem: Problem | None = None,
    *,
    preset: str = "auto",
    seed: int = 0,
    max_bytes: int | None = None,
    mask: Any = None,
    start: Any = None,
    tune: bool = False,
    callbacks: Sequence[Callback] = (),
    max_memory: int | None = None,
) -> Plan:
    """Choose the field and state the problem of a fit, without starting it; arguments as in `fit`."""
    if not isinstance(signal_or_field, Field):
        if problem is not None:
            raise InputError("give either a signal, or a field and a problem")
        signal = as_source(signal_or_field)
        if isinstance(signal, Shape):
            if mask is not None or start is not None or tune:
                raise InputError("mask, start and tune are for signals on a grid; leave them out for a surface")
            return plan_shape(signal, preset, seed=seed, max_bytes=max_bytes)
        return plan_signal(
            signal,
            preset,
            seed=seed,
            max_bytes=max_bytes,
            mask=None if mask is None else as_mask(mask),
            max_memory=max_memory,
            tuned=tune,
            start=None if start is None else _start(start, signal, seed),
            callbacks=callbacks,
        )
    if start is not None or tune:
        raise InputError("a given field begins from its own weights, with its own frequencies: start and tune are for signals")
    if mask is not None:
        raise InputError("a mask goes with a signal; a problem of its own takes it as tasks.represent(signal, mask=…)")
    if problem is None:
        raise InputError("a field alone says nothing of what to fit it to; give a problem, e.g. tasks.represent(signal)")
    if preset != "auto" or max_bytes is not None:
        raise InputError("a given field has its own settings and size: preset and max_bytes are for signals")
    solver, how = _solver(signal_or_field, problem)
    return Plan(signal_or_field, problem, "given", "float32", f"the field that was given; {how}", solver=solver)


def _solver(field: Field, problem: Problem) -> tuple[Solver | None, str]:
    """What finds a given field's weights, by what it and its problem can do; None for descent."""
    if Convex.of(field, problem) is not None:
        return ConvexSolver(), "solved as a convex problem"
    if LevenbergMarquardt.solves(field, problem):
        return LevenbergMarquardt(), "solved by Levenberg–Marquardt"
    return None, "descent"


def save(field: Field, path: str | os.PathLike[str]) -> None:
    """Write a field to one `.ung` file, beside and renamed. Also `field.save(path)`.

    Raises:
        MachineError: not writable, disk full.
    """
    save_field(field, Path(path), version=installed_version("ungrid"))


def render(
    field: Field,
    path: str | os.PathLike[str],
    *,
    size: tuple[int | None, int | None] | None = None,
    scale: float = 1.0,
    region: Region | None = None,
    rate: float | None = None,
    spacing: float | None = None,
    encoded: bool = False,
    encoder: str | None = None,
    max_memory: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[int, ...]:
    """Draw a field into a file of its kind, streamed in bounded memory; returns the shape of what was drawn [*shape, c].

    The ending says which format: one of the kind's own, .npy or .csv for the values of any kind, or a picture's for a picture
    of what is none.

    Args:
        field: fitted to a sampled signal.
        path: of the file.
        size: (height, width) in pixels, one of them None to follow from the other; (None, n) for samples along the longest axis
            of what has no pixels; or None, then `scale` counts.
        scale: samples of the result for each sample of the source.
        region: {"y": (low, high), "x": (low, high)} in the units of the box; None for the whole.
        rate: samples or frames a second.
        spacing: distance between samples along axes of space, in their unit.
        encoded: average encoded values where a picture shrinks, instead of linear light.
        encoder: of a film, a name in `ungrid.signals.video_write.ENCODERS`; None for the one of the ending.
        max_memory: bytes that this may take; None for about 256 MB.
        progress: called with the fraction done.

    Raises:
        InputError: an ending that the kind has no format for, a grid that cannot be made.
        MachineError: not writable, disk full.
    """
    path = Path(path)
    grid = drawing_grid(field, size=size, scale=scale, rate=rate, spacing=spacing, region=region)
    kind, ending = recorded(field).kind, path.name.lower()
    modality = signals.MODALITIES.get(kind)  # a surface has none
    own = () if modality is None else modality.endings
    if modality is not None and ending.endswith(own):
        opener = modality.open if encoder is None else modality.by_encoder(encoder)
    elif ending.endswith(ARRAYS):
        opener = open_array_writer
    elif kind in drawings.VIEWS and ending.endswith(tuple(PICTURES)):
        drawings.VIEWS[kind](field, path, grid, max_memory=max_memory)
        return (*grid.shape, field.out_dim)
    else:
        known = [*own, *ARRAYS, *(PICTURES if kind in drawings.VIEWS else ())]
        raise InputError(
            f"cannot write {path.name}: a field of kind {kind} is drawn to names ending in {' '.join(dict.fromkeys(known))}"
            f"{nearest(path.suffix, known)}{'; its triangles are written by ungrid mesh' if modality is None else ''}"
        )
    return draw(field, path, grid, opener, encoded=encoded, max_memory=max_memory, progress=progress)


def art(seed: int = 0, *, size: tuple[int, int] = (512, 512), symmetry: str = ANY) -> Field:
    """A random picture: a pattern-producing network with a palette, both drawn from a seed. It renders at any size.

    `ungrid.presets` has `mutate`, `crossover`, `next_generation` and `latent_walk` for what comes of it.

    Args:
        seed: of the picture.
        size: (height, width) of its box in pixels.
        symmetry: "none", "mirror", "rotation", "kaleidoscope", "tile", or "any" for one that is drawn.

    Example:
        >>> import ungrid as ug
        >>> ug.art(7, size=(64, 96)).grid().shape
        (64, 96)
    """
    return random_art(seed, size=size, symmetry=symmetry)


def _start(start: Any, signal: Signal, seed: int) -> Start:
    """Where to begin: by a name in `STARTS`, at a field's weights, or at those of the file at a path."""
    if not (isinstance(start, str) and start in STARTS):
        field = start if isinstance(start, Field) else load_as_field(start)
        return Start(method_of(field), lambda own: begin(own, field, signal, PARTS))

    def named(own: Field | None) -> Field:
        if own is None:
            raise InputError(f"the start {start} goes with a preset that is said, such as preset siren")
        return STARTS[start](own, signal, seed=seed)

    return Start(start, named)


# attached here: a field knows nothing of name tables and of drawing
Field.save = save  # type: ignore[attr-defined]
Field._repr_html_ = notebook_html  # type: ignore[attr-defined]
