import pytest
import torch

from ungrid.measurements.noise import Gaussian, Poisson, PoissonGaussian
from ungrid.papers import bibtex
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL, FIELD, JOINT
from ungrid.restoration.degradation import Degradation

TRUTH = torch.full((24, 20, 1), 0.5)


@pytest.mark.parametrize("noise", [Gaussian(0.1), Poisson(30.0), PoissonGaussian(60.0, 0.05)])
@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_takes_every_noise_out_of_a_flat_picture(name, noise):
    candidate, degradation = CANDIDATES[name], Degradation(noise)
    assert candidate.serves(degradation)
    observed = noise.simulate(TRUTH, torch.Generator().manual_seed(0))
    found = candidate.restore(observed, degradation, torch.Generator().manual_seed(0))
    assert found.values.shape == TRUTH.shape
    assert float((found.values - TRUTH).std()) < 0.4 * float((observed - TRUTH).std())
    assert float(found.values.mean()) == pytest.approx(0.5, abs=0.015)
    assert bibtex(found.papers)


def test_there_is_a_candidate_of_each_kind():
    assert {candidate.kind for candidate in CANDIDATES.values()} == {FIELD, CLASSICAL, JOINT}
