"""Fields: coordinates in, values out."""

import ungrid.fields.operators  # noqa: F401  # + - * / between fields
from ungrid.fields.algebra import Blended, Product, Stitched, Sum
from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.encoded import EncodedField
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.placed import Cropped, Transformed, Warped
from ungrid.fields.primitives import GaussianMixture
from ungrid.fields.record import Recipe, Record

FIELDS: dict[str, type] = {
    "Blended": Blended,
    "ConvolutionalField": ConvolutionalField,
    "Cropped": Cropped,
    "EncodedField": EncodedField,
    "GaussianMixture": GaussianMixture,
    "MultiscaleField": MultiscaleField,
    "Product": Product,
    "Stitched": Stitched,
    "Sum": Sum,
    "Transformed": Transformed,
    "Warped": Warped,
}

__all__ = [
    "FIELDS",
    "Blended",
    "ConvolutionalField",
    "Cropped",
    "EncodedField",
    "Field",
    "GaussianMixture",
    "MultiscaleField",
    "Product",
    "Recipe",
    "Record",
    "Stitched",
    "Sum",
    "Transformed",
    "Warped",
]
