"""Data terms and regularizers, and the losses they use."""

from ungrid.terms.misfit import Misfit
from ungrid.terms.regression import LOSSES, absolute_error, half_squared_error, relative_squared_error, squared_error

TERMS: dict[str, type] = {"Misfit": Misfit}

__all__ = [
    "LOSSES",
    "TERMS",
    "Misfit",
    "absolute_error",
    "half_squared_error",
    "relative_squared_error",
    "squared_error",
]
