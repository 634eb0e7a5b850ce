"""How a signal larger than memory is cut into tiles, and what is fitted to each: the default's field, its size per tile."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ungrid.domain.box import Box
from ungrid.domain.tiling import Tiling
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.presets.auto import EFFORTS
from ungrid.presets.tile_cut import COARSE_SAMPLES, SPARE_BYTES, Cut, Room, cut_blocks, cut_frames, cut_sound
from ungrid.presets.tile_fields import TileField, TileShape, choose_film_tile, choose_grid_tile
from ungrid.presets.tile_sound import choose_sound_tile
from ungrid.signals.large import LargeSignal
from ungrid.spec import lookup

BYTES_PER_VALUE = 50  # of a tile's fit beyond the interpreter; measured on tiles of 2¹⁹ samples: 88 on 2 axes and 357 on 3,
# both with estimates between samples, which are 2^d times as many
FILM_BYTES_PER_VALUE = 14  # 9.4 between windows of 13 and 65 million values, before a pass is drawn
SOUND_BYTES_PER_VALUE = 120
WORKER_BYTES = 300 * 2**20  # of a further process before it does anything


@dataclass(frozen=True)
class TilePlan:
    """What all tiles have in common.

    Args:
        kind: of the signal.
        axes: of the box.
        out_dim: channels.
        cut: into how many, how large.
        own: what is fitted to each.
        effort: "fast", "balanced" or "best".
        seed: of weights and batches.
    """

    kind: str
    axes: tuple[str, ...]
    out_dim: int
    cut: Cut
    own: TileField
    effort: str
    seed: int

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return math.prod(self.cut.counts)

    @property
    def shape(self) -> TileShape:
        """Of a tile."""
        return TileShape(self.axes, self.out_dim, self.cut.shape)

    def tiling(self, box: Box) -> Tiling:
        """The tiles of a signal's box."""
        return Tiling(box, self.cut.counts, self.cut.overlap)

    def tile(self) -> Field:
        """A tile's field, in [-1, 1] along each axis, with its recipe; the same for each."""
        return self.own.build(self.shape, self.effort, self.seed)

    @property
    def estimates(self) -> str:
        """What a tile is fitted to beside its samples."""
        return self.own.estimates(self.shape, self.effort)

    def describe(self) -> str:
        """One line for a person."""
        with torch.device("meta"):
            field = self.tile()
        size, each = ("×".join(str(n) for n in reversed(sizes)) for sizes in (self.cut.counts, self.cut.shape))
        factor = self.cut.coarse_factor
        coarse = f" above a coarse field of every {factor} samples" if factor else ""
        return f"{self.effort}: {size} tiles of {each} samples{coarse}; each {self.own.describe(field, self.shape)}"


@dataclass(frozen=True)
class TileKind:
    """How signals of a kind are fitted in tiles.

    Args:
        cut: shape of the signal, room for a tile → tiles.
        choose: signal, cut, effort, seed → what is fitted to each.
        bytes_per_value: of fitting a tile, by effort and number of axes.
    """

    cut: Callable[[tuple[int, ...], Room], Cut]
    choose: Callable[[LargeSignal, Cut, str, int], TileField]
    bytes_per_value: Callable[[str, int], int]


def grid_bytes_per_value(effort: str, dim: int) -> int:
    """Bytes that fitting a grid to a tile may take for each of its values."""
    return BYTES_PER_VALUE * (2**dim if EFFORTS[effort].most_solved else 1)


# kind → its own way; that of pictures for the others
KINDS: dict[str, TileKind] = {
    "audio": TileKind(cut_sound, choose_sound_tile, lambda effort, dim: SOUND_BYTES_PER_VALUE),
    "video": TileKind(cut_frames, choose_film_tile, lambda effort, dim: FILM_BYTES_PER_VALUE),
}
OTHERS = TileKind(cut_blocks, choose_grid_tile, grid_bytes_per_value)


def plan_tiles(
    signal: LargeSignal,
    preset: str = "auto",
    *,
    side: int | None = None,
    seed: int = 0,
    max_bytes: int | None = None,
    max_memory: int | None = None,
) -> TilePlan:
    """Choose tiles for a signal by its kind, as large as the kind likes or memory allows, overlapping, alike.

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
    known, c = signal.outline, len(signal.outline.channels)
    way = KINDS.get(known.kind, OTHERS)
    cut = way.cut(known.grid.shape, Room(c * way.bytes_per_value(effort, known.grid.box.dim), side, max_memory))
    own = way.choose(signal, cut, effort, seed)
    return _within(TilePlan(known.kind, known.grid.box.axes, c, cut, own, effort, seed), max_bytes)


def tile_bytes(plan: TilePlan) -> int:
    """Bytes that fitting one tile may take."""
    each = KINDS.get(plan.kind, OTHERS).bytes_per_value(plan.effort, len(plan.axes))
    return each * math.prod(plan.cut.shape) * plan.out_dim


def workers_within(plan: TilePlan, workers: int, max_memory: int | None) -> int:
    """As many of the workers as memory allows, at least one."""
    if max_memory is None:
        return workers
    room = max_memory - SPARE_BYTES
    return max(1, min(workers, room // (tile_bytes(plan) + WORKER_BYTES)))


def _within(plan: TilePlan, max_bytes: int | None) -> TilePlan:
    """With fewer parameters, so that the file stays below so many bytes."""
    if max_bytes is None:
        return plan
    coarse = 2 * COARSE_SAMPLES * plan.out_dim if plan.cut.coarse_factor else 0
    while True:
        with torch.device("meta"):
            tile = plan.tile()
        size = plan.n_tiles * (2 * tile.n_params + sum(b.nbytes for b in tile.buffers())) + coarse + 2**16
        if size <= max_bytes:
            return plan
        own = plan.own.smaller()
        if own is None:
            raise InputError(f"max_bytes is {max_bytes:,}; {plan.n_tiles} tiles need at least {size:,}: take larger tiles")
        plan = replace(plan, own=own)
