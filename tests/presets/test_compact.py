import math

import pytest
import torch

from ungrid.presets.compact import factor_field, gaussian_image, vqad
from ungrid.testing.toys import pixel_box


def test_vqad_has_the_papers_features_and_indices():
    field = vqad(pixel_box(64, 96), 3)
    grid = field.encoding
    assert (grid.n_features_per_level, grid.index_bits, len(grid.resolutions), grid.indexing) == (16, 6, 4, "straight_through")
    assert (field.network.width, field.network.depth) == (64, 1)
    nodes = sum(logits.shape[0] for logits in grid.logits)
    assert 0.15 * 64 * 96 < nodes <= 0.25 * 64 * 96


def test_a_factor_field_on_the_authors_picture_has_their_bases_and_coefficients():
    with torch.device("meta"):
        field = factor_field(pixel_box(1024, 1024), 3)
    grid = field.encoding
    assert grid.basis_resolutions == (32, 51, 70, 89, 108, 128)
    assert sum(basis.numel() for basis in grid.bases) == 848_304
    # N_to_reso of (1,426,063 - 848,304) // 144 nodes on a square
    assert grid.coefficient_resolution == (63, 63)
    assert grid.periods[0] == (32.0, 32.0)
    assert (field.recipe.learning_rate, field.recipe.steps, field.recipe.batch_size) == (2e-3, 10_000, 102_400)
    assert (field.recipe.betas, field.recipe.order) == ((0.9, 0.99), "uniform")


@pytest.mark.parametrize(("height", "width"), [(256, 256), (100, 300), (2048, 1024)])
def test_a_basis_of_a_factor_field_has_a_node_of_a_sample(height, width):
    with torch.device("meta"):
        grid = factor_field(pixel_box(height, width), 3).encoding
    for n_nodes, (down, across) in zip(grid.basis_resolutions, grid.periods, strict=True):
        assert math.isclose(down * n_nodes, height)
        assert math.isclose(across * n_nodes, width)
    assert grid.basis_resolutions[-1] == min(128, round(max(height, width) / 8))


def test_gaussian_image_is_that_of_the_authors_scripts():
    field = gaussian_image(pixel_box(), 3)
    assert field.n_params == 8 * 5000
    assert (field.recipe.learning_rate, field.recipe.steps, field.recipe.batch_size) == (1e-3, 50_000, None)
    assert field.recipe.order == "tiles"
