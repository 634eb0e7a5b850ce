"""The verbs that judge: a picture or field against another, and a fit by itself."""

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ungrid.asking import query
from ungrid.diagnosis.anomalies import BEYOND, Anomaly, find_anomalies
from ungrid.diagnosis.diagnose import find_faults
from ungrid.diagnosis.finding import Finding
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.tiled import TiledField
from ungrid.files import is_field_file
from ungrid.fitting import choose_device
from ungrid.metrics.shape import surface_metrics
from ungrid.metrics.signal import MEASURES, sampled_metrics
from ungrid.metrics.streamed import streamed_metrics
from ungrid.render.comparison import check_alike, compare_pictures
from ungrid.render.comparisons import COMPARISONS
from ungrid.render.contour import contour
from ungrid.signals.base import Signal
from ungrid.signals.large_open import needs_tiles, open_large, timed_kind
from ungrid.signals.part import WHOLE
from ungrid.signals.shape import Shape
from ungrid.signals.surface import Surface
from ungrid.surfacing import SDF, as_shape, is_shape
from ungrid.verbs import as_signal, load, load_as_field


def compare(
    first: Any,
    second: Any,
    *,
    picture: str | os.PathLike[str] | None = None,
    device: str | None = None,
    max_memory: int | None = None,
) -> dict[str, Any]:
    """Measures of a signal or field against another of its kind: psnr and more; of pictures ssim, ms_ssim, error by band; of
    surfaces chamfer, hausdorff, fscore, iou, normal_consistency (`metrics.shape.surface_metrics`).

    A film or recording that would not fit into memory is compared with a field of many windows a part at a time: psnr, rmse,
    max_abs_error, and snr of sound.

    Args:
        first: what is judged: a field, a signal, an array or a path to one.
        second: what it is judged against. A field is drawn on the other's grid; two fields on the first one's own.
        picture: file for one picture with the original, the result, the amplified error and its spectrum.
        device: where fields are evaluated, and then stay: "auto", "cpu" or "cuda"; None for where they are.
        max_memory: bytes that evaluating a field may take beyond the two pictures.
    """
    surfaces = _surfaces(first, second, picture, max_memory)
    if surfaces is not None:
        return surface_metrics(*surfaces)
    streamed = None if picture is not None else _streamed(first, second, max_memory)
    if streamed is not None:
        return streamed
    where = None if device is None else choose_device(device)
    draw = functools.partial(_sampled, device=where, max_memory=max_memory)
    result, reference = _on_one_grid(_loaded(first), _loaded(second), draw)
    kind = reference.kind
    if result.kind != kind:
        raise InputError(f"cannot compare {result.kind} with {kind}; expected two of one kind")
    if picture is not None and kind not in COMPARISONS:
        raise InputError(f"there is no picture of a comparison of kind {kind}, only of {', '.join(COMPARISONS)}; leave it out")
    if picture is not None:
        COMPARISONS[kind](result, reference, Path(picture))
    if kind == "image":
        return compare_pictures(result, reference)
    check_alike(result, reference)
    measures = MEASURES.get(kind, sampled_metrics)(result.values, reference)
    return measures | {"shape": [*reference.grid.shape, reference.out_dim]}


def _surfaces(first: Any, second: Any, picture: Any, max_memory: int | None) -> tuple[Surface, Surface] | None:
    """Both as surfaces, fields of distance by their triangles; None where neither is one."""
    if not any(map(_is_surface, (first, second))):
        return None
    if picture is not None:
        raise InputError("there is no picture of a comparison of surfaces; leave it out")
    found = []
    for thing in (first, second):
        loaded = load(thing) if isinstance(thing, str | os.PathLike) else thing
        if isinstance(loaded, Field):
            if loaded.record is None or loaded.record.kind != SDF:
                raise InputError("cannot compare a surface with a field of another kind; expected two surfaces")
            triangles = contour(loaded, max_memory=max_memory)
            loaded = Shape(triangles.vertices, triangles.faces)
        found.append(Surface(as_shape(loaded)))
    return found[0], found[1]


