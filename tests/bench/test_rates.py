import json

import pytest

from ungrid.bench import rates
from ungrid.bench.equal import Terms
from ungrid.errors import UnreadableInput
from ungrid.testing.toys import tiny_picture

SIGNALS = {"one": tiny_picture(12, 16)}


def tuned_with(monkeypatch, psnr):
    def fit(name, signal, terms, *, rate_factor, seed):
        found = psnr(rate_factor)
        return {"train_psnr": found, "heldout_psnr": found}

    monkeypatch.setattr(rates, "fit_equal", fit)
    return rates.tune(["siren"], SIGNALS, Terms())["siren"]


@pytest.mark.parametrize("best", [0.25, 1.0, 8.0])
def test_the_factor_with_the_highest_psnr_is_found(monkeypatch, best):
    entry = tuned_with(monkeypatch, lambda factor: 30 - abs(factor / best - 1) if factor <= best else 30 - factor / best)
    assert entry["factor"] == best
    assert set(entry) == {"factor", "tried", "params", "seconds", "signals", "commit"}
    assert entry["tried"]["1"] <= 30


def test_a_rate_that_diverges_is_never_chosen(monkeypatch):
    assert tuned_with(monkeypatch, lambda factor: None if factor > 1 else 20 - abs(factor - 0.5))["factor"] == 0.5


def test_entries_are_kept_beside_earlier_ones_and_read_again(tmp_path):
    path = tmp_path / "rates.json"
    assert rates.read_rates(path).of("siren") == 1.0
    entry = {"factor": 4.0, "signals": {"one": "abc"}, "params": 20_000, "seconds": 2.0}
    rates.write_rates({"siren": entry}, path)
    rates.write_rates({"sine": entry | {"factor": 0.5, "signals": {}}}, path)
    found = rates.read_rates(path)
    assert (found.of("siren"), found.of("sine"), found.of("wire")) == (4.0, 0.5, 1.0)
    assert found.signals == {"abc"}
    assert found.terms["siren"] == "20,000 parameters and 2 s"


def test_a_damaged_table_is_refused(tmp_path):
    path = tmp_path / "rates.json"
    for text in ("{", json.dumps({"siren": {}}), "[1]"):
        path.write_text(text)
        with pytest.raises(UnreadableInput, match="--tune"):
            rates.read_rates(path)


def test_the_table_that_ships_can_be_read():
    assert all(factor > 0 for factor in rates.read_rates().factors.values())
