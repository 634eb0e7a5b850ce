import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.fields.refinement import to_samples
from ungrid.metrics.error import psnr
from ungrid.presets.least_squares import keep_blocks, layers, refined_spline, rounding_energy
from ungrid.signals.volume import from_array


def waves(n=20, channels=1):
    z, y, x = np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij")
    both = [np.sin(5 * z) * np.cos(4 * y) + x, 100 * y * x + 7]
    return from_array(np.stack(both[:channels], axis=-1).astype(np.float32))


def field_of(signal, share, allowed=0.0):
    scale = signal.values.flatten(0, -2).std(dim=0)
    found = layers(signal.values / scale)
    kept = keep_blocks(found, share * signal.values.numel(), allowed)
    return refined_spline(signal.box, found, kept.blocks, value_scale=tuple(scale.tolist()), value_offset=(0.0,)), kept


@pytest.mark.parametrize("channels", [1, 2])
def test_a_smooth_volume_is_there_before_the_first_step(channels):
    signal = waves(channels=channels)
    field, _ = field_of(signal, 0.75)
    assert field.n_params < 0.8 * signal.values.numel()
    for channel in range(channels):
        truth = signal.values[..., channel]
        assert psnr(field.sample(signal.grid)[..., channel], truth, peak=float(truth.max() - truth.min())) > 60


def test_all_blocks_pass_through_every_sample():
    noise = from_array(np.random.default_rng(0).normal(size=(11, 16, 9)).astype(np.float32))
    field, kept = field_of(noise, 10.0)
    assert_close(field.sample(noise.grid), noise.values, atol=1e-4, rtol=0)
    assert kept.missed == 0.0


def test_what_finer_levels_add_is_orthogonal_to_the_coarser():
    found = layers(torch.randn(20, 22, 1, generator=torch.Generator().manual_seed(0)))
    finest = to_samples(found.nodes[0])
    coarser = layers(finest).nodes[1]
    assert float(coarser.abs().max()) < 1e-4


def test_where_a_volume_is_empty_no_fine_nodes_are_kept():
    array = np.zeros((32, 32, 32), dtype=np.float32)
    array[4:12, 4:12, 4:12] = np.random.default_rng(0).normal(size=(8, 8, 8))
    signal = from_array(array)
    field, _ = field_of(signal, 0.2)
    assert psnr(field.sample(signal.grid), signal.values, peak=1.0) > 50
    assert field.n_params < 0.2 * signal.values.numel()


def test_no_more_blocks_are_kept_than_the_error_asks_for():
    signal = waves()
    few, kept = field_of(signal, 0.5, allowed=1.0)
    many, _ = field_of(signal, 0.5, allowed=1e-4)
    assert few.n_params < many.n_params
    assert kept.missed <= 1.0
    error = float((few.sample(signal.grid) - signal.values).square().sum())
    assert 0.3 * kept.missed < error < 3 * kept.missed


def test_its_weights_are_of_the_values_size_up_to_the_corners():
    noise = from_array(np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32))
    field, _ = field_of(noise, 0.9)
    assert (
        max(float(nodes.detach().abs().max()) for nodes in field.nodes if nodes.numel()) < 200
    )  # 27 × the largest sample, at most


def test_storing_as_float16_adds_the_energy_that_is_expected():
    signal = from_array(np.random.default_rng(0).normal(size=(24, 24, 24)).astype(np.float32))
    field, kept = field_of(signal, 2.0)
    before = field.sample(signal.grid)
    with torch.no_grad():
        for nodes in field.nodes:
            nodes.copy_(nodes.half())
    added = float((field.sample(signal.grid) - before).square().sum())
    assert 0.5 < added / rounding_energy(layers(signal.values), kept.blocks) < 2


def test_the_argument_s_values_stay_as_they_are():
    values = waves().values
    before = values.clone()
    layers(values)
    assert torch.equal(values, before)
