"""The default for volumes: a spline with a node at each sample where the volume is rich and few nodes elsewhere."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.fields.refined_spline import RefinedSpline
from ungrid.fields.refinement import BLOCK
from ungrid.fit.spline import from_coarser, from_neighbors
from ungrid.presets.choice import Choice, sized
from ungrid.presets.least_squares import keep_blocks, layers, refined_spline, rounding_energy
from ungrid.signals.base import Signal
from ungrid.tasks.draws import HELDOUT_FRACTION, WHOLE, hold_out

MOST_CHANNELS = 64
THIN = 4  # samples of an axis


@dataclass(frozen=True)
class VolumeEffort:
    """A point of the frontier for volumes.

    Args:
        steps: of conjugate gradients, after the spline is found level by level; of fewer than 8 none comes after the
            held-out samples are taken in.
        enough: dB of PSNR that are aimed at, beyond which nodes are saved.
        params_per_value: for each value, at most.
    """

    steps: int
    enough: float
    params_per_value: float


VOLUME_EFFORTS = {
    "fast": VolumeEffort(8, 50.0, 0.45),
    "balanced": VolumeEffort(8, 60.0, 0.7),
    "best": VolumeEffort(24, 70.0, 0.9),
}


def choose_volume(signal: Signal, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """The default for volumes, begun at its spline, without a look at the samples that the fit will hold out with this seed.

    Of a volume with gaps, only what is known is fitted. Nothing of it is random, so the seed changes nothing else.

    Args:
        signal: what will be fitted.
        effort: a name in `VOLUME_EFFORTS`.
        max_bytes: most bytes of the file, or None.
        seed: of the samples that are held out.

    Raises:
        InputError: no room in the bytes, or more channels than the spline takes; a published setting takes them.
    """
    if signal.out_dim > MOST_CHANNELS:
        raise InputError(
            f"the default for volumes takes up to {MOST_CHANNELS} channels, this has {signal.out_dim}; say --preset dense_grid"
        )
    level = VOLUME_EFFORTS[effort]
    scale, offset = _scales(signal)
    missed: dict[int, float] = {}
    found = layers((completed(signal, seed) - torch.tensor(offset)) / torch.tensor(scale))
    n_values = signal.values.numel()
    own_peak = signal.peak / (sum(number**2 for number in scale) / len(scale)) ** 0.5  # in units of the scale
    allowed = n_values * own_peak**2 * 10 ** (-level.enough / 10)

    def build(share: float) -> RefinedSpline:
        kept = keep_blocks(found, share * n_values, allowed)
        field = refined_spline(signal.box, found, kept.blocks, value_scale=tuple(scale), value_offset=tuple(offset))
        missed[field.n_params] = kept.missed + rounding_energy(found, kept.blocks)
        return field

    # a block reaches beyond a thin axis: nodes that are of no use
    beyond = math.prod(-(-n // BLOCK) * BLOCK / n for n in signal.grid.shape if n < THIN)
    field = sized(signal, build, level.params_per_value * beyond, max_bytes)
    field.recipe = Recipe(optimizer="conjugate_gradients", learning_rate=1.0, steps=level.steps, order=WHOLE)
    expected = 10 * math.log10(max(n_values * own_peak**2, 1e-30) / max(missed[field.n_params], 1e-30))
    reason = (
        f"{effort}: a cubic spline with a node at each sample where the volume is rich and coarser ones elsewhere, "
        f"{field.n_params:,} parameters ({field.n_params / n_values:.2f} per value), by least squares of "
        f"{WHY[signal.known is None]} in {level.steps} steps of conjugate gradients; a PSNR of about {expected:.0f} dB"
    )
    return Choice(field, "float16", "none", reason)


WHY = {True: "all samples", False: "what is known"}


@torch.no_grad()
def completed(signal: Signal, seed: int) -> Float[Tensor, "*shape c"]:
    """The samples, with estimates in place of those that are not known or will be held out."""
    known = signal.known_samples
    index = None if known is None else known.flatten().nonzero().squeeze(-1)
    values: Tensor = signal.values.float()
    if known is not None:
        values = from_coarser(values, ~known)
    _, withheld = hold_out(signal.grid.size, index, HELDOUT_FRACTION, seed)
    if withheld is None:
        return values
    estimates = from_neighbors(values, withheld.long())
    return values.flatten(0, -2).index_copy(0, withheld.long(), estimates.to(values)).reshape(values.shape)


def _scales(signal: Signal) -> tuple[list[float], list[float]]:
    """Standard deviation of each channel, 1 for a constant, and mean."""
    known = signal.known_values.flatten(0, -2)
    spread = known.double().std(dim=0, correction=0)
    return torch.where(spread > 0, spread, 1.0).tolist(), known.mean(dim=0, dtype=torch.float64).tolist()
