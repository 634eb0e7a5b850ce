from dataclasses import replace

import pytest
import torch

from ungrid.bench import restore
from ungrid.bench.denoisers import missing, rivals
from ungrid.bench.report import by_measurement, markdown, plot
from ungrid.measurements.noise import LEVELS, Gaussian, Poisson
from ungrid.metrics.error import psnr
from ungrid.restoration.candidates import CANDIDATES, JOINT
from ungrid.restoration.degradation import Degradation
from ungrid.testing.toys import tiny_picture

SIZES = replace(restore.QUICK, side=20, noises=(Gaussian(25 / LEVELS), Poisson(30.0)))


def quiet(line):
    pass


@pytest.fixture(scope="module")
def rows():
    gray = tiny_picture(24, 20, ("gray",))
    return restore.denoise({"gray": gray, "second": gray}, replace(SIZES, n_pictures=2), 0, quiet)


def test_each_method_is_measured_on_each_picture_and_noise(rows):
    groups = by_measurement(rows)
    noise = Degradation(Gaussian(25 / LEVELS))
    own = {candidate.said for candidate in CANDIDATES.values() if candidate.kind != JOINT and candidate.serves(noise)}
    names = {"noisy", "auto", *rivals(), *own}
    assert {(row["picture"], row["noise"], row["name"]) for row in groups["denoise_each"]} == {
        (picture, noise, name) for picture in ("gray", "second") for noise in ("gaussian:25", "poisson:30") for name in names
    }
    assert len(groups["denoise"]) == 2 * len(names)


def test_the_means_come_first_and_the_best_of_a_noise_above(rows):
    means = [row for row in rows if row["measurement"] == "denoise" and row["noise"] == "gaussian:25"]
    assert [row["psnr"] for row in means] == sorted((row["psnr"] for row in means), reverse=True)
    assert sum(row["won"] for row in means) >= 2
    assert means[-1]["name"] == "noisy"
    each = [row["psnr"] for row in rows if row["measurement"] == "denoise_each" and row["noise"] == "gaussian:25"]
    assert means[0]["psnr"] <= max(each)


def test_the_rows_make_a_page_and_a_plot(rows, tmp_path):
    pytest.importorskip("matplotlib")
    assert "## denoise" in markdown("title", rows, {}, "abc", restore.settings(SIZES))
    plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5_000


@pytest.mark.parametrize("name", sorted(rivals()))
def test_a_rival_takes_out_noise_of_either_kind(name):
    truth = tiny_picture(32, 32).values
    for noise in (Gaussian(25 / LEVELS), Poisson(30.0)):
        observed = noise.simulate(truth, torch.Generator().manual_seed(0))
        found = rivals()[name](observed, Degradation(noise), torch.Generator())
        assert psnr(found.values, truth) > psnr(observed, truth) + 4


def test_rivals_that_are_missing_are_named():
    assert len(missing()) + len(rivals()) == 3
