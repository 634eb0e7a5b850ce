import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, UnknownName
from ungrid.presets.plan_shape import plan_shape
from ungrid.testing.surfaces import sphere

pytest.importorskip("igl", reason="libigl is not installed")


def test_a_published_setting_is_fitted_to_distances_by_descent():
    field = ug.fit(sphere(8), preset="hash_grid", steps=60, callbacks=[])
    assert type(field).__name__ == "EncodedField"
    assert field.metrics["quality"]["iou"] > 0.9
    assert field.record.kind == "sdf"


def test_its_weights_do_not_depend_on_where_the_shape_lies():
    plans = [plan_shape(sphere(6, center=center), "siren") for center in ((0.0, 0.0, 0.0), (50.0, 0.0, 0.0))]
    values = [plan.field(torch.tensor([[0.3 + shift, 0.2, 0.1]])) for plan, shift in zip(plans, (0.0, 50.0), strict=True)]
    torch.testing.assert_close(*values, atol=1e-3, rtol=0)


def test_a_setting_that_sees_whole_grids_is_refused_and_so_is_an_unknown_one():
    with pytest.raises(InputError, match="whole grid"):
        plan_shape(sphere(4), "conv_inr")
    with pytest.raises(UnknownName, match="balanced"):
        plan_shape(sphere(4), "balancd")


def test_a_published_setting_that_is_too_large_is_refused():
    with pytest.raises(InputError, match="above 1,000"):
        plan_shape(sphere(4), "siren", max_bytes=1000)
