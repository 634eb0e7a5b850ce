"""How a signal larger than memory is cut into tiles, and what is fitted to each: the default's field, its size per tile."""

import math
from dataclasses import dataclass, replace

import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.tiling import Tiling, local_box
from ungrid.errors import InputError, UngridError
from ungrid.fields.base import Field
from ungrid.fit.tiles import block_shape
from ungrid.presets.auto import EFFORTS, estimates_on, needed, scheduled
from ungrid.presets.published import dense_grid
from ungrid.signals.base import Signal
from ungrid.signals.large import LargeSignal
from ungrid.spec import lookup

TILE_SAMPLES = 2**19
COARSE_SAMPLES = 2**18
HALO = {1: 8, 2: 8}  # samples that a tile reaches into its neighbors, by axes; those of a volume are a fifth of it at 8
HALO_ELSE = 4
LEAST_SIDE, MOST_TILE_SAMPLES = 32, 2**24
LOOKED_AT = 8  # tiles by which sizes and ranges are chosen
SPREADS = 2.0  # standard deviations of what the tiles hold, on either side of its middle
BYTES_PER_VALUE = 50  # of a tile's fit beyond the interpreter; measured on tiles of 2¹⁹ samples: 88 on 2 axes and 357 on 3,
# both with estimates between samples, which are 2^d times as many
SPARE_BYTES = 2**28  # for the coarse field, buffers of readers, and drawing
WORKER_BYTES = 300 * 2**20  # of a further process before it does anything


@dataclass(frozen=True)
class TilePlan:
    """What all tiles have in common.

    Args:
        axes: of the box.
        out_dim: channels.
        counts, overlap: of the tiling.
        shape: samples along each axis of a tile with its reach.
        coarse_factor: samples along each axis that a sample of the coarse field stands for; 0 for no coarse field.
        params_per_value: grid parameters for each value of a tile.
        value_range: where most of what the tiles hold lies.
        effort: "fast", "balanced" or "best".
        seed: of weights and batches.
    """

    axes: tuple[str, ...]
    out_dim: int
    counts: tuple[int, ...]
    overlap: float
    shape: tuple[int, ...]
    coarse_factor: int
    params_per_value: float
    value_range: tuple[float, float]
    effort: str
    seed: int

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return math.prod(self.counts)

    def tiling(self, box: Box) -> Tiling:
        """The tiles of a signal's box."""
        return Tiling(box, self.counts, self.overlap)

    def tile(self) -> Field:
        """A tile's field, in [-1, 1] along each axis, with its recipe; the same for each."""
        field = dense_grid(
            local_box(self.axes),
            self.out_dim,
            shape=self.shape,
            params_per_value=max(self.params_per_value, 1e-9),
            interpolation="cubic",
            value_range=self.value_range,
            seed=self.seed,
        )
        field.recipe = scheduled(field, math.prod(self.shape), EFFORTS[self.effort])
        return field

    @property
    def estimates(self) -> str:
        """What a tile is fitted to beside its samples."""
        return estimates_on(Grid(local_box(self.axes), self.shape), EFFORTS[self.effort])

    def describe(self) -> str:
        """One line for a person."""
        with torch.device("meta"):
            field = self.tile()
        assert field.recipe is not None
        size, each = ("×".join(str(n) for n in reversed(sizes)) for sizes in (self.counts, self.shape))
        coarse = f" above a coarse field of every {self.coarse_factor} samples" if self.coarse_factor else ""
        return (
            f"{self.effort}: {size} tiles of {each} samples{coarse}; each a dense grid of 4 levels and a 2×32 network, "
            f"{field.n_params:,} parameters ({self.params_per_value:.2f} per value), {field.recipe.steps} steps of "
            f"{field.recipe.batch_size:,} samples"
        )


