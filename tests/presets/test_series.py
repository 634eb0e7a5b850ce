"""The default of series against classical smoothing, on samples held out."""

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.presets.series import choose_series
from ungrid.signals.series import from_columns

T = np.arange(300.0)
RNG = np.random.default_rng(0)
SERIES = {
    "smooth": np.sin(T / 12) + np.cos(T / 31),
    "noisy": np.sin(T / 12) + 0.2 * RNG.normal(size=300),
    "walk": np.cumsum(RNG.normal(size=300)),
    "steps": np.repeat(RNG.normal(size=10), 30),
}


@pytest.mark.parametrize("name", SERIES)
def test_samples_left_out_are_guessed_as_well_as_by_classical_splines(name):
    interpolate = pytest.importorskip("scipy.interpolate")
    values = SERIES[name]
    out = np.zeros(300, dtype=bool)
    out[np.random.default_rng(1).choice(np.arange(1, 299), 30, replace=False)] = True
    field = ug.fit(from_columns(np.where(out, np.nan, values), T), callbacks=[])
    guess = field(T[:, None])[:, 0].detach().double().numpy()
    errors = [
        np.sqrt(np.mean((each[out] - values[out]) ** 2))
        for each in (
            guess,
            interpolate.make_smoothing_spline(T[~out], values[~out])(T),
            interpolate.CubicSpline(T[~out], values[~out])(T),
        )
    ]
    assert errors[0] < 1.1 * min(errors[1:]) + 1e-3


def test_noise_takes_fewer_cells_than_samples():
    assert choose_series(from_columns(SERIES["noisy"], T), "balanced").field.n_params < 160


def test_a_limit_of_bytes_is_kept_or_refused(tmp_path):
    signal = from_columns(SERIES["walk"], T)
    ug.fit(signal, max_bytes=4600, callbacks=[]).save(tmp_path / "f.ung")
    assert (tmp_path / "f.ung").stat().st_size <= 4600
    with pytest.raises(InputError, match="needs at least"):
        ug.fit(signal, max_bytes=100, callbacks=[])


def test_a_constant_is_a_constant():
    field = ug.fit(from_columns(np.full(30, 7.0)), callbacks=[])
    assert torch.allclose(field([[3.2], [20.9]]), torch.tensor(7.0))
