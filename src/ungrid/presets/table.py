"""The published settings by name."""

from collections.abc import Callable

from ungrid.fields.base import Field
from ungrid.presets.filters import bacon, fourier_filter, gabor_filter, spline_network
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, siren

PUBLISHED: dict[str, Callable[..., Field]] = {
    "siren": siren,
    "fourier_mlp": fourier_mlp,
    "relu_pe_mlp": relu_pe_mlp,
    "dense_grid": dense_grid,
    "hash_grid": hash_grid,
    "fourier_filter": fourier_filter,
    "gabor_filter": gabor_filter,
    "bacon": bacon,
    "spline_network": spline_network,
}
