import math

import pytest
import torch

from ungrid.errors import ShapeError
from ungrid.metrics.error import psnr
from ungrid.metrics.film import MOST_COMPARED, even_frames, film_metrics
from ungrid.metrics.image import ssim
from ungrid.testing.toys import tiny_film


def test_a_film_is_measured_over_all_frames_and_its_worst():
    film = tiny_film(4)
    result = film.values.clone()
    result[2] += 0.1
    measures = film_metrics(result, film)
    shown = result.clamp(0, 1)
    assert measures["psnr"] == pytest.approx(psnr(shown, film.values), abs=1e-4)
    assert measures["psnr_lowest"] == pytest.approx(psnr(shown[2], film.values[2]), abs=1e-4)
    assert measures["ssim"] == pytest.approx(sum(ssim(a, b) for a, b in zip(shown, film.values, strict=True)) / 4, abs=1e-6)
    assert measures["max_abs_error"] == pytest.approx(0.1, abs=1e-5)


def test_an_exact_film_has_no_error():
    film = tiny_film()
    assert film_metrics(film.values, film) == {
        "psnr": math.inf,
        "psnr_lowest": None,
        "ssim": 1.0,
        "rmse": 0.0,
        "max_abs_error": 0.0,
    }


def test_alpha_is_not_measured():
    film = tiny_film(channels=4)
    result = film.values.clone()
    result[..., 3] = 0
    assert film_metrics(result, film)["rmse"] == 0


def test_small_frames_have_no_similarity():
    film = tiny_film(2, 8, 40)
    assert film_metrics(film.values, film)["ssim"] is None


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError):
        film_metrics(torch.zeros(2, 24, 32, 3), tiny_film())


@pytest.mark.parametrize("n", [1, 5, 32, 250])
def test_frames_are_compared_at_even_distances(n):
    chosen = even_frames(n, MOST_COMPARED)
    assert len(chosen) == len(set(chosen)) == min(n, MOST_COMPARED)
    assert all(0 <= index < n for index in chosen)
    assert n <= MOST_COMPARED or abs(sum(chosen) / len(chosen) - (n - 1) / 2) < 1
