"""Optimizers by name, built from a recipe."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from ungrid.fields.record import Recipe
from ungrid.fit.adam import Adam
from ungrid.fit.conjugate import ConjugateGradients
from ungrid.fit.muon import Muon

Optimizer = Adam | Muon | torch.optim.Optimizer
Builder = Callable[[Iterable[nn.Parameter], Recipe], Optimizer]


def adam(parameters: Iterable[nn.Parameter], recipe: Recipe) -> Adam:
    """Adam, its weight decay added to the gradient (kingma2015adam)."""
    return Adam(parameters, **_adam_settings(recipe))


def adamw(parameters: Iterable[nn.Parameter], recipe: Recipe) -> Adam:
    """Adam with decoupled weight decay (loshchilov2019adamw)."""
    return Adam(parameters, decoupled=True, **_adam_settings(recipe))


def muon(parameters: Iterable[nn.Parameter], recipe: Recipe) -> Muon:
    """Orthogonalized momentum for hidden layers, AdamW for the rest: for sine and other wide networks (jordan2024muon)."""
    return Muon(parameters, **_adam_settings(recipe))


def sgd(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """Gradient descent without momentum, its weight decay added to the gradient: what meta-learned starts are made for."""
    return torch.optim.SGD(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def lbfgs(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """L-BFGS with a strong-Wolfe line search, memory 10, at most 20 evaluations a step: for full batches (liu1989lbfgs)."""
    return torch.optim.LBFGS(
        parameters, lr=recipe.learning_rate, max_iter=10, max_eval=20, history_size=10, line_search_fn="strong_wolfe"
    )


def conjugate_gradients(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """Conjugate gradients with an exact step, for a loss that is quadratic: a spline by sums (hestenes1952conjugate)."""
    return ConjugateGradients(parameters, recipe.learning_rate)


def _adam_settings(recipe: Recipe) -> dict[str, Any]:
    return {
        "learning_rate": recipe.learning_rate,
        "betas": recipe.betas,
        "epsilon": recipe.epsilon,
        "weight_decay": recipe.weight_decay,
    }


OPTIMIZERS: dict[str, Builder] = {
    "adam": adam,
    "adamw": adamw,
    "conjugate_gradients": conjugate_gradients,
    "lbfgs": lbfgs,
    "muon": muon,
    "sgd": sgd,
}
OPTIMIZER_PAPERS = {
    "adam": "kingma2015adam",
    "conjugate_gradients": "hestenes1952conjugate",
    "adamw": "loshchilov2019adamw",
    "lbfgs": "liu1989lbfgs",
    "muon": "jordan2024muon",
}
