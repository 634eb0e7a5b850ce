"""Encodings: normalized coordinates in, features out."""

from ungrid.encodings.base import Encoding
from ungrid.encodings.combine import CoarseToFine, Concatenate
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.frequency import Frequency, LogFrequency
from ungrid.encodings.hash_grid import HashGrid
from ungrid.encodings.identity import Identity
from ungrid.encodings.planes import Planes
from ungrid.encodings.split_axis import SplitAxis
from ungrid.encodings.tensor_grid import TensorCP, TensorVM

__all__ = [
    "ENCODINGS",
    "CoarseToFine",
    "Concatenate",
    "DenseGrid",
    "Encoding",
    "FourierFeatures",
    "Frequency",
    "HashGrid",
    "Identity",
    "LogFrequency",
    "Planes",
    "SplitAxis",
    "TensorCP",
    "TensorVM",
]

ENCODINGS: dict[str, type] = {
    "CoarseToFine": CoarseToFine,
    "Concatenate": Concatenate,
    "DenseGrid": DenseGrid,
    "FourierFeatures": FourierFeatures,
    "Frequency": Frequency,
    "HashGrid": HashGrid,
    "Identity": Identity,
    "LogFrequency": LogFrequency,
    "Planes": Planes,
    "SplitAxis": SplitAxis,
    "TensorCP": TensorCP,
    "TensorVM": TensorVM,
}
