import numpy as np
import pytest
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.fields.algebra import Product, Sum
from ungrid.fields.record import Record
from ungrid.testing.analytic_fields import LineField, WaveField, places

A, B = WaveField(((1.0, 0.5),)), LineField(((0.2, 0.3),), (1.0,))
X = places()
RECORD = Record("image", (4, 6), ("y",))


@pytest.mark.parametrize(
    "operation",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: -a,
        lambda a, b: a + 2,
        lambda a, b: 2 + a,
        lambda a, b: a - 2,
        lambda a, b: 2 - a,
        lambda a, b: 3 * a,
        lambda a, b: a * 3.5,
        lambda a, b: a / 4,
        lambda a, b: np.float32(2) * a + np.float64(0.5),
        lambda a, b: 2 * (a - 3 * b + 1) - (0.5 * b - 2) / 4,
        lambda a, b: sum([a, b, a]),
        lambda a, b: (a + b) * (a - b),
    ],
)
def test_operators_on_fields_are_operators_on_their_values(operation):
    assert_close(operation(A, B)(X), operation(A(X), B(X)))


def test_sums_of_sums_are_one_sum():
    total = 2 * (A - B) + B / 2 + 1
    assert [type(field) for field in total.fields] == [WaveField, LineField, LineField]
    assert total.weights == (2.0, -2.0, 0.5)
    assert total.offset == (1.0,)
    assert isinstance(A * B, Product)
    assert isinstance(-A, Sum)


def test_offsets_of_each_channel_add_to_one_for_all():
    colors = WaveField(((1.0, 0.5), (0.2, 0.1)))
    total = Sum((colors,), offset=(1.0, 2.0)) + Sum((A,), offset=(0.5,))
    assert total.offset == (1.5, 2.5)


def test_other_things_are_no_operands():
    for wrong in ("a", None, True, [1.0]):
        with pytest.raises(TypeError):
            A + wrong
        with pytest.raises(TypeError):
            wrong * A
    with pytest.raises(TypeError):
        A / B
    with pytest.raises(InputError, match="divided by 0"):
        A / 0


def test_channels_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"\[2, 3\] channels; expected the same number, or 1"):
        Sum((WaveField(((1.0, 0.5),) * 2),), offset=(1.0, 2.0)) + Sum((WaveField(((1.0, 0.5),) * 3),), offset=(1.0, 2.0, 3.0))


def test_a_sum_knows_what_its_operands_know_also_when_its_terms_know_nothing():
    whole = A + B
    whole.record = RECORD
    assert (whole + 1).record == RECORD
    assert (2 * whole).record == RECORD
    assert (B - whole).record == RECORD
