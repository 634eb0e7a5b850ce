"""Samples that do not fit are found, and no others."""

import numpy as np
import pytest

import ungrid as ug
from ungrid.diagnosis.anomalies import find_anomalies
from ungrid.errors import InputError
from ungrid.signals.series import from_columns


def noisy(seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(400.0)
    return t, np.stack([np.sin(t / 25), 100 * np.cos(t / 30)], 1) + [0.1, 10] * rng.normal(size=(400, 2))


def test_a_spike_is_found_in_its_channel_at_its_time():
    t, values = noisy()
    values[123, 1] += 150
    values[300, 0] -= 1.5
    signal = from_columns(values, t, names=("a", "b"))
    found = find_anomalies(ug.fit(signal, callbacks=[]), signal)
    assert [(one.coords, one.channel) for one in found[:2]] in (
        [((123.0,), "b"), ((300.0,), "a")],
        [((300.0,), "a"), ((123.0,), "b")],
    )
    assert len(found) == 2


def test_plain_noise_has_no_anomalies():
    t, values = noisy(3)
    signal = from_columns(values, t)
    assert ug.anomalies(ug.fit(signal, callbacks=[]), signal) == []


def test_another_signal_is_refused():
    t, values = noisy()
    field = ug.fit(from_columns(values, t), callbacks=[])
    with pytest.raises(InputError, match="expected the signal that the field was fitted to"):
        find_anomalies(field, from_columns(values[:, 0], t))
    with pytest.raises(InputError, match="above 0"):
        find_anomalies(field, from_columns(values, t), beyond=0.0)
