"""Pictures bred by eye: a field changed a little, two fields crossed, the next generation, a walk through latent space.

Everything here is a pure function of fields and a seed that gives new fields; what it is given stays as it was.
"""

import copy
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Generator, Tensor

from ungrid.encodings.radial import Radial
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.networks.cppn import Cppn
from ungrid.networks.palette import CosinePalette
from ungrid.presets.art import calibrate, pattern_of, record_of_art

Units = tuple[tuple[str, ...], ...]
DOMINANT = (
    0.75  # of the units come from the first parent: halves of unrelated networks understand each other no better than noise
)
COLOR_SHARE = 0.3  # of the amount goes to the palette: channels that drift apart turn garish long before forms are lost
COLORS = frozenset({"network.amplitude", "network.frequency", "network.phase"})  # of a palette, as a field names them
SWITCHES = 0.08  # of the units get another function at amount 1
MOST_FRAMES = 10_000


def mutate(field: Field, amount: float = 0.3, seed: int = 0) -> Field:
    """A field like this one: noise of `amount` × root mean square on each tensor, and a few units with another function.

    Args:
        field: any; a CPPN also switches functions of units, and with a palette has its contrast set again.
        amount: 0 (a copy) to 1 (hardly related).
        seed: of the change.

    Raises:
        InputError: an amount outside [0, 1].
    """
    if not 0 <= amount <= 1:
        raise InputError(f"amount is {amount}; expected 0 (a copy) to 1 (hardly related)")
    rng = torch.Generator().manual_seed(seed)
    pattern = pattern_of(field)
    units = None if pattern is None else _switched(pattern, amount, rng)
    child = _rebuilt(field, units)
    shares = {name: COLOR_SHARE if pattern is not None and name in COLORS else 1.0 for name in field.state_dict()}
    state = {name: _shaken(tensor, amount * shares[name], rng) for name, tensor in field.state_dict().items()}
    return _born(child, field, state, {"amount": amount, "seed": seed}, calibrated=amount > 0)


def crossover(first: Field, second: Field, seed: int = 0) -> Field:
    """A child of two: its units, each with its function, weights and bias, mostly from `first`; palette and latent from either.

    Args:
        first: the dominant parent, whose box and size the child has.
        second: with a CPPN of the same sizes.
        seed: of what comes from whom.

    Raises:
        InputError: fields that are no CPPNs, or of different sizes.
    """
    patterns = pattern_of(first), pattern_of(second)
    shapes = [{name: tuple(tensor.shape) for name, tensor in field.state_dict().items()} for field in (first, second)]
    if patterns[0] is None or patterns[1] is None or shapes[0] != shapes[1]:
        raise InputError("only two CPPNs of the same sizes can be crossed, such as two pictures of one `ungrid art` session")
    rng = torch.Generator().manual_seed(seed)
    from_first = torch.rand(patterns[0].depth, patterns[0].width, generator=rng) < DOMINANT
    units = tuple(
        tuple(ours if keep else theirs for ours, theirs, keep in zip(*layers, strict=True))
        for layers in zip(patterns[0].drawn_units, patterns[1].drawn_units, from_first.tolist(), strict=True)
    )
    takes_colors, takes_encoding = torch.rand(2, generator=rng).lt(0.5).tolist()
    child = _rebuilt(first, units, encoding=second if takes_encoding else first)
    theirs = second.state_dict()
    state = {name: tensor.clone() for name, tensor in first.state_dict().items()}
    for name, tensor in state.items():
        if "layers." in name:
            layer = int(name.split("layers.")[1].split(".")[0])
            if layer < len(from_first):
                keep = from_first[layer].to(tensor.device).reshape(-1, *[1] * (tensor.ndim - 1))
                state[name] = torch.where(keep, tensor, theirs[name])
        elif (name == "encoding.latent" and takes_encoding) or (name != "encoding.latent" and takes_colors):
            state[name] = theirs[name].clone()
    return _born(child, first, state, {"crossed": True, "seed": seed}, calibrated=True)


def next_generation(parents: Sequence[Field], count: int, *, amount: float = 0.3, seed: int = 0) -> list[Field]:
    """The parents as they are, then children: mutants of one parent, or of crossings of two, in turn.

    Args:
        parents: one or more, hand-picked.
        count: of the generation, at least as many as the parents.
        amount: of mutation, 0 to 1.
        seed: of the first picture; the next ones follow it.

    Raises:
        InputError: no parents, or more than `count`; an amount out of range; parents that cannot be crossed.
    """
    if not 1 <= len(parents) <= count:
        raise InputError(f"{len(parents)} parents for a generation of {count}; expected at least one parent, and room for all")
    generation = list(parents)
    for index in range(len(parents), count):
        rng = torch.Generator().manual_seed(seed + index)
        first, second = (parents[int(torch.randint(len(parents), (), generator=rng))] for _ in range(2))
        own = int(torch.randint(2**48, (), generator=rng))
        crossed = first if first is second else crossover(first, second, own)
        generation.append(mutate(crossed, amount, own))
    return generation


