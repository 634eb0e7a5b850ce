import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.presets.fit_out import fitted_out, index_box, over_range
from ungrid.presets.plan import plan_signal
from ungrid.presets.published import siren
from ungrid.presets.table import PUBLISHED
from ungrid.signals.base import Signal
from ungrid.testing.toys import tiny_picture


def seconds(n=64):
    values = 100 + 50 * torch.sin(torch.arange(float(n)) * 0.3)[:, None]
    return Signal(values, Grid(Box(("t",), ((2.0, 2.5),), ("s",)), (n,)), "series", ("a",))


def test_a_setting_is_built_for_one_unit_a_sample_and_lives_on_the_signal_s_box():
    signal = seconds()
    assert index_box(signal.grid).bounds == ((0.0, 64.0),)
    plan = plan_signal(signal, "dense_grid")
    assert plan.field.box == signal.box
    assert plan.field.n_params == PUBLISHED["dense_grid"](index_box(signal.grid), 1).n_params


def test_values_start_over_the_range_of_what_is_known():
    signal = seconds()
    built = siren(index_box(signal.grid), 1, width=8, depth=1)
    fractions = built.sample(Grid(built.box, (64,)))
    field = fitted_out(built, signal)
    low, high = float(signal.values.min()), float(signal.values.max())
    assert torch.allclose(field.sample(signal.grid), low + (high - low) * fractions, rtol=1e-4)


def test_a_picture_s_setting_stays_as_published():
    picture = tiny_picture()
    field = fitted_out(siren(index_box(picture.grid), picture.out_dim, width=8, depth=1), picture)
    assert (field.value_scale, field.value_offset, field.box) == ((0.5,), (0.5,), picture.box)


@pytest.mark.parametrize("name", ["gaussian_image", "siren"])
def test_every_kind_of_field_takes_a_range(name):
    if name not in PUBLISHED:
        name = next(n for n in PUBLISHED if "gauss" in n)
    box = Box(("y", "x"), ((0.0, 16.0), (0.0, 16.0)))
    field = PUBLISHED[name](box, 1)
    before = field.sample(Grid(box, (16, 16)))
    recipe = field.recipe
    scaled = over_range(field, -2.0, 6.0)
    assert torch.allclose(scaled.sample(Grid(box, (16, 16))), -2 + 8 * before, atol=1e-4)
    assert scaled.recipe == recipe
