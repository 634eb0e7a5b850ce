"""How a signal is cut into equal tiles: blocks of even sides, windows of time of whole frames, windows of a recording."""

import math
from dataclasses import dataclass

from ungrid.domain.tiling import LEAST_OVERLAP
from ungrid.errors import InputError
from ungrid.fit.tiles import block_shape

TILE_SAMPLES = 2**19
COARSE_SAMPLES = 2**18
HALO = {1: 8, 2: 8}  # samples that a tile reaches into its neighbors, by axes; those of a volume are a fifth of it at 8
HALO_ELSE = 4
LEAST_SIDE, MOST_TILE_SAMPLES = 32, 2**24
SPARE_BYTES = 2**28  # for the coarse field, buffers of readers, and drawing
FRAME_SAMPLES = 2**25  # of a window of a film where memory does not say
FRAME_HALO, PIXEL_HALO = 2, 8  # frames and pixels that a window of a film reaches into its neighbors
LEAST_FRAMES, LEAST_PIXELS = 16, 64  # of a window, below which it is cut in space instead
SOUND_SAMPLES = 2**19  # of a window of a recording: twelve seconds
SOUND_HALO = 128  # samples: half of a window whose density of cells is chosen
LEAST_SOUND = 2**12


@dataclass(frozen=True)
class Room:
    """What a tile may take.

    Args:
        sample_bytes: of fitting it, for each of its samples.
        side: samples along each axis that were asked for, or None.
        max_memory: bytes, or None.
    """

    sample_bytes: int
    side: int | None = None
    max_memory: int | None = None

    def samples(self, wanted: int, least: int) -> int:
        """As many as are wanted, or as memory allows.

        Raises:
            InputError: not even the least.
        """
        if self.max_memory is None:
            return wanted
        room = self.max_memory - SPARE_BYTES
        if room < least * self.sample_bytes:
            needs = SPARE_BYTES + least * self.sample_bytes
            raise InputError(
                f"max_memory is {self.max_memory:,} bytes; fitting tiles needs {needs:,}: allow more, or smaller tiles"
            )
        return min(wanted, room // self.sample_bytes)


@dataclass(frozen=True)
class Cut:
    """Equal tiles.

    Args:
        counts, overlap: of the tiling.
        shape: samples along each axis of a tile with its reach.
        coarse_factor: samples along each axis that a sample of the coarse field stands for; 0 for no coarse field.
    """

    counts: tuple[int, ...]
    overlap: float | tuple[float, ...]
    shape: tuple[int, ...]
    coarse_factor: int


def cut_blocks(shape: tuple[int, ...], room: Room) -> Cut:
    """Blocks of about 2¹⁹ samples and even sides, above a coarse field of the whole where there are several on several axes.

    Raises:
        InputError: a side out of range, or too little memory.
    """
    dim, side = len(shape), room.side
    _check_side(side, dim)
    wanted = TILE_SAMPLES if side is None else side**dim
    samples = room.samples(wanted, LEAST_SIDE**dim if side is None else wanted)
    sides = block_shape(shape, samples) if side is None else tuple(min(n, side) for n in shape)
    counts = tuple(-(-n // s) for n, s in zip(shape, sides, strict=True))
    cores = [n / k for n, k in zip(shape, counts, strict=True)]
    overlap = min(
        0.5,
        HALO.get(dim, HALO_ELSE) / min(core for core, k in zip(cores, counts, strict=True) if k > 1 or max(counts) == 1),
    )
    factor = 0
    if math.prod(counts) > 1 and dim > 1:
        factor = 2
        while math.prod(-(-n // factor) for n in shape) > COARSE_SAMPLES:
            factor += 1
    return Cut(counts, overlap, _reach(cores, (overlap,) * dim), factor)


def cut_frames(shape: tuple[int, ...], room: Room) -> Cut:
    """Windows of time of whole frames; cut in space, too, where fewer than 16 frames would fit. No coarse field.

    Raises:
        InputError: a side out of range, or too little memory.
    """
    _check_side(room.side, len(shape))
    wanted = FRAME_SAMPLES if room.side is None else room.side**3
    samples = room.samples(wanted, min(math.prod(shape), LEAST_FRAMES * LEAST_PIXELS**2) if room.side is None else wanted)
    counts = [1, 1, 1]
    if room.side is not None:
        counts = [-(-n // room.side) for n in shape]
    else:
        few = min(LEAST_FRAMES, shape[0])
        while few * _with_halo(shape[1] / counts[1], counts[1]) * _with_halo(shape[2] / counts[2], counts[2]) > samples:
            longer = 1 if shape[1] / counts[1] > shape[2] / counts[2] else 2
            counts[longer] += 1
        area = _with_halo(shape[1] / counts[1], counts[1]) * _with_halo(shape[2] / counts[2], counts[2])
        if shape[0] * area > samples:
            counts[0] = -(-shape[0] // max(1, int(samples / area) - 2 * FRAME_HALO))
    cores = [n / k for n, k in zip(shape, counts, strict=True)]
    halos = (FRAME_HALO, PIXEL_HALO, PIXEL_HALO)
    overlap = tuple(min(0.5, halo / core) if k > 1 else LEAST_OVERLAP for halo, core, k in zip(halos, cores, counts, strict=True))
    return Cut(tuple(counts), overlap, _reach(cores, overlap), 0)


def cut_sound(shape: tuple[int, ...], room: Room) -> Cut:
    """Windows of 2¹⁹ samples, or as memory allows. No coarse field.

    Raises:
        InputError: a side out of range, or too little memory.
    """
    _check_side(room.side, 1)
    wanted = SOUND_SAMPLES if room.side is None else room.side
    samples = room.samples(wanted, min(shape[0], LEAST_SOUND) if room.side is None else wanted)
    counts = (-(-shape[0] // samples),)
    core = shape[0] / counts[0]
    overlap = min(0.5, SOUND_HALO / core)
    return Cut(counts, overlap, _reach([core], (overlap,)), 0)


def _check_side(side: int | None, dim: int) -> None:
    if side is not None and not (side >= LEAST_SIDE and side**dim <= MOST_TILE_SAMPLES):
        most = int(MOST_TILE_SAMPLES ** (1 / dim))
        raise InputError(f"a tile of {side} samples a side was asked for; expected {LEAST_SIDE} to {most} on {dim} axes")


def _with_halo(core: float, count: int) -> float:
    return core + 2 * PIXEL_HALO * (count > 1)


def _reach(cores: list[float], overlap: tuple[float, ...]) -> tuple[int, ...]:
    """Samples along each axis of a tile with what it reaches into its neighbors."""
    # 1e-5: an axis that is not cut, whose reach is as good as none, has no sample more for it
    return tuple(max(1, math.ceil(core * (1 + 2 * share) * (1 - 1e-5))) for core, share in zip(cores, overlap, strict=True))
