"""What every linear measurement promises, as a check that raises AssertionError with what is broken."""

import torch

from ungrid.fields.lattice import LatticeField
from ungrid.measurements.linear import LinearMeasurement, inner_product
from ungrid.testing.tolerances import assert_same_bits, assert_same_up_to_rounding

LARGEST_GAP = 1e-10  # of ⟨A x, y⟩ and ⟨x, A_adjoint y⟩, in float64


def adjoint_gap(measurement: LinearMeasurement, n_channels: int = 2, *, seed: int = 0) -> float:
    """|⟨A x, y⟩ − ⟨x, A_adjoint y⟩| / (|A x| |y|) for random x and y, in float64."""
    rng = torch.Generator().manual_seed(seed)
    values = torch.randn(*measurement.grid.shape, n_channels, generator=rng, dtype=torch.float64)
    seen = measurement.A(values)
    other = torch.randn(seen.shape, generator=rng, dtype=seen.dtype)
    gap = inner_product(seen, other) - inner_product(values, measurement.A_adjoint(other))
    return abs(gap) / max(float(seen.norm() * other.norm()), 1e-30)


def check_linear(measurement: LinearMeasurement, n_channels: int = 2) -> None:
    """Check a linear measurement: linear, with its adjoint, differentiable by it, of the dtype it is given.

    Args:
        measurement: on a small grid.
        n_channels: of the field that it sees.
    """
    gap = adjoint_gap(measurement, n_channels)
    assert gap <= LARGEST_GAP, f"A_adjoint is not the adjoint of A: the inner products differ by {gap:.1e} of their size"
    rng = torch.Generator().manual_seed(1)
    first, second = (torch.randn(*measurement.grid.shape, n_channels, generator=rng, dtype=torch.float64) for _ in range(2))
    given = first.clone()
    assert_same_up_to_rounding(measurement.A(2 * first - second), 2 * measurement.A(first) - measurement.A(second), slack=1000.0)
    assert_same_bits(first, given)
    seen = measurement.A(first.float())
    assert seen.real.dtype == torch.float32, f"A of float32 values is {seen.dtype}"
    assert measurement.A_adjoint(seen).dtype == torch.float32, "A_adjoint of single precision is not float32"
    field = LatticeField.of(measurement.grid.box, first)
    prediction = measurement(field)
    other = torch.randn(prediction.shape, generator=rng, dtype=prediction.dtype)
    product = (prediction * other.conj()).real.sum() if prediction.is_complex() else (prediction * other).sum()
    (slope,) = torch.autograd.grad(product, [field.samples])
    assert_same_up_to_rounding(slope, measurement.A_adjoint(other), slack=1000.0)
