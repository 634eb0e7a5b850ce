"""Pattern-producing networks for pictures: random ones to look at, and a mixed-activation network to fit."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.radial import Radial
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe, Record
from ungrid.networks.cppn import Cppn
from ungrid.networks.palette import PATTERN_DIM, CosinePalette
from ungrid.spec import lookup

COLORS = ("r", "g", "b")
LATENT_DIM = 8
MOST_SEED = 2**53  # what a file's JSON keeps exactly
MOST_SIDE = 65536
CANDIDATES = 8  # networks drawn for a seed; the liveliest one is taken
LOOK = 48  # pixels along the shorter side of what they are judged by


class Style(NamedTuple):
    """How a random network is drawn: all of one width and depth, so that any two can be crossed."""

    activations: tuple[str, ...]
    weight_scale: float
    scale: float


WIDTH, DEPTH = 24, 4
STYLES = (
    Style(("tanh",), 1.1, 1.0),  # hardmaru's: folded cloth, glass
    Style(("tanh",), 0.9, 1.8),
    Style(("tanh", "tanh", "sine", "gaussian", "abs"), 0.6, 1.2),
    Style(("cosine", "gaussian", "sine", "tanh", "tanh", "sigmoid", "abs"), 0.5, 1.6),
    Style(("sine", "gaussian", "tanh"), 0.45, 1.8),
)


class Symmetry(NamedTuple):
    """What `Radial` is asked for; folds are drawn from 3 to 8 where `folds`."""

    folds: bool = False
    mirror: bool = False
    tile: bool = False


SYMMETRIES: dict[str, Symmetry] = {
    "none": Symmetry(),
    "mirror": Symmetry(mirror=True),
    "rotation": Symmetry(folds=True),
    "kaleidoscope": Symmetry(folds=True, mirror=True),
    "tile": Symmetry(tile=True),
}
ANY = "any"
CHANCES = {"none": 0.62, "mirror": 0.13, "rotation": 0.08, "kaleidoscope": 0.17}


def cppn(box: Box, out_dim: int, *, width: int = 64, depth: int = 5, scale: float = 12.0, seed: int = 0) -> Field:
    """A mixed-activation network over (x, y, r), fitted instead of evolved (stanley2007compositional).

    Sizes, functions and rates are ours, since the paper evolves its networks by hand: five layers of 64 units, each a sine,
    cosine, Gaussian or tanh, weights N(0, 0.25²); Adam at 3e-3 with a cosine schedule on batches of 8,192, 1,000 steps.

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the network's hidden layers.
        scale: of the coordinates: how fine the pattern is that the fit starts from.
        seed: of functions and weights.
    """
    encoding = Radial(box.dim, scale=_round_scale(box, scale), latent_dim=0, seed=seed)
    functions = ("cosine", "gaussian", "sine", "tanh")
    network = Cppn(encoding.out_dim, out_dim, width, depth=depth, activations=functions, weight_scale=0.25, seed=seed)
    field = EncodedField(box, encoding, network, (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=3e-3, schedule="cosine", steps=1000, batch_size=8192)
    return field


def random_art(seed: int = 0, *, size: tuple[int, int] = (512, 512), symmetry: str = ANY) -> Field:
    """A picture that nobody drew: a random CPPN in the colors of a random palette, the liveliest of eight.

    Args:
        seed: of everything; the same seed is the same picture at any size of the same proportions.
        size: (height, width) in pixels of the picture's box. It can be rendered at any other.
        symmetry: "none", "mirror", "rotation", "kaleidoscope", "tile", or "any" for one that is drawn, most often none.

    Raises:
        InputError: a seed or size out of range.
        UnknownName: no such symmetry.
    """
    lookup(symmetry, {ANY: None, **SYMMETRIES}, "symmetry")
    if not isinstance(seed, int) or not 0 <= seed < MOST_SEED:
        raise InputError(f"seed is {seed!r}; expected 0 to {MOST_SEED - 1}")
    if len(size) != 2 or not all(isinstance(n, int) and 1 <= n <= MOST_SIDE for n in size):
        raise InputError(f"size is {size!r}; expected (height, width), each from 1 to {MOST_SIDE} pixels")
    rng = torch.Generator().manual_seed(seed)
    if symmetry == ANY:
        symmetry = _pick(tuple(CHANCES), rng, tuple(CHANCES.values()))
    n_fold = 3 + int(torch.randint(6, (), generator=rng))
    best = max((_candidate(rng, size, SYMMETRIES[symmetry], n_fold) for _ in range(CANDIDATES)), key=liveliness)
    best.record = record_of_art(size, {"preset": "art", "seed": seed, "symmetry": symmetry})
    return best.eval()


def record_of_art(size: tuple[int, int], made: dict[str, object]) -> Record:
    """The record of a picture that was fitted to nothing: its size, colors, and how it was made."""
    return Record(kind="image", shape=size, channels=COLORS, fit=dict(made))


def pattern_of(field: Field) -> Cppn | None:
    """The CPPN inside a field, below its palette if it has one; None for a field of another kind."""
    network = field.network if isinstance(field, EncodedField) else None
    if isinstance(network, CosinePalette):
        network = network.network
    return network if isinstance(network, Cppn) else None


@torch.no_grad()
def calibrate(field: Field) -> None:
    """Scale and shift the pattern's two values, in place: 0 is their median, and eight tenths of the picture lie within about ±1.

    A random network may answer 100 ± 0.1 or ± 50; its palette wants ± 1. Other fields stay as they are.
    """
    pattern = pattern_of(field)
    if pattern is None or not isinstance(field, EncodedField) or not isinstance(field.network, CosinePalette):
        return
    features = field.encoding(_look(field).flatten(0, -2))
    levels = torch.tensor([0.1, 0.5, 0.9], dtype=features.dtype)
    low, middle, high = torch.quantile(pattern(features), levels, dim=0)
    reach = ((high - low) / 2).clamp_min(1e-6)
    last = pattern.layers[-1]
    last.get_parameter("weight").div_(reach[:, None])
    last.get_parameter("bias").sub_(middle).div_(reach)


@torch.no_grad()
def liveliness(field: Field) -> float:
    """How much there is to see: many brightnesses and colors, neither flat nor noisy, neither dark nor pale. Larger is better."""
    picture = field.values_at(_look(field)).clamp(0, 1)
    steps = torch.cat([picture.diff(dim=axis).abs().flatten() for axis in (0, 1)])
    roughness = float(steps.mean())
    brightness = picture.mean(dim=-1)
    chroma = float((picture - brightness[..., None]).norm(dim=-1).mean())
    shares = torch.histc(brightness, 12, 0, 1) / brightness.numel()
    entropy = float(-torch.special.xlogy(shares, shares).sum()) / math.log(12)
    flat, noisy = max(0.0, 0.03 - roughness) / 0.015, max(0.0, roughness - 0.05) / 0.03
    contrast = float(picture.flatten(0, 1).std(dim=0).mean())
    off_middle = abs(float(brightness.mean()) - 0.48)
    return 2 * contrast + entropy + 1.5 * min(chroma, 0.25) - flat - 0.7 * noisy - 2 * off_middle


def _candidate(rng: Generator, size: tuple[int, int], symmetry: Symmetry, n_fold: int) -> EncodedField:
    style = STYLES[int(torch.randint(len(STYLES), (), generator=rng))]
    zoom, spread = torch.rand(2, generator=rng).tolist()
    scale = style.scale * 2 ** (2 * zoom - 0.7)
    if symmetry.folds and not symmetry.mirror:
        scale *= 2 / n_fold  # n times the angle is n times as fine
    seeds = torch.randint(2**48, (3,), generator=rng).tolist()
    box = Box(("y", "x"), ((0.0, float(size[0])), (0.0, float(size[1]))), ("px", "px"))
    encoding = Radial(
        2,
        scale=(1.0, 1.0) if symmetry.tile else _round_scale(box, scale),
        n_fold=n_fold if symmetry.folds else 1,
        mirror=symmetry.mirror,
        tile=symmetry.tile,
        latent_dim=LATENT_DIM,
        seed=seeds[0],
    )
    pattern = Cppn(
        encoding.out_dim,
        PATTERN_DIM,
        WIDTH,
        depth=DEPTH,
        activations=style.activations,
        weight_scale=style.weight_scale,
        seed=seeds[1],
    )
    field = EncodedField(box, encoding, CosinePalette(pattern, len(COLORS), spread=0.12 + 0.28 * spread, seed=seeds[2]))
    calibrate(field)
    return field


def _look(field: Field) -> Float[Tensor, "h w d"]:
    """Normalized coordinates of a small picture of the whole box."""
    shortest = min(field.box.extent)
    shape = tuple(max(1, min(4 * LOOK, round(LOOK * extent / shortest))) for extent in field.box.extent)
    own = next(field.parameters())
    return field.box.normalize(Grid(field.box, shape).points(dtype=own.dtype, device=own.device))


def _round_scale(box: Box, scale: float) -> tuple[float, ...]:
    """Factors of the axes that make circles round: in proportion of the sides, with `scale` as their geometric mean."""
    mean = math.prod(box.extent) ** (1 / box.dim)
    return tuple(scale * extent / mean for extent in box.extent)


def _pick(names: tuple[str, ...], rng: Generator, chances: tuple[float, ...]) -> str:
    return names[int(torch.multinomial(torch.tensor(chances), 1, generator=rng))]
