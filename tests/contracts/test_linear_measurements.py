import inspect

import pytest

from ungrid.domain.grid import Grid
from ungrid.measurements import LINEAR_MEASUREMENTS
from ungrid.papers import bibtex
from ungrid.testing import check_linear
from ungrid.testing.examples import LINEAR_EXAMPLES
from ungrid.testing.toys import unit_box


@pytest.mark.parametrize("name", LINEAR_MEASUREMENTS)
def test_every_linear_measurement_keeps_the_contract(name):
    measurement = LINEAR_EXAMPLES[name](Grid(unit_box(2), (9, 12)))
    assert type(measurement) is LINEAR_MEASUREMENTS[name]
    check_linear(measurement)


@pytest.mark.parametrize("name", LINEAR_MEASUREMENTS)
def test_every_linear_measurement_keeps_its_arguments_and_cites_a_known_paper(name):
    measurement = LINEAR_EXAMPLES[name](Grid(unit_box(2), (9, 12)))
    assert all(hasattr(measurement, argument) for argument in inspect.signature(LINEAR_MEASUREMENTS[name]).parameters)
    assert bibtex([measurement.paper] if getattr(measurement, "paper", None) else []) is not None
