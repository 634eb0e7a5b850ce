import pytest
import torch

from ungrid.errors import InputError
from ungrid.fit.calibrate import calibrate, conformal, keep_for_calibration, samples_at, weigh
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, tiny_picture


def laplace_noise(shape, seed):
    """Of deviation 1."""
    rng = torch.Generator().manual_seed(seed)
    first, second = -torch.rand((2, *shape), generator=rng, dtype=torch.float64).log()
    return (first - second) / 2**0.5


def test_a_conformal_factor_is_the_score_of_its_rank():
    scores = torch.arange(19, 0, -1).double()
    assert [conformal(scores, level) for level in (0.5, 0.9, 0.95)] == [10.0, 18.0, 19.0]
    assert conformal(scores[:3], 0.95) == 19.0


def test_the_weights_of_the_terms_are_found():
    rng = torch.Generator().manual_seed(0)
    terms = torch.rand((6000, 2, 3), generator=rng, dtype=torch.float64) ** 4
    truth = torch.tensor([4.0, 0.5, 0.0], dtype=torch.float64)
    errors = laplace_noise((6000, 2), 1) * (terms @ truth).sqrt()
    torch.testing.assert_close(weigh(terms, errors.abs()), truth, rtol=0.15, atol=0.05)
    torch.testing.assert_close(weigh(terms, 10 * errors.abs()), 100 * truth, rtol=0.15, atol=5.0)


def test_a_term_that_is_nowhere_weighs_nothing():
    terms = torch.ones(100, 1, 3, dtype=torch.float64) * torch.tensor([1.0, 0.0, 0.0])
    weights = weigh(terms, torch.ones(100, 1, dtype=torch.float64))
    assert weights[1:].tolist() == [0.0, 0.0]
    assert float(weights[0]) > 0


@pytest.mark.parametrize("power", [1, 3])
def test_intervals_cover_what_they_say_whatever_the_tails(power):
    field = FIELD_EXAMPLES["EnsembleField"](pixel_box(), 2, 0)
    coords = torch.rand(9000, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([12.0, 16.0])
    noise = laplace_noise((9000, 2), 2)
    truth = field(coords).detach() + (0.1 * noise.abs() ** power * noise.sign()).float()
    found = calibrate(field, coords[:3000], truth[:3000])
    assert found["n_calibration"] == 3000
    assert sum(found["shares"].values()) == pytest.approx(1, abs=1e-3)
    for coverage in (0.5, 0.9, 0.7):
        low, high = field.interval(coords[3000:], coverage)
        inside = ((truth[3000:] >= low) & (truth[3000:] <= high)).float().mean()
        assert abs(float(inside) - coverage) < (0.03 if coverage != 0.7 else 0.05)
    ratio = (truth - field(coords))[3000:].square().mean().detach() / field.deviation(coords[3000:]).square().mean().detach()
    assert float(ratio) == pytest.approx(1, rel=0.4)


def test_an_exact_field_is_calibrated_to_narrow_intervals():
    field = FIELD_EXAMPLES["EnsembleField"](pixel_box(), 2, 0)
    coords = torch.rand(100, 2)
    calibrate(field, coords, field(coords).detach())
    assert bool(torch.isfinite(field.deviation(coords)).all())
    assert float(field.deviation(coords).max()) < 1e-3


def test_too_few_samples_are_refused():
    field = FIELD_EXAMPLES["EnsembleField"](pixel_box(), 2, 0)
    with pytest.raises(InputError, match="at least 40 samples"):
        calibrate(field, torch.zeros(39, 2), torch.zeros(39, 2))
    with pytest.raises(InputError, match="of 200 or more; got 199"):
        keep_for_calibration(199, 0)


@pytest.mark.parametrize(("n_known", "n_kept"), [(200, 40), (4000, 800), (40_000, 1000), (100_000, 2000), (10**6, 20_000)])
def test_a_share_is_kept_that_the_seed_chooses(n_known, n_kept):
    kept = keep_for_calibration(n_known, 0)
    assert len(kept) == len(kept.unique()) == n_kept
    assert bool((kept.diff() > 0).all())
    assert torch.equal(kept, keep_for_calibration(n_known, 0))
    assert not torch.equal(kept, keep_for_calibration(n_known, 1))


def test_samples_are_those_of_the_signal_at_their_places():
    picture = tiny_picture(5, 7)
    field = FIELD_EXAMPLES["EnsembleField"](picture.box, 3, 0)
    coords, values = samples_at(picture, torch.tensor([0, 9, 34]), field)
    assert coords.tolist() == [[0.5, 0.5], [1.5, 2.5], [4.5, 6.5]]
    assert torch.equal(values, picture.values.reshape(-1, 3)[[0, 9, 34]])
