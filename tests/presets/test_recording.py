import math

import pytest
import torch

from ungrid import verbs
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fit.callbacks import Monitor
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.presets.auto import choose
from ungrid.presets.recording import STEPS, place_knots
from ungrid.signals.audio import sound_signal

RATE = 8000


def chirps(n=12_000, shift=0.0):
    """Silence, a tone, then a burst of high frequencies, at sample positions moved by `shift`."""
    at = torch.arange(n, dtype=torch.float64) - shift
    tone = 0.4 * torch.sin(2 * math.pi * 300 / RATE * at) * torch.exp(-(((at - 5000) / 1500) ** 2))
    burst = 0.3 * torch.sin(2 * math.pi * 2900 / RATE * at) * torch.exp(-(((at - 9000) / 300) ** 2))
    return sound_signal((tone + burst).float(), RATE)


def test_cells_go_where_high_frequencies_are():
    knots = place_knots(chirps().values, 0.3, window=250)
    codes = knots.codes.float()[1:-2]
    assert codes[34:38].mean() > codes[18:22].mean() + 8 > codes[:4].mean() + 20


def test_one_command_fits_a_sound_with_fewer_numbers_than_it_has_samples():
    signal = chirps()
    field = verbs.fit(signal, callbacks=[])
    quality = field.metrics["quality"]
    assert quality["psnr"] == quality["snr"] > 45
    assert field.n_params < 0.4 * signal.values.numel()


def test_a_field_of_a_shifted_sound_is_the_shifted_field():
    field, moved = (verbs.fit(chirps(shift=s), callbacks=[]) for s in (0.0, 0.25))
    grid = Grid(field.box, (12_000,))
    a, b = field.sample(grid)[:, 0].double(), moved.sample(grid)[:, 0].double()
    phase = torch.fft.rfft(b[3000:7000]) * torch.fft.rfft(a[3000:7000]).conj()
    peak = int(phase.abs().argmax())
    assert abs(-float(phase[peak].angle()) / (2 * math.pi * peak / 4000) - 0.25) < 0.01
    exact = chirps(shift=-0.25).values[:, 0].double()  # the field a quarter of a sample later
    seconds = (torch.arange(12_000, dtype=torch.float64) + 0.5 + 0.25) / RATE
    assert (field(seconds[:, None])[:, 0].double() - exact)[3000:7000].abs().max() < 5e-3


def test_files_are_kept_below_a_size():
    signal = chirps()
    small = choose(signal, max_bytes=5000)
    assert small.field.n_params * 2 < 5000
    with pytest.raises(InputError, match="needs at least"):
        choose(signal, max_bytes=100)


def test_silence_and_a_single_sample_are_fitted_too():
    for values in (torch.zeros(500), torch.full((1,), 0.5), torch.tensor([0.5, -0.5])):
        signal = sound_signal(values, RATE)
        field = verbs.fit(signal, callbacks=[])
        torch.testing.assert_close(field.sample(signal.grid), signal.values, atol=0.02, rtol=0)


def test_a_fit_takes_the_steps_that_it_is_given():
    signal = chirps(2000)
    few, all_of_them = verbs.fit(signal, steps=3, callbacks=[]), verbs.fit(signal, callbacks=[])
    assert few.record.fit["steps"] == 3
    assert few.metrics["quality"]["psnr"] < all_of_them.metrics["quality"]["psnr"]


def test_a_fit_ends_at_the_target_that_it_is_given():
    plan = verbs.make_plan(chirps(2000))
    state = FitState(plan.field, plan.problem, plan.field.recipe, 0)
    run(state, Budget(STEPS), [Monitor(0.0, target_psnr=20.0)])  # looks after each step: the whole fit is done in milliseconds
    assert state.stopped_by == "target_psnr"
    assert state.step < STEPS
