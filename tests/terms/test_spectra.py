import math
from dataclasses import replace

import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.spline import SplineField
from ungrid.metrics.audio import stft_distance
from ungrid.signals.base import Signal
from ungrid.tasks.represent import represent
from ungrid.terms.spectra import SpectralMisfit
from ungrid.testing.toys import tiny_picture

N = 3000


def sound(n=N):
    t = torch.arange(n)
    values = torch.stack([torch.sin(0.3 * t), 0.5 * torch.cos(0.11 * t + 1)], dim=-1)
    return Signal(values, Grid(Box(("t",), ((0.0, n / 8000),), ("s",)), (n,)), "audio", ("left", "right"), {})


def field_of(signal):
    return SplineField(signal.box, 2, 700, scale=0.7)


def test_the_loss_is_the_distance_of_spectra_on_a_stretch_of_consecutive_samples():
    signal = sound()
    term, field = SpectralMisfit(signal, span=1500), field_of(signal)
    with torch.no_grad():
        field.nodes.normal_(generator=torch.Generator().manual_seed(0))
    part = term.sample(torch.Generator().manual_seed(1), field, 64)
    assert part.shape == (1500,)
    first = round(part.box.bounds[0][0] * 8000)
    assert 0 < first < 1500
    values = field.sample(part)
    expected = stft_distance(values.T, signal.values[first : first + 1500].T)
    torch.testing.assert_close(term(field, part), expected, rtol=1e-4, atol=1e-5)


def test_an_exact_field_has_no_loss_and_its_gradient_makes_a_silent_one_louder():
    signal = sound()
    term, field = SpectralMisfit(signal, weight=lambda progress: 1 - progress), field_of(signal)
    whole = term.sample(torch.Generator(), field, None)
    assert whole.shape == (N,)
    assert (term.weight(0.0), term.weight(1.0)) == (1.0, 0.0)
    with torch.no_grad():
        field.nodes.normal_(std=0.01, generator=torch.Generator().manual_seed(0))
    before = term(field, whole)
    before.backward()
    with torch.no_grad():
        field.nodes.sub_(0.05 * field.nodes.grad / field.nodes.grad.abs().max())
    assert term(field, whole) < before
    assert math.isfinite(float(before.detach()))


def test_it_stands_beside_the_squared_error():
    signal = sound()
    problem = represent(signal, heldout=0.0)
    both = replace(problem, terms=(*problem.terms, SpectralMisfit(signal)))
    assert [term.name for term in both.terms] == ["misfit", "spectra"]


def test_pictures_and_short_sounds_are_refused():
    with pytest.raises(InputError, match="along one axis"):
        SpectralMisfit(tiny_picture())
    with pytest.raises(InputError, match="too short; expected more than 1024"):
        SpectralMisfit(sound(900))
