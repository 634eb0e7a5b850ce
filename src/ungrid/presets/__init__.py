"""Named settings from papers, the default, and pictures that nobody drew."""

from ungrid.presets.art import cppn, random_art
from ungrid.presets.auto import EFFORTS, Choice, Effort, choose
from ungrid.presets.evolve import crossover, latent_walk, mutate, next_generation
from ungrid.presets.published import dense_grid, fourier_mlp, hash_grid, relu_pe_mlp, siren
from ungrid.presets.table import PUBLISHED

__all__ = [
    "EFFORTS",
    "PUBLISHED",
    "Choice",
    "Effort",
    "choose",
    "cppn",
    "crossover",
    "dense_grid",
    "fourier_mlp",
    "hash_grid",
    "latent_walk",
    "mutate",
    "next_generation",
    "random_art",
    "relu_pe_mlp",
    "siren",
]