def _is_surface(thing: Any) -> bool:
    if isinstance(thing, str | os.PathLike) and is_field_file(Path(thing)):
        thing = load_as_field(thing)
    return thing.record is not None and thing.record.kind == SDF if isinstance(thing, Field) else is_shape(thing)


def _streamed(first: Any, second: Any, max_memory: int | None) -> dict[str, Any] | None:
    """Measures of a field of many windows against a film or recording that is too large to be read whole; None for all else."""
    if not (isinstance(first, str | os.PathLike | TiledField) and isinstance(second, str | os.PathLike)):
        return None
    path = Path(second)
    kind = None if is_field_file(path) else timed_kind(path, None)
    if kind is None or not needs_tiles(path, kind, WHOLE, max_memory):
        return None
    field = first if isinstance(first, TiledField) else load(first)
    if not isinstance(field, TiledField) or field.record is None or field.record.kind != kind:
        return None
    with tempfile.TemporaryDirectory() as folder:
        signal = open_large(path, kind, Path(folder))
        check_one_box(field, signal.grid)
        return streamed_metrics(field, signal) | {"shape": [*signal.grid.shape, field.out_dim]}


def check_one_box(field: Field, grid: Grid) -> None:
    """Raise InputError unless a field lives on the box of a grid."""
    if field.record is None or not grid.box.is_close(field.box):
        own, other = ("×".join(f"{extent:g}" for extent in reversed(box.extent)) for box in (field.box, grid.box))
        raise InputError(f"the field lives on a box of {own} {field.box.units[0]}, the other has {other}; expected one size")


def diagnose(field: Field, signal: Any = None) -> list[Finding]:
    """What is wrong with a fit: name, severity, evidence in numbers, remedy; the worst first, nothing for a healthy one.

    Args:
        field: fitted, with its record.
        signal: a signal, path or array that it was fitted to; without it, its residual is not looked at.
    """
    return find_faults(field, None if signal is None else as_signal(signal))


def anomalies(field: Field, signal: Any, *, beyond: float = BEYOND) -> list[Anomaly]:
    """Samples of a signal that its field does not explain, the worst first: where, which channel, how many deviations off.

    Args:
        field: fitted to the signal.
        signal: a signal, path, array or table.
        beyond: robust standard deviations of the residual, from which on a sample counts.
    """
    kind = None if field.record is None or not isinstance(signal, str | os.PathLike) else field.record.kind
    return find_anomalies(field, as_signal(signal, kind), beyond=beyond)


def _loaded(thing: Any) -> Signal | Field:
    if isinstance(thing, str | os.PathLike) and is_field_file(Path(thing)):
        return load_as_field(thing)
    return thing if isinstance(thing, Field) else as_signal(thing)


def _on_one_grid(
    first: Signal | Field, second: Signal | Field, draw: Callable[[Field, Signal | None], Signal]
) -> tuple[Signal, Signal]:
    """Both as signals: a field takes the other's grid."""
    if isinstance(first, Field):
        first = draw(first, second if isinstance(second, Signal) else None)
    return first, draw(second, first) if isinstance(second, Field) else second


def _sampled(field: Field, like: Signal | None, *, device: torch.device | None, max_memory: int | None) -> Signal:
    grid = field.grid() if like is None else like.grid
    check_one_box(field, grid)
    record = field.record
    assert record is not None
    placed = field if device is None else field.to(device)
    places = None if like is None else like.places
    if places is None:
        values = placed.sample(grid, max_memory=max_memory).cpu()
    else:
        values = query(placed, places.flatten(0, -2), max_memory=max_memory).reshape(*grid.shape, field.out_dim)
    return Signal(values, grid, record.kind, record.channels, record.source)
