"""How a sensor sees a field: (field, query) → prediction; linear sensors of a whole grid also as A and A_adjoint."""

from ungrid.measurements.derivatives import Gradient, Laplacian
from ungrid.measurements.footprint import Footprint
from ungrid.measurements.fourier import FourierSamples
from ungrid.measurements.line_integrals import LineIntegral
from ungrid.measurements.linear import Chain, Combined, LinearMeasurement, OnGrid, Samples, Stack
from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.measurements.values import PointValues

MEASUREMENTS: dict[str, type] = {
    "PointValues": PointValues,
    "Gradient": Gradient,
    "Laplacian": Laplacian,
    "MultiscaleValues": MultiscaleValues,
}
LINEAR_MEASUREMENTS: dict[str, type[LinearMeasurement]] = {
    "Chain": Chain,
    "Combined": Combined,
    "Footprint": Footprint,
    "LineIntegral": LineIntegral,
    "FourierSamples": FourierSamples,
    "OnGrid": OnGrid,
    "Samples": Samples,
    "Stack": Stack,
}

__all__ = ["LINEAR_MEASUREMENTS", "MEASUREMENTS", *MEASUREMENTS, *LINEAR_MEASUREMENTS]
