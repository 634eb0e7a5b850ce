"""Fields: coordinates in, values out."""

from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.primitives import GaussianMixture
from ungrid.fields.record import Recipe, Record

FIELDS: dict[str, type] = {"EncodedField": EncodedField, "GaussianMixture": GaussianMixture}

__all__ = ["FIELDS", "EncodedField", "Field", "GaussianMixture", "Recipe", "Record"]
