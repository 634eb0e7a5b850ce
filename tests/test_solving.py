import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, ShapeError
from ungrid.testing.toys import unit_box

BOX = ug.Box(("y", "x"), ((0.0, 24.0), (0.0, 24.0)), ("mm", "mm"))


class Blur:
    """Three samples averaged along x."""

    def A(self, values):
        return (values.roll(1, 1) + values + values.roll(-1, 1)) / 3

    A_adjoint = A


def square():
    values = torch.zeros(24, 24, 1)
    values[6:18, 8:16] = 1.0
    return values


def error(field):
    return float((field.sample(field.grid()) - square()).square().mean())


def test_a_users_operator_is_inverted_and_the_field_is_saved_with_its_units(tmp_path):
    field = ug.solve(Blur().A(square()), Blur(), BOX, shape=(24, 24), least=0.0, callbacks=())
    assert error(field) < 1e-4
    assert field.metrics["quality"]["residual"] < 0.02
    field.save(tmp_path / "square.ung")
    again = ug.load(tmp_path / "square.ung")
    assert again.box == BOX
    assert torch.equal(again([[12.0, 12.0]]), field([[12.0, 12.0]]))


@pytest.mark.parametrize("noise", [0.1, None])
def test_noise_is_left_behind_whether_it_is_known_or_not(noise):
    seen = Blur().A(square()) + 0.1 * torch.randn(24, 24, 1, generator=torch.Generator().manual_seed(0))
    field = ug.solve(seen, Blur(), BOX, shape=(24, 24), noise=noise, callbacks=())
    assert error(field) < float((seen - square()).square().mean()) / 3
    assert field.record.fit["strength"] > 0
    assert field.record.fit["strength_by"] == ("held-out measurements" if noise is None else "the noise")


def test_weights_of_zero_leave_measurements_out():
    seen = Blur().A(square())
    seen[:, 3] = 100.0
    weights = torch.ones(24, 24, 1)
    weights[:, 3] = 0.0
    assert error(ug.solve(seen, Blur(), BOX, shape=(24, 24), weight=weights, strength=1e-3, callbacks=())) < 1e-3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"measurements": torch.full((24, 24, 1), float("nan"))}, "NaN or infinite"),
        ({"measurements": torch.zeros(24, 24, 1, dtype=torch.int32)}, "expected floats"),
        ({"measurements": np.zeros((0,))}, "expected floats"),
        ({"noise": -1.0}, "noise is -1"),
        ({"strength": float("inf")}, "strength is inf"),
        ({"least": float("nan")}, "least is nan"),
        ({"shape": None}, "needs a box and a shape"),
        ({"operator": object()}, "A and A_adjoint"),
        ({"shape": (24, 24, 3)}, "sizes"),
    ],
)
def test_bad_input_gets_one_clear_line(change, says, unchecked_types):
    given = {"measurements": torch.zeros(24, 24, 1), "operator": Blur(), "box": BOX, "shape": (24, 24)} | change
    with pytest.raises(InputError, match=says) as caught:
        ug.solve(given.pop("measurements"), given.pop("operator"), given.pop("box"), callbacks=(), **given)
    assert "\n" not in str(caught.value)


def test_measurements_of_another_shape_than_the_operators_are_refused(unchecked_types):
    with pytest.raises(ShapeError):
        ug.solve(torch.zeros(20, 24, 1), Blur(), BOX, shape=(24, 24), callbacks=())
    grid = ug.Grid(unit_box(2), (4, 4))
    with pytest.raises(InputError, match="grid of its own"):
        ug.solve(torch.zeros(4, 4, 1), ug.measurements.Samples(grid), BOX, callbacks=())
