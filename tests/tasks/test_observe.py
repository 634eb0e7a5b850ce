"""What samples say to a fit."""

import torch
from torch.testing import assert_close

from ungrid.fit.samplers import GridObservations, PointObservations
from ungrid.signals.series import from_columns
from ungrid.tasks.observe import observations, weights
from ungrid.testing.toys import tiny_picture

NAN = float("nan")


def test_a_picture_has_no_weights():
    assert weights(tiny_picture(4, 5)) is None
    assert isinstance(observations(tiny_picture(4, 5)), GridObservations)


def test_channels_count_by_their_own_peak_to_peak_and_missing_values_not():
    signal = from_columns([[0.0, 10.0], [NAN, 30.0], [2.0, 20.0]])
    assert_close(weights(signal), torch.tensor([[0.5, 0.05], [0.0, 0.05], [0.5, 0.05]]))


def test_samples_off_the_grid_are_asked_where_they_lie():
    observed = observations(from_columns([1.0, 2.0, 0.0], [0.0, 1.0, 5.5]))
    assert isinstance(observed, PointObservations)
    assert_close(observed.query[:, 0], torch.tensor([0.0, 1.0, 5.5]))
