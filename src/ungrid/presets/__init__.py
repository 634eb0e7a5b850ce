"""Named settings from papers, and the default."""

from ungrid.presets.activations import finer, finer_gauss, finer_wire, gauss, hosc, incode, sinc, wire
from ungrid.presets.art import cppn, random_art
from ungrid.presets.auto import EFFORTS, Effort, choose
from ungrid.presets.choice import Choice
from ungrid.presets.compact import factor_field, gaussian_image, vqad
from ungrid.presets.convolutional import conv_fourier, conv_grid, conv_inr
from ungrid.presets.evolve import crossover, latent_walk, mutate, next_generation
from ungrid.presets.factored import coordx, k_planes, tensorf_cp, tensorf_vm, tri_plane
from ungrid.presets.filters import bacon, fourier_filter, gabor_filter, spline_network
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, sine, siren
from ungrid.presets.residual import detail_of
from ungrid.presets.table import PUBLISHED
from ungrid.presets.tune import Tuning, tune
from ungrid.presets.winner import winner

__all__ = [
    "EFFORTS",
    "PUBLISHED",
    "Choice",
    "Effort",
    "choose",
    "conv_fourier",
    "conv_grid",
    "conv_inr",
    "dense_grid",
    "fourier_mlp",
    "hash_grid",
    "relu_pe_mlp",
    "sine",
    "siren",
    "finer",
    "finer_gauss",
    "finer_wire",
    "gauss",
    "hosc",
    "incode",
    "sinc",
    "wire",
    "bacon",
    "fourier_filter",
    "gabor_filter",
    "spline_network",
    "factor_field",
    "gaussian_image",
    "vqad",
    "cppn",
    "crossover",
    "latent_walk",
    "mutate",
    "next_generation",
    "random_art",
    "coordx",
    "k_planes",
    "tensorf_cp",
    "tensorf_vm",
    "tri_plane",
    "detail_of",
    "Tuning",
    "tune",
    "winner",
]
