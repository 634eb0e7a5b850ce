"""The plan of fitting a surface: which field, and how its weights are found."""

import time
from dataclasses import replace

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.record import Recipe
from ungrid.fields.storage import file_bytes
from ungrid.presets.auto_shape import SHAPE_EFFORTS, box_around, choose_shape, record_of_shape
from ungrid.presets.choice import Choice
from ungrid.presets.fit_out import index_box, move, over_range
from ungrid.presets.plan import AUTO, DEFAULT_EFFORT, NAMES, Plan
from ungrid.presets.table import PUBLISHED
from ungrid.signals.shape import Shape
from ungrid.signals.surface import Surface
from ungrid.spec import lookup
from ungrid.tasks.surface import represent_surface

LOOKED_AT, DESCENDED = 20_000, 300_000  # points with distances: beside a solver that has its own, and for descent
BATCH = 16_384  # points of a step of the published settings, which are for pictures: with all of them a step takes seconds
GRID = 128  # samples along the longest axis by which a published setting scales its frequencies


def plan_shape(shape: Shape, preset: str = AUTO, *, seed: int = 0, max_bytes: int | None = None) -> Plan:
    """Choose the field for a surface and state the problem.

    Args:
        shape: what will be fitted.
        preset: "auto", "fast", "balanced", "best", or a published setting, fitted to distances by descent.
        seed: of points and weights.
        max_bytes: most bytes of the file.

    Raises:
        InputError: `max_bytes` cannot be kept, or a surface that encloses nothing.
        UnknownName: no such preset.
        MissingExtra: libigl is not installed.
    """
    began = time.monotonic()
    lookup(preset, dict.fromkeys(NAMES), "preset")
    surface = Surface(shape)
    choice = _chosen(surface, preset, max_bytes, seed)
    field = choice.field
    _, nodes = box_around(surface, GRID)
    field.record = record_of_shape(surface, getattr(field, "shape", nodes))
    size = file_bytes(field, choice.stored)
    if max_bytes is not None and size > max_bytes:
        raise InputError(f"preset {preset} gives a file of about {size:,} bytes, above {max_bytes:,}; use --preset auto")
    n_points = LOOKED_AT if choice.solver is not None else DESCENDED
    problem = represent_surface(surface, field.box, n_points=n_points, seed=seed)
    return Plan(
        field,
        problem,
        preset,
        choice.stored,
        choice.reason,
        estimating_seconds=time.monotonic() - began,
        solver=choice.solver,
    )


def _chosen(surface: Surface, preset: str, max_bytes: int | None, seed: int) -> Choice:
    if preset == AUTO or preset in SHAPE_EFFORTS:
        return choose_shape(surface, DEFAULT_EFFORT if preset == AUTO else preset, max_bytes=max_bytes, seed=seed)
    return _published(surface, preset, seed)


def _published(surface: Surface, preset: str, seed: int) -> Choice:
    """The field of a published setting on the surface's box, its values over half the longest side in both directions."""
    builder = PUBLISHED[preset]
    box, nodes = box_around(surface, GRID)
    if isinstance(builder(index_box(Grid(box, (4, 4, 4))), 1, seed=seed), ConvolutionalField):  # a small one is built at once
        raise InputError(f"preset {preset} evaluates a whole grid at each step, and a surface has none; take siren or hash_grid")
    field = builder(index_box(Grid(box, nodes)), 1, seed=seed)
    recipe = field.recipe or Recipe()
    move(field, box)
    half = max(box.extent) / 2
    field = over_range(field, -half, half)
    field.recipe = replace(recipe, batch_size=min(recipe.batch_size or BATCH, BATCH), order="shuffled")
    reason = f"{preset}: {(builder.__doc__ or '').splitlines()[0]} {field.n_params:,} parameters, by descent on distances"
    return Choice(field, "float32", "none", reason)
