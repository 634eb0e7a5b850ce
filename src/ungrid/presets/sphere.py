"""The default for fields over the sphere: hashed grids in space, on the unit vector of latitude and longitude."""

import math

from ungrid.encodings.hash_grid import HashGrid
from ungrid.encodings.sphere_coords import SphereCoords
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.fields.storage import file_bytes
from ungrid.networks.mlp import Mlp
from ungrid.presets.choice import Choice
from ungrid.signals.base import Signal

STEPS = {"fast": 380, "balanced": 760, "best": 2300}
BATCH = 8_192
FEATURES, GROWTH, BASE, WIDTH = 4, 1.5, 8, 64
PARAMS_PER_VALUE = 0.7
FEW_LEVELS = 8  # which the network tells apart by their number alone; with more, they are an axis of the grid
LEAST_TABLE, ENOUGH, MOST_TABLE = 6, 10, 22  # log2 of rows: a small signal gets ENOUGH, fewer only to save bytes


def choose_sphere(signal: Signal, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """A smooth hash grid over the unit vector with four features a level, and a network of 2×64 that is told the pressure level.

    On eraint_uvz_jan.npz (z, u, v at three levels, 3×241×480), 760 steps, it ends at 53.6 dB weighted by area, and 49.9 on
    samples held out, after 12 s of CPU. On 98 % of the samples: with linear interpolation and its kinks 55.3, and 52.4 on the
    others; so with a 2×32 network 52.9 and 50.5; so with two features on four axes 51.3 and 49.3; smooth with a GELU network
    50.9 and 48.7; a dense cubic grid over the angles, with a seam, 50.6 and 49.8 at 0.18 parameters a value.

    Args:
        signal: of kind sphere.
        effort: "fast", "balanced" or "best": 380, 760 or 2,300 steps.
        max_bytes: most bytes of the file, or None.
        seed: of the weights.

    Raises:
        InputError: `max_bytes` leaves no room.
    """
    table = MOST_TABLE
    field = _build(signal, table, seed)
    while table > LEAST_TABLE and (
        (table > ENOUGH and field.n_params > PARAMS_PER_VALUE * signal.values.numel())
        or (max_bytes is not None and file_bytes(field, "float16") > max_bytes)
    ):
        table -= 1
        field = _build(signal, table, seed)
    if max_bytes is not None and file_bytes(field, "float16") > max_bytes:
        raise InputError(f"max_bytes is {max_bytes}; a field of this signal needs at least {file_bytes(field, 'float16')}")
    field.recipe = Recipe(
        learning_rate=1e-2,
        schedule="cosine",
        steps=STEPS[effort],
        batch_size=min(BATCH, signal.grid.size),
        order="focused",
        betas=(0.9, 0.99),
        epsilon=1e-15,
    )
    per_value = field.n_params / signal.values.numel()
    reason = (
        f"{effort}: a hash grid over the unit sphere and a 2×{WIDTH} network, {field.n_params:,} parameters ({per_value:.2f} per "
        f"value), {field.recipe.steps} steps of {field.recipe.batch_size:,} samples, weighted by area"
    )
    return Choice(field, "float16", "none", reason)


def _build(signal: Signal, log2_table: int, seed: int) -> EncodedField:
    box, sizes = signal.box, dict(zip(signal.box.axes, signal.grid.shape, strict=True))
    step = math.radians(min(signal.grid.spacing[-2:]))
    finest = max(2.0 * BASE, 2 / step)  # nodes across the unit sphere whose distance is a step
    n_levels = max(2, 1 + math.floor(math.log(finest / BASE) / math.log(GROWTH)))
    joined = "t" in sizes or sizes.get("level", 0) > FEW_LEVELS
    inside = HashGrid(
        3 + joined,
        n_levels,
        FEATURES,
        log2_hashmap_size=log2_table,
        base_resolution=BASE,
        per_level_scale=GROWTH,
        interpolation="smoothstep",
        seed=seed,
    )
    encoding = SphereCoords(inside, box.dim, box.bounds[-2], box.bounds[-1])
    network = Mlp(encoding.out_dim, signal.out_dim, WIDTH, depth=2, seed=seed)
    channels = [signal.known_channel(channel).double() for channel in range(signal.out_dim)]
    scale = tuple(float(values.std(correction=0)) or 1.0 for values in channels)
    return EncodedField(box, encoding, network, scale, tuple(float(values.mean()) for values in channels))
