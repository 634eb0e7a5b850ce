import numpy as np
import pytest
import torch

from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.fields.laplace import LaplaceField
from ungrid.fit.posterior import evidence, settle_posterior
from ungrid.networks.mlp import Mlp
from ungrid.testing.toys import pixel_box

TRUE_NOISE = 0.1


@pytest.fixture
def regression():
    """A linear field at its least-squares weights, with its samples: here Laplace's approximation is exact."""
    rng = np.random.default_rng(0)
    coords = rng.uniform([0, 0], [12, 16], (400, 2))
    phi = np.concatenate([coords / [6, 8] - 1, np.ones((400, 1))], axis=1)
    truth = np.array([[0.5, -0.2, 0.3], [0.1, 0.4, -0.6]])
    values = phi @ truth.T + TRUE_NOISE * rng.standard_normal((400, 2))
    weights = np.linalg.lstsq(phi, values, rcond=None)[0].T
    network = Mlp(2, 2, depth=0)
    with torch.no_grad():
        network.layers[0].weight.copy_(torch.tensor(weights[:, :2]))
        network.layers[0].bias.copy_(torch.tensor(weights[:, 2]))
    field = LaplaceField(EncodedField(pixel_box(), Identity(2), network), (1.0, 1.0))
    samples = [(torch.tensor(part[0]).float(), torch.tensor(part[1]).float()) for part in zip(
        np.split(coords, 4), np.split(values, 4), strict=True
    )]  # fmt: skip
    return field, samples, phi, values, weights


def test_it_is_the_posterior_of_bayesian_linear_regression(regression):
    field, samples, phi, values, weights = regression
    ratio = settle_posterior(field, samples)
    misfit = ((values - phi @ weights.T) ** 2).sum(axis=0) + ratio * (weights**2).sum(axis=1)
    np.testing.assert_allclose(field.noise.numpy(), misfit / 400, rtol=1e-4)
    at = np.array([0.3, -0.7, 1.0])
    variance = misfit / 400 * (at @ np.linalg.inv(phi.T @ phi + ratio * np.eye(3)) @ at)
    np.testing.assert_allclose(field.model_variance_at(torch.tensor(at[:2]).float()).detach().numpy(), variance, rtol=1e-4)
    np.testing.assert_allclose(field.noise.sqrt().numpy(), TRUE_NOISE, rtol=0.1)


def test_noise_and_prior_have_the_largest_evidence(regression):
    _, _, phi, values, weights = regression
    squares = torch.tensor(((values - phi @ weights.T) ** 2).sum(axis=0))
    norms, eigenvalues = torch.tensor((weights**2).sum(axis=1)), torch.linalg.eigvalsh(torch.tensor(phi.T @ phi))
    noise, ratio = evidence(eigenvalues, squares, norms, 400)

    def log_evidence(noise, ratio):
        fit = 400 * noise.log() + (squares + ratio * norms) / noise
        return float(-0.5 * (fit - 3 * ratio.log() + (eigenvalues + ratio).log().sum()).sum())

    best = log_evidence(noise, ratio)
    for factor in (0.8, 0.97, 1.03, 1.25):
        assert log_evidence(noise, ratio * factor) < best
        assert log_evidence(noise * factor, ratio) < best


def test_more_samples_leave_less_variance(regression):
    field, samples, *_ = regression
    settle_posterior(field, samples[:1])
    few = field.model_variance_at(torch.zeros(2)).mean()
    settle_posterior(field, samples)
    assert float(field.model_variance_at(torch.zeros(2)).mean()) < 0.5 * float(few)


def test_an_exact_fit_gives_finite_numbers(regression):
    field, samples, *_ = regression
    settle_posterior(field, [(coords, field(coords).detach()) for coords, _ in samples])
    assert bool(torch.isfinite(field.whitener).all())
    assert bool((field.noise > 0).all())


def test_a_network_that_bends_its_values_unseen_is_refused(regression, monkeypatch):
    field, samples, *_ = regression
    plain = Mlp.forward
    monkeypatch.setattr(Mlp, "forward", lambda self, features: plain(self, features) ** 3)
    with pytest.raises(InputError, match="take an ensemble"):
        settle_posterior(field, samples)
