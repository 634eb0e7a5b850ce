"""How much each sample along a trajectory should count, so that places where many lie do not outweigh the others."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.kernels.nufft import transform

LEAST = 1e-6  # of the largest correlation: below it rounding speaks

paper = "ong2020accelerating"


def density_weights(shape: tuple[int, ...], points: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
    """w(i) = ‖a_i‖⁴ / Σ_j |⟨a_i, a_j⟩|² of the rows a of a Fourier transform at some frequencies (ong2020accelerating).

    Of all diagonal matrices W it brings W A Aᴴ nearest to 1: a sample that no other resembles gets 1, one of k that are alike
    1 / k. So Aᴴ W A is nearly the identity where A itself would weigh low frequencies a hundredfold, and Aᴴ W y is a picture.

    Args:
        shape: of the picture.
        points: frequencies in cycles per field of view, float64.

    Shape: → [m] in (0, 1], float32.
    """
    # |⟨a_i, a_j⟩|² depends on the difference of frequencies alone: the transform of a triangle, on a picture twice as large
    doubled = tuple(2 * n for n in shape)
    fine = transform(doubled, 2 * points)
    spread = fine.adjoint(torch.ones(1, len(points), dtype=torch.complex64))
    for axis, n in enumerate(shape):
        triangle = 1 - (torch.arange(2 * n) - n).abs() / n
        spread = spread * triangle.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    alike = fine.forward(spread)[0].real * (math.prod(doubled) / math.prod(shape))
    return (1 / alike.clamp_min(LEAST * float(alike.max()))).clamp_max(1.0)
