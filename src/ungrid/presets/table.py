"""The published settings by name."""

from collections.abc import Callable

from ungrid.fields.base import Field
from ungrid.presets.activations import finer, finer_gauss, finer_wire, gauss, hosc, incode, sinc, wire
from ungrid.presets.art import cppn
from ungrid.presets.compact import factor_field, gaussian_image, vqad
from ungrid.presets.convolutional import conv_fourier, conv_grid, conv_inr
from ungrid.presets.factored import coordx, k_planes, tensorf_cp, tensorf_vm, tri_plane
from ungrid.presets.film import siren_video
from ungrid.presets.filters import bacon, fourier_filter, gabor_filter, spline_network
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, sine, siren, siren_audio

PUBLISHED: dict[str, Callable[..., Field]] = {
    "siren": siren,
    "siren_video": siren_video,
    "siren_audio": siren_audio,
    "sine": sine,
    "fourier_mlp": fourier_mlp,
    "relu_pe_mlp": relu_pe_mlp,
    "dense_grid": dense_grid,
    "hash_grid": hash_grid,
    "wire": wire,
    "finer": finer,
    "finer_gauss": finer_gauss,
    "finer_wire": finer_wire,
    "gauss": gauss,
    "sinc": sinc,
    "hosc": hosc,
    "incode": incode,
    "fourier_filter": fourier_filter,
    "gabor_filter": gabor_filter,
    "bacon": bacon,
    "spline_network": spline_network,
    "conv_inr": conv_inr,
    "conv_fourier": conv_fourier,
    "conv_grid": conv_grid,
    "vqad": vqad,
    "factor_field": factor_field,
    "gaussian_image": gaussian_image,
    "cppn": cppn,
    "coordx": coordx,
    "k_planes": k_planes,
    "tri_plane": tri_plane,
    "tensorf_cp": tensorf_cp,
    "tensorf_vm": tensorf_vm,
}
