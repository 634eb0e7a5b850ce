"""Fields: coordinates in, values out."""

from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.encoded import EncodedField
from ungrid.fields.ensemble import EnsembleField
from ungrid.fields.laplace import LaplaceField
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.primitives import GaussianMixture
from ungrid.fields.record import Recipe, Record
from ungrid.fields.uncertain import UncertainField

FIELDS: dict[str, type] = {
    "EncodedField": EncodedField,
    "MultiscaleField": MultiscaleField,
    "ConvolutionalField": ConvolutionalField,
    "GaussianMixture": GaussianMixture,
    "LaplaceField": LaplaceField,
    "EnsembleField": EnsembleField,
}

__all__ = [
    "FIELDS",
    "ConvolutionalField",
    "EncodedField",
    "EnsembleField",
    "Field",
    "GaussianMixture",
    "LaplaceField",
    "MultiscaleField",
    "Recipe",
    "Record",
    "UncertainField",
]
