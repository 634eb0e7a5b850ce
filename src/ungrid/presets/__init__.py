"""Named settings from papers, and the default."""

from ungrid.presets.auto import EFFORTS, Choice, Effort, choose
from ungrid.presets.filters import bacon, fourier_filter, gabor_filter, spline_network
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, siren
from ungrid.presets.table import PUBLISHED

__all__ = [
    "EFFORTS",
    "PUBLISHED",
    "Choice",
    "Effort",
    "bacon",
    "choose",
    "dense_grid",
    "fourier_filter",
    "fourier_mlp",
    "gabor_filter",
    "hash_grid",
    "relu_pe_mlp",
    "siren",
    "spline_network",
]
