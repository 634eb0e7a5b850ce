"""Residuals are 0 where the equation holds, and not where it does not: by closed forms."""

import math

import numpy as np
import pytest
import torch

from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.terms.physics import AbsorbingLayer, eikonal, heat, helmholtz, poisson, wave

COORDS = torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
AXES = ("t", "x")


def vanishes(residual, field):
    return float(residual(field, COORDS).abs().max()) < 1e-9


def test_poisson():
    assert vanishes(poisson(lambda x: 2 * x[:, :1] + 6 * x[:, 1:]), lambda x: (x[:, :1] ** 3) / 3 + x[:, 1:] ** 3)
    assert not vanishes(poisson(), lambda x: x[:, :1] ** 3)


def test_heat():
    field = lambda x: torch.exp(-0.5 * math.pi**2 * x[:, :1]) * torch.sin(math.pi * x[:, 1:])  # noqa: E731
    assert vanishes(heat(AXES, 0.5), field)
    assert not vanishes(heat(AXES, 0.6), field)


def test_wave_with_a_speed_that_is_a_number_or_a_function():
    field = lambda x: torch.cos(3 * (x[:, 1:] - 2 * x[:, :1]))  # noqa: E731
    assert vanishes(wave(AXES, 2.0), field)
    assert vanishes(wave(AXES, lambda x: torch.full_like(x[:, :1], 2.0)), field)
    assert not vanishes(wave(("x", "t"), 2.0), field)


def test_eikonal_of_a_distance():
    distance = lambda x: (x - 3.0).norm(dim=-1, keepdim=True)  # noqa: E731
    assert vanishes(eikonal(), distance)
    assert vanishes(eikonal(2.0), lambda x: distance(x) / 2)


def test_helmholtz_of_a_plane_wave():
    phase = lambda x: 3 * x[:, 0] + 4 * x[:, 1]  # noqa: E731
    field = lambda x: torch.stack([phase(x).cos(), phase(x).sin()], dim=-1)  # noqa: E731
    assert vanishes(helmholtz(5.0), field)


def test_helmholtz_of_a_point_source_away_from_it():
    special = pytest.importorskip("scipy.special")

    class Hankel(torch.autograd.Function):
        @staticmethod
        def forward(ctx, r, order):
            ctx.save_for_backward(r)
            ctx.order = order
            value = special.hankel1(order, r.detach().numpy())
            return torch.view_as_real(torch.from_numpy(np.asarray(value)))

        @staticmethod
        def backward(ctx, grad):
            (r,) = ctx.saved_tensors
            order = ctx.order
            slope = (-Hankel.apply(r, 1)) if order == 0 else (Hankel.apply(r, 0) - Hankel.apply(r, 1) / r[..., None])
            return (grad * slope).sum(-1), None

    assert vanishes(helmholtz(7.0), lambda x: Hankel.apply(7.0 * (x + 0.5).norm(dim=-1), 0))


def test_the_layer_leaves_the_inside_alone_and_damps_what_enters_it():
    layer = AbsorbingLayer(Box(("y", "x"), ((0.0, 1.0), (0.0, 1.0))), 0.2, 5.0)
    inside = layer.inverse_stretch(torch.tensor([[0.5, 0.5], [0.21, 0.79]]))
    assert torch.equal(inside[..., 0], torch.ones(2, 2))
    assert torch.equal(inside[..., 1], torch.zeros(2, 2))
    deep = layer.inverse_stretch(torch.tensor([[0.0, 0.5]], dtype=torch.float64))[0, 0]
    torch.testing.assert_close(torch.complex(*deep) * (1 + 5j), torch.tensor(1 + 0j, dtype=torch.complex128))


def test_inside_the_layer_a_wave_that_dies_away_solves_the_equation():
    box, width, strength, k = Box(("y", "x"), ((0.0, 9.0), (0.0, 1.0))), 0.4, 3.0, 6.0
    layer = AbsorbingLayer(box, width, strength)

    def field(x):  # exp(i k ∫ s dx) along x, in the layer at its far end
        depth = (x[:, 1] - 0.6).clamp_min(0.0)
        bent = torch.complex(x[:, 1], strength * depth**3 / (3 * width**2))
        return torch.view_as_real(torch.exp(1j * k * bent))

    at = torch.stack([torch.full((15,), 4.5), torch.linspace(0.45, 0.99, 15)], dim=-1).double()
    assert float(helmholtz(k, layer=layer)(field, at).abs().max()) < 1e-8


def test_axes_without_time_and_layers_too_wide_are_refused():
    with pytest.raises(InputError, match='needs an axis "t"'):
        wave(("y", "x"))
    with pytest.raises(InputError, match="less than half"):
        AbsorbingLayer(Box(("y", "x"), ((0.0, 1.0), (0.0, 1.0))), 0.6)
