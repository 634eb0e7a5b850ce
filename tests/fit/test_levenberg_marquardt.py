import math

import pytest
import torch

import ungrid as ug
from ungrid.domain.box import Box
from ungrid.domain.regions import Faces, Inside
from ungrid.errors import InputError
from ungrid.fields.unknowns import WithUnknowns
from ungrid.fit.callbacks import Callback
from ungrid.fit.levenberg_marquardt import LevenbergMarquardt, normal_equations
from ungrid.terms.equation import Equation
from ungrid.terms.physics import heat, poisson

BOX = Box(("x",), ((0.0, 1.0),))


def network(box=BOX, width=8):
    return ug.presets.siren(box, 1, width=width, depth=1, first_omega=4.0, hidden_omega=4.0)


def string():
    """u″ = −π² sin πx with u = 0 at both ends: u = sin πx."""
    source = lambda x: -(math.pi**2) * torch.sin(math.pi * x)  # noqa: E731
    return ug.Problem(
        (
            Equation(poisson(source), Inside(BOX), n_points=120, strength=0.01, name="inside"),
            Equation(lambda u, x: u(x), Faces(BOX), n_points=2, name="ends"),
        )
    )


def error(field):
    at = torch.linspace(0, 1, 50)[:, None]
    return float((field(at) - torch.sin(math.pi * at)).abs().max().detach())


def test_an_equation_is_solved_to_five_digits_and_the_fit_says_how():
    fitted = ug.fit(network(), string(), steps=60, callbacks=())
    assert error(fitted) < 1e-5
    assert "Levenberg" in fitted.record.fit["reason"]
    assert fitted.dtype == torch.float32


def test_an_unknown_is_found_with_the_solution():
    box = Box(("t", "x"), ((0.0, 1.0), (0.0, 1.0)))
    truth = lambda x: torch.exp(-0.3 * math.pi**2 * x[:, :1]) * torch.sin(math.pi * x[:, 1:])  # noqa: E731
    field = WithUnknowns(network(box), ("diffusivity",), (1.0,))
    seen = Equation(lambda u, x: u(x) - truth(x), Inside(box), n_points=60, name="seen")
    problem = ug.Problem((Equation(heat(box.axes, "diffusivity"), Inside(box), n_points=150, strength=0.1, name="heat"), seen))
    fitted = ug.fit(field, problem, steps=40, callbacks=())
    assert abs(float(fitted.unknown("diffusivity").detach()) - 0.3) < 0.003


def test_the_normal_equations_are_those_of_the_whole_jacobian():
    field, problem = network(width=3).double(), string()
    points = {term.name: term.sample(torch.Generator().manual_seed(0), field, None).query for term in problem.terms}
    matrix, slope = normal_equations(field, problem, points)
    for term in problem.terms:
        (term.rows(field, points[term.name]).square().sum() / 2).backward()
    gradient = torch.cat([p.grad.flatten() for p in field.parameters()])
    torch.testing.assert_close(slope, gradient)
    assert torch.equal(matrix, matrix.T)
    assert bool((torch.linalg.eigvalsh(matrix) > -1e-9).all())


def test_large_fields_and_other_terms_are_left_to_descent():
    assert LevenbergMarquardt.solves(network(), string())
    assert not LevenbergMarquardt.solves(ug.presets.siren(BOX, 1), string())
    signal = ug.Signal(torch.zeros(8, 1), ug.Grid(BOX, (8,)), "series", ("value",))
    assert not LevenbergMarquardt.solves(network(), ug.tasks.represent(signal))


def test_steps_end_it_and_no_step_makes_it_worse():
    losses = []

    class Watch(Callback):
        def __call__(self, state, terms):
            losses.append(terms["loss"])

    fitted = ug.fit(network(), string(), steps=6, callbacks=[Watch()])
    assert fitted.record.fit["stopped_by"] == "steps"
    assert losses == sorted(losses, reverse=True)


def test_a_target_of_decibels_is_refused():
    with pytest.raises(InputError, match="target_psnr"):
        ug.fit(network(), string(), target_psnr=30.0, callbacks=())
