"""Encodings: normalized coordinates in, features out."""

from ungrid.encodings.base import Encoding
from ungrid.encodings.codebook_grid import CodebookGrid
from ungrid.encodings.combine import CoarseToFine, Concatenate
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.dictionary import FactorGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.frequency import Frequency, LogFrequency
from ungrid.encodings.hash_grid import HashGrid
from ungrid.encodings.identity import Identity
from ungrid.encodings.planes import Planes
from ungrid.encodings.radial import Radial
from ungrid.encodings.sphere_coords import SphereCoords
from ungrid.encodings.split_axis import SplitAxis
from ungrid.encodings.tensor_grid import TensorCP, TensorVM

__all__ = [
    "ENCODINGS",
    "CoarseToFine",
    "CodebookGrid",
    "Concatenate",
    "DenseGrid",
    "Encoding",
    "FactorGrid",
    "FourierFeatures",
    "Frequency",
    "HashGrid",
    "Identity",
    "LogFrequency",
    "Radial",
    "Planes",
    "SphereCoords",
    "SplitAxis",
    "TensorCP",
    "TensorVM",
]

ENCODINGS: dict[str, type] = {
    "CoarseToFine": CoarseToFine,
    "CodebookGrid": CodebookGrid,
    "Concatenate": Concatenate,
    "DenseGrid": DenseGrid,
    "FactorGrid": FactorGrid,
    "FourierFeatures": FourierFeatures,
    "Frequency": Frequency,
    "HashGrid": HashGrid,
    "Identity": Identity,
    "LogFrequency": LogFrequency,
    "Radial": Radial,
    "Planes": Planes,
    "SphereCoords": SphereCoords,
    "SplitAxis": SplitAxis,
    "TensorCP": TensorCP,
    "TensorVM": TensorVM,
}
