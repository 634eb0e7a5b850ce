"""The posterior over a last layer's weights, from the samples that the field was fitted to, by marginal likelihood."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.laplace import LaplaceField, last_inputs, last_layer, output_activation

ROUNDS = 200  # of the fixed point; it settles in ten to a hundred
LEAST = 1e-12  # relative to the largest eigenvalue, or of a squared value: what rounding leaves

Samples = Iterable[tuple[Tensor, Tensor]]


@torch.no_grad()
def settle_posterior(field: LaplaceField, samples: Samples) -> float:
    """Set `noise` and `whitener` of a field from samples, and return λ = σ² / prior variance of a weight.

    The posterior is N(W, σ²(Σ φφᵀ + λI)⁻¹) around the weights as they were fitted. σ² of each channel and λ maximize
    log p(values) = −½ Σ_c [N log σ_c² + (‖v_c − Wφ‖² + λ‖W_c‖²)/σ_c² − n log λ + log det(Σφφᵀ + λI)] + const by MacKay's
    fixed point.

    Args:
        field: around a fitted one.
        samples: pairs of coords [*, d] in the units of the box and values [*, c], chunk by chunk.

    Raises:
        InputError: the field's values are not those of its last layer, so that this posterior says nothing of them.
    """
    gram, squares, n = _sums(field, samples)
    weight, bias = last_layer(field.field.network)[1].parameters()
    weights = torch.cat([weight, bias[:, None]], dim=1).double()
    eigenvalues, vectors = torch.linalg.eigh(gram)
    eigenvalues = eigenvalues.clamp_min(0)
    noise, ratio = evidence(eigenvalues, squares, weights.square().sum(dim=1), n)
    whitener = vectors.T / (eigenvalues + ratio).sqrt()[:, None]
    field.noise.copy_(noise)
    field.whitener.copy_(whitener)
    return float(ratio)


def evidence(
    eigenvalues: Float[Tensor, " n"], squares: Float[Tensor, " c"], norms: Float[Tensor, " c"], n_samples: int
) -> tuple[Float[Tensor, " c"], Float[Tensor, ""]]:
    """σ² [c] and λ of the largest marginal likelihood.

    Args:
        eigenvalues: of Σ φφᵀ.
        squares: ‖v − Wφ‖² of each channel.
        norms: ‖W‖² of each channel.
        n_samples: N.
    """
    floor = LEAST * eigenvalues.max().clamp_min(LEAST)
    ratio = eigenvalues.mean().clamp_min(floor) * 1e-3
    for _ in range(ROUNDS):
        noise = ((squares + ratio * norms) / n_samples).clamp_min(LEAST)
        well_known = (eigenvalues / (eigenvalues + ratio)).sum()  # how many weights the samples determine
        ratio = (well_known * len(noise) / (norms / noise).sum().clamp_min(LEAST)).clamp_min(floor)
    return ((squares + ratio * norms) / n_samples).clamp_min(LEAST), ratio


def _sums(field: LaplaceField, samples: Samples) -> tuple[Tensor, Tensor, int]:
    """Σ φφᵀ, squared misfit of each channel in units of the network's values, and the number of samples."""
    size = len(field.whitener)
    gram = torch.zeros(size, size, dtype=torch.float64, device=field.whitener.device)
    squares = torch.zeros(field.out_dim, dtype=torch.float64, device=gram.device)
    scale = squares.new_tensor(field.field.value_scale)
    n = 0
    for coords, values in samples:
        if n == 0:
            _check_linear(field, coords)
        features, slopes = (part.double().flatten(0, -2) for part in field.features_at(field.box.normalize(coords)))
        weighted = features * slopes.square().mean(dim=-1, keepdim=True).sqrt()
        gram += weighted.T @ weighted
        squares += ((field(coords) - values).double() / scale).square().flatten(0, -2).sum(dim=0)
        n += len(features)
    return gram, squares, n


def _check_linear(field: LaplaceField, coords: Tensor) -> None:
    """Raise InputError unless the last layer, its activation and the field's scale give the field's values."""
    network = field.field.network
    raw = last_layer(network)[1](last_inputs(field.field, field.box.normalize(coords)))
    expected = output_activation(network)(raw) * raw.new_tensor(field.field.value_scale) + raw.new_tensor(
        field.field.value_offset
    )
    if not torch.allclose(field(coords), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max().clamp_min(LEAST))):
        raise InputError(f"{type(network).__name__} does more after its last linear layer than an activation; take an ensemble")
