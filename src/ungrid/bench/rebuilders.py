"""Rivals of ours in enlarging and filling in: Lanczos, back-projection with total variation, and a plain SIREN."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.classical.total_variation import total_variation
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.record import Recipe
from ungrid.presets.published import siren
from ungrid.signals.base import Signal
from ungrid.tasks.represent import represent
from ungrid.verbs import fit

ROUNDS, SMOOTHING = 40, 0.002  # of back-projection: the best weight on kodim05 and Set14's pepper
SIREN_STEPS, SIREN_RATE = 500, 1e-4  # of the authors' notebook


def lanczos(observed: Float[Tensor, "h w c"], factor: int) -> Float[Tensor, "y x c"]:
    """Windowed sinc of three lobes, as Pillow has it."""
    return _resized(observed, factor, "LANCZOS")


def back_projection(observed: Float[Tensor, "h w c"], factor: int, *, rounds: int = ROUNDS) -> Float[Tensor, "y x c"]:
    """Alternately, what the means over pixels miss is added, enlarged by cubic convolution (irani1991improving), and total
    variation lessened a little."""
    found = _resized(observed, factor, "BICUBIC")
    for _ in range(rounds):
        found = total_variation(found, SMOOTHING, tolerance=1e-3, max_iterations=20).values
        found = found + _resized(observed - _means(found, factor), factor, "BICUBIC")
    return found


def plain_siren(
    observed: Float[Tensor, "h w c"],
    factor: int = 1,
    known: Bool[Tensor, "h w"] | None = None,
    *,
    steps: int = SIREN_STEPS,
    seed: int = 0,
) -> Float[Tensor, "y x c"]:
    """A SIREN of the published setting (sitzmann2020siren) fitted to the pixels' middles for a fixed number of steps, all at
    once; its values on the scene's samples. No truth says when to stop."""
    height, width, channels = observed.shape
    box = Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px"))
    signal = Signal(observed, Grid(box, (height, width)), "image", tuple("rgb"[:channels]))
    field = siren(box, channels, seed=seed)
    field.recipe = Recipe(learning_rate=SIREN_RATE, steps=steps)
    fit(field, represent(signal, mask=known, heldout=0.0), steps=steps, seed=seed, device="cpu", callbacks=())
    return field.sample(signal.grid.refine(float(factor)))


def _means(values: Tensor, factor: int) -> Tensor:
    means: Tensor = values.unflatten(0, (-1, factor)).unflatten(2, (-1, factor)).mean(dim=(1, 3))
    return means


def _resized(values: Tensor, factor: int, kernel: str) -> Tensor:
    """By Pillow, channel by channel in float32."""
    from PIL import Image

    size = (factor * values.shape[1], factor * values.shape[0])
    channels = [
        np.asarray(Image.fromarray(channel.numpy().astype(np.float32)).resize(size, Image.Resampling[kernel]))
        for channel in values.unbind(-1)
    ]
    return torch.from_numpy(np.stack(channels, axis=-1)).to(values)
