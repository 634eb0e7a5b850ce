"""How a sensor sees a field: (field, query) → prediction."""

from ungrid.measurements.derivatives import Gradient, Laplacian
from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.measurements.values import PointValues

MEASUREMENTS: dict[str, type] = {
    "PointValues": PointValues,
    "Gradient": Gradient,
    "Laplacian": Laplacian,
    "MultiscaleValues": MultiscaleValues,
}
