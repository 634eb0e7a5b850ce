"""The published settings by name."""

from collections.abc import Callable

from ungrid.fields.base import Field
from ungrid.presets.factored import coordx, k_planes, tensorf_cp, tensorf_vm, tri_plane
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, siren

PUBLISHED: dict[str, Callable[..., Field]] = {
    "siren": siren,
    "fourier_mlp": fourier_mlp,
    "relu_pe_mlp": relu_pe_mlp,
    "dense_grid": dense_grid,
    "hash_grid": hash_grid,
    "coordx": coordx,
    "k_planes": k_planes,
    "tri_plane": tri_plane,
    "tensorf_cp": tensorf_cp,
    "tensorf_vm": tensorf_vm,
}
