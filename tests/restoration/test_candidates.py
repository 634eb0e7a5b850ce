import pytest
import torch

from ungrid.measurements.noise import Gaussian, Poisson, PoissonGaussian
from ungrid.papers import bibtex
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL, FIELD, JOINT
from ungrid.restoration.degradation import Degradation

TRUTH = torch.full((24, 20, 1), 0.5)


@pytest.mark.parametrize("noise", [Gaussian(0.1), Poisson(30.0), PoissonGaussian(60.0, 0.05)])
@pytest.mark.parametrize("name", [name for name, own in CANDIDATES.items() if own.serves(Degradation(Gaussian(0.1)))])
def test_every_candidate_for_noise_takes_every_kind_out_of_a_flat_picture(name, noise):
    candidate, degradation = CANDIDATES[name], Degradation(noise)
    observed = noise.simulate(TRUTH, torch.Generator().manual_seed(0))
    found = candidate.restore(observed, degradation, torch.Generator().manual_seed(0))
    assert found.values.shape == TRUTH.shape
    assert float((found.values - TRUTH).std()) < 0.4 * float((observed - TRUTH).std())
    assert float(found.values.mean()) == pytest.approx(0.5, abs=0.015)
    assert bibtex(found.papers)


def test_there_is_a_candidate_of_each_kind():
    assert {candidate.kind for candidate in CANDIDATES.values()} == {FIELD, CLASSICAL, JOINT}


SEEN = {
    "enlarge": Degradation(Gaussian(0.0), upscale=2),
    "deblur": Degradation(Gaussian(0.01), psf=torch.full((3, 3), 1 / 9)),
    "fill": Degradation(Gaussian(0.0), known=torch.arange(24 * 20).reshape(24, 20) % 3 > 0),
}


@pytest.mark.parametrize("what", SEEN)
@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_gives_a_flat_scene_back_through_the_sensors_it_is_for(name, what):
    candidate, degradation = CANDIDATES[name], SEEN[what]
    if not candidate.serves(degradation):
        return
    found = candidate.restore(TRUTH, degradation, torch.Generator().manual_seed(0))
    assert found.values.shape == (24 * degradation.upscale, 20 * degradation.upscale, 1)
    assert float((found.values - 0.5).abs().max()) < 1e-3
    assert bibtex(found.papers)


def test_every_degradation_has_a_candidate_of_each_kind():
    for degradation in (Degradation(Gaussian(0.1)), *SEEN.values()):
        assert {own.kind for own in CANDIDATES.values() if own.serves(degradation)} >= {FIELD, CLASSICAL}
