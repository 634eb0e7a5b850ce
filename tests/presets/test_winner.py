import math

import pytest
import torch

import ungrid as ug
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.metrics.centroid import spectral_centroid
from ungrid.presets.published import fourier_mlp, siren
from ungrid.presets.winner import noise_scales, winner
from ungrid.signals.base import Signal
from ungrid.testing.toys import tiny_picture


def sound(cycles, n=64):
    t = torch.arange(n) / n
    return Signal(
        torch.cos(2 * math.pi * cycles * t)[:, None],
        Grid(Box(("t",), ((0.0, 1.0),)), (n,)),
        "audio",
        ("mono",),
        {"sample_format": "float"},
    )


def test_the_scales_are_the_authors_formula():
    psi = 2 * 8 / 64
    s0, s1 = noise_scales(sound(8).values)
    assert s0 == pytest.approx(3500 * (1 - math.exp(-7 * psi)), rel=1e-5)
    assert s1 == pytest.approx(3 * psi, rel=1e-5)
    picture = tiny_picture()
    detail = spectral_centroid(picture.values) / 9
    assert noise_scales(picture.values) == pytest.approx((50 * (1 - math.exp(-5 * detail)), 0.4 * detail))


def test_the_first_two_layers_get_noise_of_that_size_and_no_other_weight_changes():
    signal = sound(8)
    plain = siren(signal.box, 1, width=256, depth=3)
    noisy = winner(siren(signal.box, 1, width=256, depth=3), signal)
    before = dict(plain.named_parameters())
    added = {name: p.detach() - before[name].detach() for name, p in noisy.named_parameters()}
    changed = [name for name, noise in added.items() if noise.any()]
    assert changed == ["network.layers.0.weight", "network.layers.1.weight"]
    for name, scale in zip(changed, noise_scales(signal.values), strict=True):
        assert float(added[name].std()) == pytest.approx(scale / 30, rel=0.1)
        assert abs(float(added[name].mean())) < 0.2 * scale / 30


def test_the_noise_follows_its_seed():
    signal = tiny_picture()

    def weight(seed):
        return winner(siren(signal.box, 3, width=16), signal, seed=seed).network.layers[0].weight

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


def test_a_high_tone_that_a_plain_siren_misses_is_fitted():
    signal = sound(100, n=256)

    def psnr(field):
        field.recipe = Recipe(learning_rate=1e-3)
        return ug.fit(field, ug.tasks.represent(signal, heldout=0.0), steps=100, callbacks=()).metrics["quality"]["psnr"]

    def plain():
        return siren(signal.box, 1, width=32, depth=3)

    assert psnr(winner(plain(), signal)) > psnr(plain()) + 10


def test_what_has_no_formula_is_refused():
    signal = tiny_picture()
    with pytest.raises(InputError, match="has Mlp; take the preset siren or sine"):
        winner(fourier_mlp(signal.box, 3), signal)
    with pytest.raises(InputError, match="the signal has 3"):
        noise_scales(torch.zeros(2, 2, 2, 1))
