"""Named settings from papers, and the default."""

from ungrid.presets.auto import EFFORTS, Choice, Effort, choose
from ungrid.presets.compact import factor_field, gaussian_image, vqad
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, siren
from ungrid.presets.table import PUBLISHED

__all__ = [
    "EFFORTS",
    "PUBLISHED",
    "Choice",
    "Effort",
    "choose",
    "dense_grid",
    "factor_field",
    "fourier_mlp",
    "gaussian_image",
    "hash_grid",
    "relu_pe_mlp",
    "siren",
    "vqad",
]
