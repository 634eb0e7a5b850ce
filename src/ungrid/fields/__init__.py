"""Fields: coordinates in, values out."""

from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.encoded import EncodedField
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.primitives import GaussianMixture
from ungrid.fields.record import Recipe, Record

FIELDS: dict[str, type] = {
    "EncodedField": EncodedField,
    "MultiscaleField": MultiscaleField,
    "ConvolutionalField": ConvolutionalField,
    "GaussianMixture": GaussianMixture,
}

__all__ = ["FIELDS", "EncodedField", "Field", "MultiscaleField", "Recipe", "Record", "ConvolutionalField", "GaussianMixture"]
