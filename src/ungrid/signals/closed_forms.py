"""Formulas on the plane with known derivatives and integrals: truth for tests, at any coordinate."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def disc(coords: Float[Tensor, "*batch 2"], *, radius: float = 0.5) -> Float[Tensor, "*batch 1"]:
    """1 within `radius` of the origin, 0 outside: its line integral at offset s is the chord 2 √(radius² − s²).

    Shape: coords [*, 2] → [*, 1].
    """
    return (coords.square().sum(dim=-1, keepdim=True) <= radius**2).to(coords.dtype)


class GaussianBumps:
    """A sum of Gaussians, f(p) = Σ aᵢ exp(−|p − cᵢ|² / 2σᵢ²), with its gradient and Laplacian in closed form.

    Args:
        centers: (y, x) of each bump, in the unit of the coords.
        widths: σ of each, in the same unit.
        amplitudes: a of each.

    Shape: coords [*, 2] → values [*, 1], gradient [*, 1, 2], Laplacian [*, 1].
    """

    def __init__(self, centers: Sequence[tuple[float, float]], widths: Sequence[float], amplitudes: Sequence[float]):
        self.centers, self.widths, self.amplitudes = centers, widths, amplitudes

    def __call__(self, coords: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 1"]:
        return self._parts(coords)[0].sum(dim=-1, keepdim=True)

    def gradient(self, coords: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 1 2"]:
        """−Σ fᵢ (p − cᵢ) / σᵢ²."""
        bumps, offsets, widths = self._parts(coords)
        return -(bumps[..., None] * offsets / widths[:, None].square()).sum(dim=-2, keepdim=True)

    def laplacian(self, coords: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 1"]:
        """Σ fᵢ (|p − cᵢ|² / σᵢ⁴ − 2 / σᵢ²)."""
        bumps, offsets, widths = self._parts(coords)
        return (bumps * (offsets.square().sum(dim=-1) / widths**4 - 2 / widths**2)).sum(dim=-1, keepdim=True)

    def _parts(self, coords: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Each bump's value [*, k], the offsets from its center [*, k, 2], and the widths [k]."""
        centers, widths, amplitudes = (coords.new_tensor(list(part)) for part in (self.centers, self.widths, self.amplitudes))
        offsets = coords[..., None, :] - centers
        return amplitudes * torch.exp(-offsets.square().sum(dim=-1) / (2 * widths**2)), offsets, widths
