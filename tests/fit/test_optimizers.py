import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ungrid.fields.record import Recipe
from ungrid.fit.optimizers import adam, adamw, lbfgs, sgd


def one_step(build, gradient=1.0, start=2.0, **settings):
    weight = nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer = build([weight], Recipe(learning_rate=0.1, **settings))
    weight.grad = torch.tensor([gradient], dtype=torch.float64)
    optimizer.step()
    return weight.item()


@pytest.mark.parametrize("build", [adam, adamw])
def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient(build):
    for gradient in (1e-3, 1.0, 1e3):
        assert one_step(build, gradient) == pytest.approx(2.0 - 0.1, abs=1e-5)


def test_weight_decay_is_added_to_the_gradient_by_adam_and_to_the_step_by_adamw():
    assert one_step(adam, gradient=-1.0, weight_decay=1.0) == pytest.approx(2.0 - 0.1)  # -1 + 1·2 > 0 turns the step around
    assert one_step(adamw, gradient=-1.0, weight_decay=1.0) == pytest.approx(2.0 * (1 - 0.1) + 0.1)


def test_epsilon_and_betas_come_from_the_recipe():
    assert one_step(adam, gradient=1.0, epsilon=1.0) == pytest.approx(2.0 - 0.05)
    optimizer = adam([nn.Parameter(torch.zeros(1))], Recipe(betas=(0.5, 0.6)))
    assert tuple(optimizer.param_groups[0]["betas"]) == (0.5, 0.6)


def test_plain_descent_follows_the_gradient_and_its_decay():
    assert one_step(sgd, gradient=3.0) == pytest.approx(2.0 - 0.1 * 3)
    assert one_step(sgd, gradient=3.0, weight_decay=0.5) == pytest.approx(2.0 - 0.1 * (3 + 0.5 * 2))


def test_lbfgs_reaches_the_minimum_of_an_ill_conditioned_quadratic():
    rng = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64, generator=rng))
    matrix = basis @ torch.diag(torch.logspace(0, 2, 8, dtype=torch.float64)) @ basis.T
    minimum = torch.randn(8, dtype=torch.float64, generator=rng)
    weights = nn.Parameter(torch.zeros(8, dtype=torch.float64))
    optimizer = lbfgs([weights], Recipe(learning_rate=1.0))

    def loss():
        optimizer.zero_grad()
        value = 0.5 * (weights - minimum) @ matrix @ (weights - minimum)
        value.backward()
        return float(value.detach())

    for _ in range(20):
        optimizer.step(loss)
    assert_close(weights.data, minimum, rtol=0, atol=1e-4)
