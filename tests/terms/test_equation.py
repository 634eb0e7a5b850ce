import pytest
import torch

from ungrid.differentiate import laplacian
from ungrid.domain.regions import Inside
from ungrid.errors import ShapeError
from ungrid.terms.equation import Equation
from ungrid.testing.examples import wave_field
from ungrid.testing.toys import unit_box

BOX = unit_box(2)


def test_the_loss_is_the_strength_times_the_mean_square_in_whatever_parts_it_comes():
    term = Equation(lambda u, x: 3.0 * u(x), Inside(BOX), n_points=64, strength=0.5)
    field = wave_field(BOX, 1, 0)
    batch = term.sample(torch.Generator().manual_seed(0), field, None)
    expected = 0.5 * (3 * field(batch.query)).square().sum() / 64
    torch.testing.assert_close(term(field, batch), expected)
    parts = sum(term(field, part) * len(part) / 64 for part in batch.split(20))
    torch.testing.assert_close(parts, expected)


def test_gradients_reach_the_weights_through_derivatives():
    term, field = Equation(lambda u, x: laplacian(u, x), Inside(BOX), n_points=16), wave_field(BOX, 1, 0)
    term(field, term.sample(torch.Generator().manual_seed(0), field, None)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for name, p in field.named_parameters() if "weight" in name)


def test_a_residual_of_another_shape_is_refused():
    term, field = Equation(lambda u, x: u(x).sum(), Inside(BOX), n_points=16), wave_field(BOX, 1, 0)
    with pytest.raises(ShapeError, match="expected \\[n\\]"):
        term(field, term.sample(torch.Generator().manual_seed(0), field, None))
