"""Rivals of ours in enlarging and filling in: Lanczos, back-projection with total variation, and a plain SIREN."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.classical.total_variation import total_variation
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.presets.published import siren

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
    grid = Grid(Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px")), (height, width))
    torch.manual_seed(seed)
    field = siren(grid.box, channels)
    coords, values = grid.points().reshape(-1, 2), observed.reshape(-1, channels)
    if known is not None:
        coords, values = coords[known.flatten()], values[known.flatten()]
    optimizer = torch.optim.Adam(field.parameters(), lr=SIREN_RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(field(coords), values).backward()
        optimizer.step()
    with torch.no_grad():
        parts = [field(part) for part in grid.refine(float(factor)).points().reshape(-1, 2).split(2**14)]
    return torch.cat(parts).reshape(factor * height, factor * width, channels)


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
