"""Data terms and regularizers, and the losses they use."""

from collections.abc import Callable

from ungrid.terms.misfit import Misfit
from ungrid.terms.regression import absolute_error, half_squared_error, relative_squared_error, squared_error

LOSSES: dict[str, Callable] = {
    "squared_error": squared_error,
    "half_squared_error": half_squared_error,
    "absolute_error": absolute_error,
    "relative_squared_error": relative_squared_error,
}
TERMS: dict[str, type] = {"Misfit": Misfit}