def plan_tiles(
    signal: LargeSignal,
    preset: str = "auto",
    *,
    side: int | None = None,
    seed: int = 0,
    max_bytes: int | None = None,
    max_memory: int | None = None,
) -> TilePlan:
    """Choose tiles for a signal: 2¹⁹ samples each or what memory allows, overlapping by 16, alike.

    Args:
        signal: what will be fitted.
        preset: "auto", "fast", "balanced" or "best".
        side: samples along each axis of a tile; None to choose.
        seed: of weights and batches.
        max_bytes: most bytes of the file.
        max_memory: bytes that fitting one tile may take, with all else that is held.

    Raises:
        InputError: a published preset, a side out of range, too little memory for a tile, or too few bytes.
    """
    effort = "balanced" if preset == "auto" else preset
    if effort not in EFFORTS:
        raise InputError(f"preset {preset} is for signals that fit into memory; tiles take {', '.join(EFFORTS)}")
    lookup(effort, EFFORTS, "preset")
    shape, c = signal.grid.shape, len(signal.outline.channels)
    counts, overlap, tile_shape = _cut(
        shape, _tile_samples(len(shape), c * bytes_per_value(effort, len(shape)), side, max_memory), side
    )
    factor = 0
    if math.prod(counts) > 1 and len(shape) > 1:
        factor = 2
        while math.prod(-(-n // factor) for n in shape) > COARSE_SAMPLES:
            factor += 1
    plan = TilePlan(
        signal.grid.box.axes, c, counts, overlap, tile_shape, factor, EFFORTS[effort].params_per_value, (0.0, 1.0), effort, seed
    )
    return _within(_sized(plan, signal), max_bytes)


def bytes_per_value(effort: str, dim: int) -> int:
    """Bytes that fitting a tile may take for each of its values."""
    return BYTES_PER_VALUE * (2**dim if EFFORTS[effort].most_solved else 1)


def tile_bytes(plan: TilePlan) -> int:
    """Bytes that fitting one tile may take."""
    return bytes_per_value(plan.effort, len(plan.axes)) * math.prod(plan.shape) * plan.out_dim


def workers_within(plan: TilePlan, workers: int, max_memory: int | None) -> int:
    """As many of the workers as memory allows, at least one."""
    if max_memory is None:
        return workers
    room = max_memory - SPARE_BYTES
    return max(1, min(workers, room // (tile_bytes(plan) + WORKER_BYTES)))


def _tile_samples(dim: int, sample_bytes: int, side: int | None, max_memory: int | None) -> int:
    """Samples of a tile: those that are wanted, or that memory allows."""
    if side is not None and not (side >= LEAST_SIDE and side**dim <= MOST_TILE_SAMPLES):
        most = int(MOST_TILE_SAMPLES ** (1 / dim))
        raise InputError(f"a tile of {side} samples a side was asked for; expected {LEAST_SIDE} to {most} on {dim} axes")
    wanted = TILE_SAMPLES if side is None else side**dim
    if max_memory is None:
        return wanted
    room = max_memory - SPARE_BYTES
    least = LEAST_SIDE**dim if side is None else wanted
    if room < least * sample_bytes:
        needs = SPARE_BYTES + least * sample_bytes
        raise InputError(f"max_memory is {max_memory:,} bytes; fitting tiles needs {needs:,}: allow more, or smaller tiles")
    return min(wanted, room // sample_bytes)


def _cut(shape: tuple[int, ...], samples: int, side: int | None) -> tuple[tuple[int, ...], float, tuple[int, ...]]:
    """Counts, overlap and samples of a tile with its reach."""
    sides = block_shape(shape, samples) if side is None else tuple(min(n, side) for n in shape)
    counts = tuple(-(-n // s) for n, s in zip(shape, sides, strict=True))
    cores = [n / k for n, k in zip(shape, counts, strict=True)]
    overlap = min(
        0.5,
        HALO.get(len(shape), HALO_ELSE) / min(core for core, k in zip(cores, counts, strict=True) if k > 1 or max(counts) == 1),
    )
    reach = (math.ceil(core * (1 + 2 * overlap)) for core in cores)
    return counts, overlap, tuple(max(1, n) for n in reach)


def _sized(plan: TilePlan, signal: LargeSignal) -> TilePlan:
    """With parameters and range as some tiles, spread over the signal, need them."""
    seen = [tile for tile in (_looked_at(plan, signal, k) for k in _spread(plan.n_tiles)) if tile is not None]
    if not seen:
        raise InputError("none of the samples that were looked at can be read, or they are not finite; check the file")
    effort = EFFORTS[plan.effort]
    needs = [needed(tile, effort, plan.seed) for tile in seen]
    sized = replace(plan, params_per_value=max(needs))
    if signal.outline.kind == "image" and signal.peak != 1:
        return replace(sized, value_range=(-0.5, 0.5) if plan.coarse_factor else (0.0, 1.0))
    values = torch.cat([tile.values.flatten() for tile in seen]).double()
    if plan.coarse_factor:
        rest = [tile.values - tile.values.flatten(0, -2).mean(dim=0) for tile in seen]
        spread = max(float(torch.cat([r.flatten() for r in rest]).double().std(correction=0)), 1e-12)
        return replace(sized, value_range=(-SPREADS / 2 * spread, SPREADS / 2 * spread))
    spread, middle = float(values.std(correction=0)), float(values.mean())
    spread = spread if spread > 0 else 0.5
    return replace(sized, value_range=(middle - spread, middle + spread))


def _looked_at(plan: TilePlan, signal: LargeSignal, flat: int) -> Signal | None:
    """A tile's samples; None where they cannot be read."""
    tiling = plan.tiling(signal.grid.box)
    try:
        return signal.part(tiling.cell(signal.grid, tiling.index(flat))[1])
    except (UngridError, OSError):
        return None


def _spread(n: int) -> list[int]:
    """Numbers of up to `LOOKED_AT` tiles, evenly among all."""
    k = min(n, LOOKED_AT)
    return [(2 * i + 1) * n // (2 * k) for i in range(k)]


def _within(plan: TilePlan, max_bytes: int | None) -> TilePlan:
    """With fewer parameters, so that the file stays below so many bytes."""
    if max_bytes is None:
        return plan
    while True:
        with torch.device("meta"):
            size = (
                2 * plan.n_tiles * plan.tile().n_params + (2 * COARSE_SAMPLES * plan.out_dim if plan.coarse_factor else 0) + 2**16
            )
        if size <= max_bytes:
            return plan
        if plan.params_per_value < 1e-3:
            raise InputError(f"max_bytes is {max_bytes:,}; {plan.n_tiles} tiles need at least {size:,}: take larger tiles")
        plan = replace(plan, params_per_value=0.9 * plan.params_per_value)
