import functools

import pytest
import torch

from ungrid.errors import UnknownName
from ungrid.measurements.noise import Gaussian
from ungrid.restoration import choose
from ungrid.restoration.candidates import CANDIDATES, JOINT
from ungrid.restoration.choose import AUTO, KINDS, METHODS, chosen, first_of, restore_by
from ungrid.restoration.degradation import Degradation

NOISE = Degradation(Gaussian(0.1))
ENLARGED = Degradation(Gaussian(0.0), upscale=2)
FILLED = Degradation(Gaussian(0.0), known=torch.ones(4, 4, dtype=torch.bool))


def test_a_method_takes_the_first_candidate_of_its_kinds():
    assert chosen("field", NOISE) == ["patch_field"]
    assert chosen("classical", NOISE) == ["nonlocal_bayes"]
    assert chosen("auto", NOISE) == ["guided_bayes"]
    assert all(chosen(name, NOISE) == [name] for name, own in CANDIDATES.items() if own.serves(NOISE))
    assert chosen("auto", ENLARGED) == ["oriented_mean"]
    assert chosen("auto", FILLED) == ["oriented_field"]
    assert chosen("classical", FILLED) == ["biharmonic"]
    assert set(METHODS) == {*KINDS, *CANDIDATES}


def test_where_nothing_joins_them_auto_is_the_mean_of_a_field_and_a_classical_estimate(monkeypatch):
    alone = {name: candidate for name, candidate in CANDIDATES.items() if candidate.kind != JOINT}
    monkeypatch.setattr(choose, "CANDIDATES", alone)
    monkeypatch.setattr(choose, "first_of", functools.partial(first_of, table=alone))
    observed = torch.rand(16, 16, 1, generator=torch.Generator().manual_seed(0))
    found = restore_by(AUTO, observed, NOISE, torch.Generator().manual_seed(0))
    assert found.shares == {"patch_field": 0.5, "nonlocal_bayes": 0.5}
    torch.testing.assert_close(found.values, sum(found.estimates.values()) / 2)
    assert set(found.seconds) == set(found.shares)
    assert found.describe() == "50% field with a patch prior + 50% non-local Bayes"


def test_an_unknown_method_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'nonlocal_bayes'"):
        chosen("nonlocal_bays", NOISE)
