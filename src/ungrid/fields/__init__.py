"""Fields: coordinates in, values out."""

import ungrid.fields.operators  # noqa: F401  # + - * / between fields
from ungrid.fields.adapted import AdaptedField
from ungrid.fields.algebra import Blended, Product, Stitched, Sum
from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.encoded import EncodedField
from ungrid.fields.ensemble import EnsembleField
from ungrid.fields.laplace import LaplaceField
from ungrid.fields.lattice import LatticeField
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.placed import Cropped, Transformed, Warped
from ungrid.fields.primitives import GaussianMixture
from ungrid.fields.record import Recipe, Record
from ungrid.fields.refined_spline import RefinedSpline
from ungrid.fields.residual import ResidualField
from ungrid.fields.solids import Extended, Shell, Solid
from ungrid.fields.spline import SplineField
from ungrid.fields.tiled import TiledField
from ungrid.fields.uncertain import UncertainField
from ungrid.fields.unknowns import WithUnknowns

FIELDS: dict[str, type] = {
    "AdaptedField": AdaptedField,
    "Blended": Blended,
    "ConvolutionalField": ConvolutionalField,
    "Cropped": Cropped,
    "EncodedField": EncodedField,
    "Extended": Extended,
    "GaussianMixture": GaussianMixture,
    "LatticeField": LatticeField,
    "MultiscaleField": MultiscaleField,
    "Product": Product,
    "RefinedSpline": RefinedSpline,
    "ResidualField": ResidualField,
    "Shell": Shell,
    "Solid": Solid,
    "Stitched": Stitched,
    "SplineField": SplineField,
    "Sum": Sum,
    "TiledField": TiledField,
    "Transformed": Transformed,
    "Warped": Warped,
    "WithUnknowns": WithUnknowns,
    "LaplaceField": LaplaceField,
    "EnsembleField": EnsembleField,
}

__all__ = [
    "FIELDS",
    "AdaptedField",
    "Blended",
    "ConvolutionalField",
    "Cropped",
    "EncodedField",
    "Extended",
    "Field",
    "GaussianMixture",
    "LatticeField",
    "MultiscaleField",
    "Product",
    "Recipe",
    "Record",
    "RefinedSpline",
    "ResidualField",
    "Shell",
    "Solid",
    "SplineField",
    "Stitched",
    "Sum",
    "TiledField",
    "Transformed",
    "Warped",
    "WithUnknowns",
    "EnsembleField",
    "LaplaceField",
    "UncertainField",
]