def latent_walk(field: Field, n_frames: int, *, radius: float = 0.15, seed: int = 0) -> Iterator[Field]:
    """The field at n places on a circle through its latent vector z: frames of a loop without an end.

    z(t) = z + ρ (cos 2πt − 1) u + ρ sin 2πt · v with random orthonormal u and v: the first frame is the field itself.

    Args:
        field: with a latent vector, such as a picture of `random_art`.
        n_frames: of the loop, 1 to 10,000.
        radius: ρ, in units of the latent's entries times √(their number).
        seed: of the directions.

    Raises:
        InputError: a field without at least two latent entries, a number out of range.
    """
    encoding = getattr(field, "encoding", None)
    if not isinstance(encoding, Radial) or encoding.latent_dim < 2:
        raise InputError("this field has no latent space to walk through; expected a picture made by `ungrid art`")
    if not 1 <= n_frames <= MOST_FRAMES:
        raise InputError(f"a walk of {n_frames} frames; expected 1 to {MOST_FRAMES:,}")
    if not 0 < radius < math.inf:
        raise InputError(f"radius is {radius}; expected a number above 0")
    rng = torch.Generator().manual_seed(seed)
    latent = encoding.latent
    directions = torch.linalg.qr(torch.randn(encoding.latent_dim, 2, generator=rng, dtype=torch.float64)).Q.to(latent)
    reach = radius * math.sqrt(encoding.latent_dim)
    return _steps(field, latent.clone(), reach * directions, n_frames)


def _steps(field: Field, start: Tensor, directions: Tensor, n_frames: int) -> Iterator[Field]:
    for frame in range(n_frames):
        angle = 2 * math.pi * frame / n_frames
        moved = copy.deepcopy(field)
        assert isinstance(moved, EncodedField)
        assert isinstance(moved.encoding, Radial)
        moved.encoding.set_latent(start + (math.cos(angle) - 1) * directions[:, 0] + math.sin(angle) * directions[:, 1])
        yield moved


def _rebuilt(field: Field, units: Units | None, encoding: Field | None = None) -> Field:
    """A copy with other functions of units, and another field's encoding; weights are loaded afterwards."""
    pattern = pattern_of(field)
    if units is None or pattern is None or not isinstance(field, EncodedField):
        return copy.deepcopy(field)
    network: Cppn | CosinePalette = Cppn(
        pattern.in_dim,
        pattern.out_dim,
        pattern.width,
        depth=pattern.depth,
        activations=pattern.activations,
        units=units,
        weight_scale=pattern.weight_scale,
        output_activation=pattern.output_activation,
        seed=pattern.seed,
    )
    colors = field.network
    if isinstance(colors, CosinePalette):
        network = CosinePalette(network, colors.out_dim, spread=colors.spread, shade=colors.shade, seed=colors.seed)
    source = encoding if isinstance(encoding, EncodedField) else field
    child = EncodedField(field.box, copy.deepcopy(source.encoding), network, field.value_scale, field.value_offset)
    return child.to(next(field.parameters()))


def _born(child: Field, parent: Field, state: dict[str, Tensor], made: dict[str, object], *, calibrated: bool) -> Field:
    child.load_state_dict(state)
    if calibrated:
        calibrate(child)
    child.recipe = parent.recipe
    if parent.record is not None and len(parent.record.shape) == 2 and child.out_dim == 3:
        child.record = record_of_art((parent.record.shape[0], parent.record.shape[1]), {"preset": "art", **made})
    else:
        child.record = copy.deepcopy(parent.record)
    return child.eval()


def _shaken(tensor: Tensor, amount: float, rng: Generator) -> Tensor:
    """The tensor with noise of `amount` times its root mean square; integers as they are."""
    if not tensor.is_floating_point() or not tensor.numel():
        return tensor.clone()
    noise = torch.randn(tensor.shape, generator=rng).to(tensor)
    return tensor + amount * tensor.square().mean().sqrt() * noise


def _switched(pattern: Cppn, amount: float, rng: Generator) -> Units:
    """Each unit's function, a few of them drawn anew from those that the network draws from."""
    chances = torch.rand(pattern.depth, pattern.width, generator=rng).tolist()
    others = torch.randint(len(pattern.activations), (pattern.depth, pattern.width), generator=rng).tolist()
    return tuple(
        tuple(
            pattern.activations[other] if chance < SWITCHES * amount else name for name, chance, other in zip(*layer, strict=True)
        )
        for layer in zip(pattern.drawn_units, chances, others, strict=True)
    )
