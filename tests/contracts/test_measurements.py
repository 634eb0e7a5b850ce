import inspect

import pytest
import torch

from ungrid.measurements import MEASUREMENTS
from ungrid.papers import bibtex
from ungrid.testing.examples import FIELD_EXAMPLES, MEASUREMENT_EXAMPLES, example
from ungrid.testing.tolerances import assert_same_bits, assert_same_up_to_rounding
from ungrid.testing.toys import plane_wave, unit_box


def field_and_query(dtype=torch.float64, n=6):
    field = FIELD_EXAMPLES["EncodedField"](unit_box(2), 2, 0).to(dtype)
    rng = torch.Generator().manual_seed(0)
    return field, field.box.denormalize(2 * torch.rand(n, 2, generator=rng, dtype=dtype) - 1)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_gives_one_prediction_for_each_query(name):
    field, query = field_and_query()
    measure = example(name, MEASUREMENT_EXAMPLES)()
    predictions = measure(field, query)
    assert len(predictions) == len(query)
    assert_same_up_to_rounding(measure(field, query[2:4]), predictions[2:4], slack=100.0)
    assert measure(field, query[:0]).shape == (0, *predictions.shape[1:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_follows_the_dtype_and_leaves_the_query_alone(name, dtype):
    field, query = field_and_query(dtype)
    given = query.clone()
    assert example(name, MEASUREMENT_EXAMPLES)()(field, query).dtype == dtype
    assert_same_bits(query, given)
    assert not query.requires_grad


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_gradients_reach_the_parameters_through_every_measurement(name):
    field, query = field_and_query()
    parameters = tuple(field.parameters())
    names = [parameter for parameter, _ in field.named_parameters()]
    measure = example(name, MEASUREMENT_EXAMPLES)()

    def prediction(*weights):
        return measure(
            lambda coords: torch.func.functional_call(field, dict(zip(names, weights, strict=True)), coords), query[:2]
        )

    assert torch.autograd.gradcheck(prediction, parameters)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_sees_a_field_that_is_a_mere_function(name):
    _, query = field_and_query()
    assert len(example(name, MEASUREMENT_EXAMPLES)()(plane_wave((1.0, -2.0)), query)) == len(query)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_keeps_its_arguments_and_cites_a_known_paper(name):
    measurement = example(name, MEASUREMENT_EXAMPLES)()
    assert type(measurement) is MEASUREMENTS[name]
    assert all(hasattr(measurement, argument) for argument in inspect.signature(MEASUREMENTS[name]).parameters)
    assert bibtex([measurement.paper] if getattr(measurement, "paper", None) else []) is not None
