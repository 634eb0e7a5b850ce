"""A start that knows its target: a SIREN's first weights made noisier where the signal has fine detail."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.metrics.centroid import spectral_centroid
from ungrid.networks.siren import Siren
from ungrid.signals.base import Signal

# s₀'s largest value, its rate a, and s₁'s factor b, by the number of axes: the authors' code; no formula there for three axes
NOISE = {1: (3500.0, 7.0, 3.0), 2: (50.0, 5.0, 0.4)}
STREAM = 0x714E5E  # keeps the noise apart from the weights' own random numbers of the same seed


def winner(field: Field, signal: Signal, *, seed: int = 0) -> Field:
    """Add Gaussian noise to the weights of a SIREN's first two layers, in place, by the signal's detail (chandravamsi2025winner).

    Wₗ ← Wₗ + N(0, (sₗ / ω)²) for the first two layers, ω being `hidden_omega`; with the spectral centroid ψ of the signal and its
    C channels, s₀ = s (1 − exp(−aψ / C)) and s₁ = bψ / C. The first layer then reaches frequencies that the uniform
    weights leave out, which a signal without low frequencies needs to be fitted at all.

    Args:
        field: whose network is a `Siren` of at least two sine layers, with its initial weights.
        signal: what it will be fitted to; sound and series (one axis) or a picture (two).
        seed: of the noise.

    Raises:
        InputError: another network, or a signal of three or more axes, for which the authors give no formula.

    Differs from the paper: a and b are those of the authors' code; the text has a = 5 for sound, where the code has 7. As in
        their code, ψ is divided by the number of channels twice: for a color picture C is 9.
    """
    network = getattr(field, "network", None)
    if not isinstance(network, Siren) or network.depth < 2:
        raise InputError(
            f"the start winner is for a SIREN of at least two sine layers; this field has "
            f"{type(network).__name__ if network is not None else 'no network'}; take the preset siren or sine"
        )
    first, second = noise_scales(signal.values)
    rng = torch.Generator().manual_seed(seed + STREAM)
    with torch.no_grad():
        for layer, scale in zip(list(network.layers)[:2], (first, second), strict=True):
            weight = layer.get_parameter("weight")
            noise = torch.randn(weight.shape, generator=rng, dtype=weight.dtype)
            weight.add_(noise.to(weight.device), alpha=scale / network.hidden_omega)
    return field


def noise_scales(values: Float[Tensor, "*shape c"]) -> tuple[float, float]:
    """s₀ and s₁ of a signal.

    Raises:
        InputError: neither one axis nor two.
    """
    n_axes = values.ndim - 1
    if n_axes not in NOISE:
        raise InputError(f"the start winner knows noise for one axis or two, and the signal has {n_axes}; leave it out")
    most, a, b = NOISE[n_axes]
    detail = spectral_centroid(values) / values.shape[-1] ** 2
    return most * (1 - math.exp(-a * detail)), b * detail
