"""Data terms and regularizers, and the losses they use."""

from ungrid.terms.equation import Equation
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.misfit import Misfit
from ungrid.terms.physics import AbsorbingLayer, eikonal, heat, helmholtz, poisson, wave
from ungrid.terms.regression import LOSSES, absolute_error, half_squared_error, relative_squared_error, squared_error
from ungrid.terms.smoothness import AtLeast, TotalVariation
from ungrid.terms.spectra import SpectralMisfit

TERMS: dict[str, type] = {
    "AtLeast": AtLeast,
    "Equation": Equation,
    "LinearMisfit": LinearMisfit,
    "Misfit": Misfit,
    "SpectralMisfit": SpectralMisfit,
    "TotalVariation": TotalVariation,
}

__all__ = [
    "LOSSES",
    "TERMS",
    "AbsorbingLayer",
    "AtLeast",
    "Equation",
    "LinearMisfit",
    "Misfit",
    "SpectralMisfit",
    "TotalVariation",
    "absolute_error",
    "eikonal",
    "half_squared_error",
    "heat",
    "helmholtz",
    "poisson",
    "relative_squared_error",
    "squared_error",
    "wave",
]
