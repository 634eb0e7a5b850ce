"""Interpolation of lost samples by an autoregressive model, the classical method for short gaps in sound."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

paper = "janssen1986adaptive"
ROUNDS = 5
MOST_UNKNOWN = 6000  # samples in one system of equations
RIDGE = 1e-9  # of the power, so that a tone has a model, too


@torch.no_grad()
def autoregressive(
    observed: Float[Tensor, " n"], known: Bool[Tensor, " n"], *, order: int, rounds: int = ROUNDS
) -> Float[Tensor, " n"]:
    """Lost samples that an autoregressive model of all samples predicts best, and the model of those, in turn.

    Each round finds the model from the samples by their autocorrelation (Yule and Walker), and then the lost samples that
    minimize the squared residual of the model, both exactly, in float64 (janssen1986adaptive).

    Args:
        observed: a stretch of sound around what is lost; what stands there does not count.
        known: which samples are known; at most 6,000 are not.
        order: of the model; fewer than there are known samples.
        rounds: how often; later ones change little.

    Shape: [n] → [n], known samples as they were.
    """
    lost = (~known).nonzero()[:, 0]
    assert len(lost) <= MOST_UNKNOWN, "the caller takes another method"
    if not len(lost):
        return observed.clone()
    values = torch.where(known, observed, 0).double()
    apart = (lost[:, None] - lost).abs()
    for _ in range(rounds):
        taps = _model(values, order)
        shared = _correlation(taps, len(taps))  # the residual's energy is a form of these
        table = torch.cat([shared, shared.new_zeros(max(0, int(apart.max()) + 1 - len(shared)))])
        values[lost] = 0
        both_ways = torch.cat([shared[1:].flip(0), shared])
        pulled = _convolved(values, both_ways)[lost + order]
        values[lost] = -torch.cholesky_solve(pulled[:, None], torch.linalg.cholesky(table[apart]))[:, 0]
    return torch.where(known, observed, values.to(observed))


def _model(values: Tensor, order: int) -> Tensor:
    """[1, a_1 … a_p] of least Σ (x_n + Σ a_k x_{n−k})²."""
    correlation = _correlation(values, order + 1)
    power = float(correlation[0])
    if power == 0:
        return torch.cat([correlation.new_ones(1), correlation.new_zeros(order)])
    correlation[0] *= 1 + RIDGE
    index = torch.arange(order)
    table = correlation[(index[:, None] - index).abs()]
    taps = torch.cholesky_solve(correlation[1:, None], torch.linalg.cholesky(table))[:, 0]
    return torch.cat([taps.new_ones(1), -taps])


def _correlation(values: Tensor, n_lags: int) -> Tensor:
    """Σ x_i x_{i+k} for k = 0 … n_lags − 1."""
    length = len(values) + n_lags
    spectrum = torch.fft.rfft(values, length)
    correlation: Tensor = torch.fft.irfft(spectrum.abs().square(), length)[:n_lags]
    return correlation


def _convolved(values: Tensor, taps: Tensor) -> Tensor:
    length = len(values) + len(taps) - 1
    product: Tensor = torch.fft.irfft(torch.fft.rfft(values, length) * torch.fft.rfft(taps, length), length)
    return product
