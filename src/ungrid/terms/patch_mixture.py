"""A prior for pictures: every patch is a draw of one of some Gaussians, which are learned from the noisy picture itself."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.errors import InputError

paper = "houdard2018high"
LEAST_WEIGHT = 1e-4  # of a Gaussian: one that explains fewer patches is left as it is
LEAST_CHANCE = 1e-3  # below it a Gaussian does not count for a patch


@dataclass(frozen=True, eq=False)
class PatchMixture:
    """p(patch) = Σ_k weight_k · N(mean_k, covariance_k), of patches less their own mean.

    Args:
        weights: [k], sum 1.
        means: [k, d].
        covariances: [k, d, d] of patches without noise; they may be singular.
    """

    weights: Float[Tensor, " k"]
    means: Float[Tensor, "k d"]
    covariances: Float[Tensor, "k d d"]

    @classmethod
    def of_groups(cls, patches: Float[Tensor, "n d"], groups: Int[Tensor, " n"], n_groups: int, sigma: float) -> "PatchMixture":
        """The Gaussians of groups of noisy patches: what is left of each covariance when the noise's is taken off.

        Args:
            patches: noisy, less their own mean.
            groups: number of each patch's group, below `n_groups`.
            n_groups: k.
            sigma: of the noise.
        """
        chances = torch.nn.functional.one_hot(groups, n_groups).to(patches.dtype)
        d = patches.shape[1]
        nothing = cls(
            patches.new_full((n_groups,), 1 / n_groups), patches.new_zeros(n_groups, d), patches.new_zeros(n_groups, d, d)
        )
        return nothing._refitted(patches, chances, sigma)

    @torch.no_grad()
    def learned(self, patches: Float[Tensor, "n d"], sigma: float, rounds: int) -> "PatchMixture":
        """After some rounds of expectation and maximization on noisy patches."""
        if rounds < 0:
            raise InputError(f"rounds is {rounds}; expected 0 or more")
        mixture = self
        for _ in range(rounds):
            mixture = mixture._refitted(patches, mixture.chances(patches, sigma), sigma)
        return mixture

    @torch.no_grad()
    def chances(self, patches: Float[Tensor, "n d"], sigma: float) -> Float[Tensor, "n k"]:
        """Probability that each Gaussian made a patch with noise of deviation sigma."""
        identity = torch.eye(patches.shape[1], dtype=patches.dtype, device=patches.device)
        factors = torch.linalg.cholesky(self.covariances + sigma**2 * identity)
        inverses = torch.linalg.solve_triangular(factors, identity.expand_as(factors), upper=False)
        heights = self.weights.clamp_min(1e-12).log() - factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        logs = patches.new_empty(len(patches), len(self.weights))
        for at, (inverse, mean, height) in enumerate(zip(inverses, self.means, heights, strict=True)):
            logs[:, at] = height - 0.5 * (patches @ inverse.T - mean @ inverse.T).square().sum(dim=1)
        return logs.softmax(dim=1)

    @torch.no_grad()
    def expected(
        self, patches: Float[Tensor, "n d"], sigma: float, chances: Float[Tensor, "n k"] | None = None
    ) -> Float[Tensor, "n d"]:
        """Mean of the clean patch behind each noisy one: the sum over Gaussians of chance times Wiener's estimate.

        Args:
            patches: noisy, less their own mean.
            sigma: of their noise.
            chances: of each Gaussian, where they are known better than from the noisy patches.
        """
        identity = torch.eye(patches.shape[1], dtype=patches.dtype, device=patches.device)
        gains = torch.linalg.solve(self.covariances + sigma**2 * identity, self.covariances)  # symmetric but for rounding
        chances = self.chances(patches, sigma) if chances is None else chances
        result = torch.zeros_like(patches)
        for chance, mean, gain in zip(chances.T, self.means, gains, strict=True):
            some = (chance > LEAST_CHANCE).nonzero().squeeze(-1)
            result[some] += chance[some, None] * (mean + (patches[some] - mean) @ gain)
        return result

    def _refitted(self, patches: Tensor, chances: Tensor, sigma: float) -> "PatchMixture":
        counts = chances.sum(dim=0)
        means, covariances = self.means.clone(), self.covariances.clone()
        for at in (counts > max(LEAST_WEIGHT * len(patches), 2.0)).nonzero().flatten().tolist():
            share = chances[:, at : at + 1]
            some = (share[:, 0] > LEAST_CHANCE).nonzero().squeeze(-1)
            own, share = patches[some], share[some] / counts[at]
            means[at] = (share * own).sum(dim=0)
            centered = own - means[at]
            variances, axes = torch.linalg.eigh((share * centered).T @ centered)
            covariances[at] = (axes * (variances - sigma**2).clamp_min(0)) @ axes.T
        return PatchMixture(counts / counts.sum(), means, covariances)


@torch.no_grad()
def grouped(patches: Float[Tensor, "n d"], n_groups: int, rng: torch.Generator, *, rounds: int = 8) -> Int[Tensor, " n"]:
    """Number of each patch's group, by k-means from patches drawn by their energy (so that edges have groups, too).

    Args:
        patches: less their own mean, with little noise.
        n_groups: at most as many as there are patches.
        rng: draws the first centers.
        rounds: of k-means.
    """
    if not 0 < n_groups <= len(patches):
        raise InputError(f"{n_groups} groups of {len(patches)} patches cannot be; expected 1 to that many")
    energy = patches.square().sum(dim=1).sqrt().cpu() + 1e-6
    centers = patches[torch.multinomial(energy[: 2**24], n_groups, generator=rng).to(patches.device)]
    for _ in range(rounds):
        distances = centers.square().sum(dim=1) - 2 * patches @ centers.T
        nearest = distances.argmin(dim=1)
        sums = torch.zeros_like(centers).index_add_(0, nearest, patches)
        counts = torch.bincount(nearest, minlength=n_groups)
        centers = torch.where(counts[:, None] > 0, sums / counts.clamp_min(1)[:, None], centers)
    return nearest


def n_groups_for(n_patches: int, dim: int) -> int:
    """How many Gaussians a picture can tell apart: each needs some ten patches for each number of its covariance's side."""
    return max(2, min(40, math.floor(n_patches / (12 * dim))))
