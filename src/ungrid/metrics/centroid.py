"""Where the weight of a spectrum lies: one number for how fine a signal's detail is."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.metrics.error import check_pair


def spectral_centroid(values: Float[Tensor, "*shape c"]) -> float:
    """Mean frequency of the magnitudes along the last axis, Σ f |F(f)| / Σ |F(f)|, in half cycles per sample: 0 to 1.

    Of each line along the last axis of the grid, averaged over lines and channels; a line of zeros counts as 0.
    (chandravamsi2025winner, as in its authors' code, before their division by the number of channels.)

    Args:
        values: on a grid of any number of axes.

    Shape: values [*shape, c] → a number.

    Raises:
        InputError: no samples, no axis, or values that are not floating point.
    """
    check_pair(values, values)
    if values.ndim < 2:
        raise InputError(f"a spectrum needs values [*shape, channels] on at least one axis; got {tuple(values.shape)}")
    lines = values.detach().double().movedim(-1, 0)
    magnitudes = torch.fft.rfft(lines).abs()
    frequency = torch.fft.rfftfreq(lines.shape[-1], dtype=torch.float64, device=values.device)
    weight = magnitudes.sum(dim=-1)
    centroids = torch.where(weight > 0, (magnitudes * frequency).sum(dim=-1) / weight, 0.0)
    return 2 * float(centroids.mean())
