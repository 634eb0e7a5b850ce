import pytest

from ungrid.bench.equal import Terms
from ungrid.bench.models import Comparison, chosen, compare, settings
from ungrid.bench.rates import Rates
from ungrid.errors import UnknownName
from ungrid.testing.toys import tiny_picture

TINY = Comparison(Terms(n_params=4_000, seconds=0.05), seeds=2, side=16, n_signals=1)
SIGNALS = {"a": tiny_picture(24, 32), "b": tiny_picture(24, 32)}


@pytest.fixture(scope="module")
def rows():
    return compare(SIGNALS, ["siren", "dense_grid"], TINY, Rates({"siren": 4.0}), first_seed=5)


def test_each_model_has_a_fit_for_every_seed_and_one_row_of_means(rows):
    fits = [row for row in rows if row["measurement"] == "fits"]
    means = [row for row in rows if row["measurement"] == "models"]
    assert [row["seed"] for row in fits if row["name"] == "siren"] == [5, 6]
    (siren,) = [row for row in means if row["name"] == "siren"]
    psnr = [row["heldout_psnr"] for row in fits if row["name"] == "siren"]
    assert siren["heldout_psnr"] == pytest.approx(sum(psnr) / 2)
    assert siren["heldout_std"] == pytest.approx(abs(psnr[0] - psnr[1]) / 2**0.5)
    assert siren["learning_rate"] == pytest.approx(4e-4)


def test_a_run_that_goes_on_makes_only_the_fits_that_are_missing(rows):
    kept = []
    fits = [row for row in rows if row["measurement"] == "fits" and (row["name"], row["seed"]) != ("dense_grid", 6)]
    again = compare(SIGNALS, ["siren", "dense_grid"], TINY, Rates({}), first_seed=5, done=fits, keep=kept.append)
    assert [row["name"] for row in again if row["measurement"] == "fits" and row not in fits] == ["dense_grid"]
    assert kept == [again]


def test_the_best_guess_stands_first_and_classical_methods_beside(rows):
    means = [row for row in rows if row["measurement"] == "models"]
    found = [row["heldout_psnr"] for row in means]
    assert found == sorted(found, reverse=True)
    assert {"model", "ours, without a field"} <= {row["kind"] for row in means}
    assert {row["signal"] for row in rows} == {"a"}


def test_what_is_alike_and_what_was_not_tuned_is_said():
    said = " ".join(settings(TINY, Rates({"siren": 4.0}, terms={"siren": "9,000 parameters and 3 s"}), ["siren", "sine"]))
    assert "4,000 parameters" in said
    assert "8,192 samples" in said
    assert "as published: sine; tuned at 9,000 parameters and 3 s" in said


def test_a_signal_that_rates_were_tuned_on_is_marked():
    found = compare(SIGNALS, ["siren"], TINY, Rates({}, frozenset({"a"})))
    assert {row["note"] for row in found if row["kind"] == "model"} == {"rates were tuned on this signal"}


def test_an_unknown_model_gives_the_nearest():
    assert "balanced" in chosen([])
    with pytest.raises(UnknownName, match="did you mean 'siren'"):
        chosen(["sirens"])
