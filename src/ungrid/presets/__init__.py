"""Named settings from papers, and the default."""

from ungrid.presets.auto import EFFORTS, Choice, Effort, choose
from ungrid.presets.factored import coordx, k_planes, tensorf_cp, tensorf_vm, tri_plane
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, siren
from ungrid.presets.table import PUBLISHED

__all__ = [
    "EFFORTS",
    "PUBLISHED",
    "Choice",
    "Effort",
    "choose",
    "coordx",
    "dense_grid",
    "fourier_mlp",
    "hash_grid",
    "k_planes",
    "relu_pe_mlp",
    "siren",
    "tensorf_cp",
    "tensorf_vm",
    "tri_plane",
]
