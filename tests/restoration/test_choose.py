import pytest
import torch

from ungrid.errors import UnknownName
from ungrid.measurements.noise import Gaussian
from ungrid.restoration.candidates import CANDIDATES
from ungrid.restoration.choose import KINDS, METHODS, SHARES, chosen, restore_by
from ungrid.restoration.degradation import Degradation

NOISE = Degradation(Gaussian(0.1))
ENLARGED = Degradation(Gaussian(0.0), upscale=2)
FILLED = Degradation(Gaussian(0.0), known=torch.ones(4, 4, dtype=torch.bool))


def test_a_method_takes_the_first_candidate_of_its_kinds():
    assert chosen("field", NOISE) == ["patch_field"]
    assert chosen("classical", NOISE) == ["nonlocal_bayes"]
    assert chosen("auto", NOISE) == ["patch_field", "nonlocal_bayes"]
    assert all(chosen(name, NOISE) == [name] for name, own in CANDIDATES.items() if own.serves(NOISE))
    assert chosen("auto", ENLARGED) == ["oriented_field", "total_variation"]
    assert chosen("auto", FILLED) == ["oriented_field"]
    assert chosen("classical", FILLED) == ["biharmonic"]
    assert set(METHODS) == {*KINDS, *CANDIDATES}


def test_auto_is_the_mean_of_its_candidates_with_the_shares_it_names():
    observed = torch.rand(16, 16, 1, generator=torch.Generator().manual_seed(0))
    found = restore_by("auto", observed, NOISE, torch.Generator().manual_seed(0))
    mean = sum(found.shares[name] * values for name, values in found.estimates.items())
    torch.testing.assert_close(found.values, mean)
    assert list(found.shares.values()) == pytest.approx(list(SHARES.values()))
    assert set(found.seconds) == set(found.shares)


def test_an_unknown_method_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'nonlocal_bayes'"):
        chosen("nonlocal_bays", NOISE)
