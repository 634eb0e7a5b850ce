import pytest
import torch

from ungrid.errors import InputError
from ungrid.terms.patch_mixture import PatchMixture, grouped, n_groups_for

SIGMA = 0.3


def two_kinds(n=4000):
    """Patches of four pixels, along one axis or another, and their noisy observations."""
    rng = torch.Generator().manual_seed(0)
    axes = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]], dtype=torch.float64)
    kind = torch.arange(n) % 2
    clean = torch.randn(n, 1, generator=rng, dtype=torch.float64) * axes[kind]
    return clean, clean + SIGMA * torch.randn(n, 4, generator=rng, dtype=torch.float64), kind


def test_groups_give_back_the_covariances_of_the_clean_patches():
    _, noisy, kind = two_kinds()
    mixture = PatchMixture.of_groups(noisy, kind, 2, SIGMA)
    expected = torch.zeros(2, 4, 4, dtype=torch.float64)
    for at, pair in enumerate((slice(0, 2), slice(2, 4))):
        expected[at, pair, pair] = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(mixture.covariances, expected, atol=0.1, rtol=0)
    torch.testing.assert_close(mixture.weights, torch.full((2,), 0.5, dtype=torch.float64))


def test_one_gaussian_is_wieners_filter():
    _, noisy, _ = two_kinds()
    mixture = PatchMixture.of_groups(noisy, torch.zeros(len(noisy), dtype=torch.long), 1, SIGMA)
    covariance = mixture.covariances[0]
    gain = covariance @ torch.linalg.inv(covariance + SIGMA**2 * torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(mixture.expected(noisy, SIGMA), mixture.means + (noisy - mixture.means) @ gain.T)


def test_learning_makes_the_patches_likelier_and_their_estimates_better():
    clean, noisy, kind = two_kinds()
    mixed = torch.where(torch.rand(len(kind), generator=torch.Generator().manual_seed(1)) < 0.3, 1 - kind, kind)
    first = PatchMixture.of_groups(noisy, mixed, 2, SIGMA)
    learned = first.learned(noisy, SIGMA, 10)

    def error(mixture):
        return float((mixture.expected(noisy, SIGMA) - clean).square().mean())

    assert error(learned) < 0.9 * error(first)
    assert error(learned) < 0.5 * SIGMA**2
    torch.testing.assert_close(learned.chances(noisy, SIGMA).sum(dim=1), torch.ones(len(noisy), dtype=torch.float64))


def test_patches_that_differ_fall_into_groups_of_their_own():
    centers = torch.eye(6, dtype=torch.float64)[:3] * 5
    patches = centers.repeat(50, 1) + 0.1 * torch.randn(150, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = min((grouped(patches, 3, torch.Generator().manual_seed(seed)) for seed in range(3)),
                key=lambda groups: float(sum(patches[groups == k].var(dim=0).nan_to_num().sum() for k in range(3))))  # fmt: skip
    assert {tuple(sorted(set(found[at::3].tolist()))) for at in range(3)} == {(0,), (1,), (2,)}


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="9 groups of 4 patches"):
        grouped(torch.zeros(4, 2), 9, torch.Generator())
    with pytest.raises(InputError, match="rounds is -1"):
        PatchMixture(torch.ones(1), torch.zeros(1, 2), torch.zeros(1, 2, 2)).learned(torch.zeros(4, 2), 0.1, -1)


def test_there_are_more_gaussians_for_more_patches():
    assert [n_groups_for(n, 49) for n in (10, 6_000, 10**6)] == [2, 10, 40]
