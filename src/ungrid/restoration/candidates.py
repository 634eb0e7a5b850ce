"""The candidates that can undo a degradation, in one table by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor

from ungrid.classical.nonlocal_bayes import nonlocal_bayes
from ungrid.classical.total_variation import total_variation
from ungrid.measurements.noise import Gaussian
from ungrid.measurements.stabilization import STABILIZED, paper_of, stabilize, unstabilize
from ungrid.restoration.degradation import Degradation
from ungrid.restoration.oriented_field import oriented_field
from ungrid.restoration.oriented_field import papers as oriented_papers
from ungrid.restoration.patch_field import papers as patch_field_papers
from ungrid.restoration.patch_field import patch_field
from ungrid.restoration.sensing import EXACT, biharmonic, interpolated, sensed, sensed_total_variation

FIELD: Final = "field"
CLASSICAL: Final = "classical"
JOINT: Final = "joint"
GUIDED_BY_FIELD = 0.75  # of the estimate that guides `guided_bayes`; the rest is `nonlocal_bayes`'s
SHARE_ENLARGED = 0.75  # of the field beside total variation: what pictures enlarged from smaller copies of themselves ask for
SHARE_DEBLURRED = 0.5  # on kodim05 and Set14's pepper
TOTAL_VARIATION_WEIGHT = 0.7  # of sigma


@dataclass(frozen=True, eq=False)
class Estimate:
    """A candidate's answer.

    Args:
        values: [h, w, c] on the grid of the restored picture.
        stopped_by: what ended its search.
        papers: keys in `papers.bib` of what it rests on.
    """

    values: Tensor
    stopped_by: str
    papers: tuple[str, ...] = ()


Restore = Callable[[Tensor, Degradation, torch.Generator], Estimate]


class Candidate(NamedTuple):
    """One way to undo a degradation: its name for a person, whether it fits a field, is classical or joins both, what it serves,
    and the function.

    `restore` takes what was observed [h, w, c] without alpha, the degradation, and random numbers.
    """

    said: str
    kind: Literal["field", "classical", "joint"]
    serves: Callable[[Degradation], bool]
    restore: Restore


def _denoises(degradation: Degradation) -> bool:
    return degradation.is_noise


def _senses(degradation: Degradation) -> bool:
    return not degradation.is_noise


def _fills(degradation: Degradation) -> bool:
    return degradation.is_mask


def _enlarges(degradation: Degradation) -> bool:
    return degradation.upscale > 1 and degradation.psf is None and degradation.known is None


def _senses_more(degradation: Degradation) -> bool:
    return not degradation.is_noise and not degradation.is_mask


def _any(degradation: Degradation) -> bool:
    return True


def evened(restore: Restore) -> Restore:
    """A candidate for Gaussian noise that takes other noise, too: made even by `stabilization`, and brought back without bias."""

    def restored(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
        noise = degradation.noise
        if not isinstance(noise, STABILIZED):
            return restore(observed, degradation, rng)
        white = float(stabilize(torch.ones(()), noise))
        even = Degradation(Gaussian(1 / white))
        found = restore(stabilize(observed, noise) / white, even, rng)
        return Estimate(unstabilize(found.values * white, noise), found.stopped_by, (*found.papers, paper_of(noise)))

    return restored


def _total_variation(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    if degradation.is_noise:
        return _denoised_by_total_variation(observed, degradation, rng)
    return Estimate(sensed_total_variation(observed, degradation), "converged", ("rudin1992nonlinear", "boyd2011admm"))


def _oriented_field(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    known = sensed(observed, degradation)
    if degradation.is_mask and known.deviation <= EXACT:
        return Estimate(known.start, "rounds", oriented_papers)
    start = known.start if degradation.is_mask else sensed_total_variation(observed, degradation, margin=True)
    values = oriented_field(known.measured, known.sensor, known.deviation, start)
    return Estimate(values[known.inside], "rounds", oriented_papers)


def _oriented_mean(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    """A mean of the field with an oriented prior and of total variation, at which it begins: their errors differ."""
    known, smooth = sensed(observed, degradation), sensed_total_variation(observed, degradation, margin=True)
    values = oriented_field(known.measured, known.sensor, known.deviation, smooth)
    papers = (*oriented_papers, "rudin1992nonlinear", "boyd2011admm")
    share = SHARE_ENLARGED if degradation.psf is None else SHARE_DEBLURRED
    return Estimate((share * values + (1 - share) * smooth)[known.inside], "rounds, converged", papers)


def _biharmonic(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    return Estimate(biharmonic(observed, degradation), "converged", ("hestenes1952conjugate",))


def _cubic(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    return Estimate(interpolated(observed, degradation), "interpolation", ("keys1981cubic",))


def _denoised_by_total_variation(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    found = total_variation(observed, TOTAL_VARIATION_WEIGHT * sigma_of(degradation))
    return Estimate(found.values, "duality gap", ("rudin1992nonlinear", "beck2009fast"))


def _patch_field(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    values = patch_field(observed, sigma_of(degradation), rng)
    return Estimate(values, "rounds", patch_field_papers)


def _nonlocal_bayes(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    values = nonlocal_bayes(observed, sigma_of(degradation))
    return Estimate(values, "two steps", ("lebrun2013nonlocal", "gavish2017optimal"))


def _evened_where_only_noisy(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    restore = evened(_total_variation) if degradation.is_noise else _total_variation
    return restore(observed, degradation, rng)


def _guided_bayes(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
    """Non-local Bayes' second step, guided by a field, which keeps fine texture, and a little by its own estimate, which keeps
    what repeats."""
    sigma = sigma_of(degradation)
    field, classical = _patch_field(observed, degradation, rng), _nonlocal_bayes(observed, degradation, rng)
    pilot = GUIDED_BY_FIELD * field.values + (1 - GUIDED_BY_FIELD) * classical.values
    values = nonlocal_bayes(observed, sigma, pilot=pilot)
    return Estimate(values, f"{field.stopped_by}, {classical.stopped_by}", (*field.papers, *classical.papers))


def sigma_of(degradation: Degradation) -> float:
    """Of the noise, which is Gaussian behind `evened`."""
    assert isinstance(degradation.noise, Gaussian)
    return degradation.noise.sigma


# the best of each kind first
CANDIDATES: Mapping[str, Candidate] = {
    "guided_bayes": Candidate("non-local Bayes guided by a field", JOINT, _denoises, evened(_guided_bayes)),
    "patch_field": Candidate("field with a patch prior", FIELD, _denoises, evened(_patch_field)),
    "nonlocal_bayes": Candidate("non-local Bayes", CLASSICAL, _denoises, evened(_nonlocal_bayes)),
    "oriented_mean": Candidate(
        "mean of a field with an oriented prior and of total variation", JOINT, _senses_more, _oriented_mean
    ),
    "oriented_field": Candidate("field with an oriented prior", FIELD, _senses, _oriented_field),
    "biharmonic": Candidate("biharmonic filling", CLASSICAL, _fills, _biharmonic),
    "total_variation": Candidate("total variation", CLASSICAL, _any, _evened_where_only_noisy),
    "cubic": Candidate("cubic convolution", CLASSICAL, _enlarges, _cubic),
}
