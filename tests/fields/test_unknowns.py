import pytest
import torch

from ungrid.errors import InputError
from ungrid.fields.unknowns import WithUnknowns
from ungrid.testing.examples import wave_field
from ungrid.testing.toys import unit_box


def test_values_are_the_fields_and_numbers_have_names():
    inner = wave_field(unit_box(2), 2, 0)
    field = WithUnknowns(inner, ("speed", "loss"), (0.5, 2.0))
    coords = inner.box.denormalize(torch.rand(4, 2))
    assert torch.equal(field(coords), inner(coords))
    assert float(field.unknown("loss").detach()) == 2.0
    assert field.n_params == inner.n_params + 2


def test_names_and_starts_that_do_not_go_together_are_refused():
    inner = wave_field(unit_box(2), 2, 0)
    with pytest.raises(InputError, match="different names"):
        WithUnknowns(inner, ("speed", "speed"), (0.5, 2.0))
    with pytest.raises(InputError, match="2 unknowns and 1 starts"):
        WithUnknowns(inner, ("speed", "loss"), (0.5,))
    with pytest.raises(InputError, match="did you mean"):
        WithUnknowns(inner, ("speed",), (0.5,)).unknown("sped")
