"""Fields: coordinates in, values out."""

from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe, Record

FIELDS: dict[str, type] = {"ConvolutionalField": ConvolutionalField, "EncodedField": EncodedField}

__all__ = ["FIELDS", "ConvolutionalField", "EncodedField", "Field", "Recipe", "Record"]
