"""Learned starts: weights from which a few steps fit any signal of a kind.

| method | what it learns | after |
|---|---|---|
| `Reptile` | the mean of where short fits end, again and again | Nichol et al. 2018 |
| `Maml` | weights whose loss after a few steps of plain descent is least, by descent through those steps | Tancik et al. 2021 |
| `strainer` | first layers that serve several signals at once | Vyas et al. 2024, see `ungrid.fit.joint` |

The first two are terms of a problem whose unknown is the start, so that the loop is the one that fits fields, too.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Callback
from ungrid.fit.joint import strainer
from ungrid.fit.loop import Budget, run
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState
from ungrid.spec import lookup

Batches = Mapping[str, Any]  # one for each term of a problem, by its name


@dataclass(frozen=True)
class Learning:
    """How a start is learned; None where the method has its own number, see `METHODS`.

    Args:
        method: "reptile", "maml" or "strainer".
        steps: of the start; each looks at `members` signals, with "strainer" at all of them.
        inner_steps: of each signal's own fit from the start.
        inner_rate: learning rate of these.
        members: signals in a step.

    Raises:
        InputError: a number out of range, or one that the method has no use for.
        UnknownName: no such method.
    """

    method: str = "reptile"
    steps: int | None = None
    inner_steps: int | None = None
    inner_rate: float | None = None
    members: int | None = None

    def __post_init__(self) -> None:
        lookup(self.method, METHODS, "method of learning a start")
        for name, number in (("steps", self.steps), ("inner_steps", self.inner_steps), ("members", self.members)):
            if number is not None and number < 1:
                raise InputError(f"{name} is {number}; expected at least 1")
        if self.inner_rate is not None and not self.inner_rate > 0:
            raise InputError(f"inner_rate is {self.inner_rate}; expected more than 0")
        given = [name for name in ("inner_steps", "inner_rate", "members") if getattr(self, name) is not None]
        if self.method == "strainer" and given:
            raise InputError(
                f"strainer fits all signals at once, without inner fits: it takes steps alone, not {', '.join(given)}"
            )


class Reptile:
    """½ mean |θ − φ|² over some signals, φ being where a short fit from θ ends: its gradient is θ − φ (nichol2018reptile).

    Args:
        problems: one for each signal.
        recipe: of the inner fits, which use any optimizer.
        inner_steps: of each of them.
        members: signals in a step.
    """

    name = "reptile"
    paper = "nichol2018reptile"

    def __init__(self, problems: Sequence[Problem], recipe: Recipe, *, inner_steps: int, members: int):
        self.problems, self.recipe, self.inner_steps, self.members = problems, recipe, inner_steps, members

    def weight(self, progress: float) -> float:
        """Always 1."""
        return 1.0

    def sample(self, rng: torch.Generator, field: Field, batch_size: int | None) -> list[tuple[int, int]]:
        """Which signals, and the seed of each one's inner fit."""
        chosen = torch.randperm(len(self.problems), generator=rng)[: self.members].tolist()
        return [(signal, int(torch.randint(2**31, (), generator=rng))) for signal in chosen]

    def __call__(self, field: Field, batch: Sequence[tuple[int, int]]) -> Tensor:
        """The distance to where the inner fits end, which does not change with θ here."""
        distances = []
        for signal, seed in batch:
            ends = dict(self._fitted(field, self.problems[signal], seed).named_parameters())
            distances += [(start - ends[name].detach()).square().sum() for name, start in field.named_parameters()]
        return torch.stack(distances).sum() / (2 * len(batch))

    def _fitted(self, field: Field, problem: Problem, seed: int) -> Field:
        own = copy.deepcopy(field)
        run(FitState(own, problem, self.recipe, seed), Budget(self.inner_steps))
        return own


class Maml:
    """Mean loss of some signals, each after a few steps of plain gradient descent from θ (finn2017maml, tancik2021learnit).

    Its gradient goes through the inner steps and so knows the loss's curvature.

    Args:
        problems: one for each signal; fitted at points, not at tiles.
        inner_steps: k, of descent. Memory and time of a step are those of k + 1 evaluations of all their derivatives.
        inner_rate: of the descent.
        members: signals in a step.
    """

    name = "maml"
    paper = "tancik2021learnit"

    def __init__(self, problems: Sequence[Problem], *, inner_steps: int, inner_rate: float, members: int):
        self.problems, self.inner_steps, self.inner_rate, self.members = problems, inner_steps, inner_rate, members

    def weight(self, progress: float) -> float:
        """Always 1."""
        return 1.0

    def sample(self, rng: torch.Generator, field: Field, batch_size: int | None) -> list[tuple[Problem, list[Batches]]]:
        """Some problems, each with batches for its inner steps and one more to judge them."""
        chosen = torch.randperm(len(self.problems), generator=rng)[: self.members].tolist()
        return [
            (problem, [draw(problem, rng, field, batch_size) for _ in range(self.inner_steps + 1)])
            for problem in (self.problems[signal] for signal in chosen)
        ]

    def __call__(self, field: Field, batch: Sequence[tuple[Problem, list[Batches]]]) -> Tensor:
        """The loss after the inner steps."""
        losses = []
        for problem, (*steps, last) in batch:
            weights: dict[str, Tensor] = dict(field.named_parameters())
            for batches in steps:
                loss = total(problem, Reweighted(field, weights), batches)
                slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True, materialize_grads=True)
                pairs = zip(weights.items(), slopes, strict=True)
                weights = {name: weight - self.inner_rate * slope for (name, weight), slope in pairs}
            losses.append(total(problem, Reweighted(field, weights), last))
        return torch.stack(losses).mean()


class Reweighted:
    """A field with other weights in place of its own.

    Args:
        field: whose shape and recipe it has.
        weights: by the names of the field's parameters.
    """

    def __init__(self, field: Field, weights: dict[str, Tensor]):
        self.field, self.weights, self.recipe = field, weights, field.recipe

    def __call__(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch c"]:
        """Values [*, c] at coords [*, d]."""
        values: Tensor = functional_call(self.field, self.weights, (coords,))
        return values


def learn(
    field: Field, problems: Sequence[Problem], how: Learning, *, seed: int = 0, callbacks: Sequence[Callback] = ()
) -> FitState:
    """Turn a field, in place, into a start for problems like the given ones; its recipe becomes the one that the start is for.

    Args:
        field: with a recipe, which the inner fits of "reptile" and the joint fit of "strainer" follow.
        problems: what single fields would be fitted to, e.g. `tasks.represent(signal, heldout=0)` of each signal.
        how: method and numbers.
        seed: of which signals are looked at, and of their samples.
        callbacks: watch the steps of the start.

    Raises:
        InputError: fewer than two problems, or a field that the method cannot take.
        Diverged: it stayed unstable.
    """
    if len(problems) < 2:
        raise InputError(f"a start is learned from several signals; got {len(problems)}, expected at least 2")
    return METHODS[how.method](field, problems, how, seed, callbacks)


def draw(problem: Problem, rng: torch.Generator, field: Field, batch_size: int | None) -> Batches:
    """The next batch of each term."""
    return {term.name: term.sample(rng, field, batch_size) for term in problem.terms}


def total(problem: Problem, field: Any, batches: Batches) -> Tensor:
    """The weighted sum of a problem's terms, as at the start of a fit."""
    losses = [term.weight(0.0) * term(field, batches[term.name]) for term in problem.terms]
    return torch.stack([loss.sum() for loss in losses]).sum()


def _reptile(field: Field, problems: Sequence[Problem], how: Learning, seed: int, callbacks: Sequence[Callback]) -> FitState:
    """Steps of θ ← θ + ε (mean φ − θ), ε falling from 1 to 0 along a line, as the authors' supervised script has it."""
    recipe = replace(field.recipe or Recipe(), schedule="constant", warm_up=0.0)
    if how.inner_rate is not None:
        recipe = replace(recipe, learning_rate=how.inner_rate)
    term = Reptile(problems, recipe, inner_steps=how.inner_steps or 10, members=how.members or 5)
    outer = Recipe(optimizer="sgd", learning_rate=1.0, schedule="linear", batch_size=None)
    state = run(FitState(field, Problem((term,)), outer, seed), Budget(how.steps or 200), callbacks)
    field.recipe = replace(field.recipe or Recipe(), learning_rate=recipe.learning_rate)
    return state


def _maml(field: Field, problems: Sequence[Problem], how: Learning, seed: int, callbacks: Sequence[Callback]) -> FitState:
    """Adam at 1e-4 on the loss after two inner steps at 0.1, for ω of 30; the authors: 1e-5, 150,000 steps, 1e-2 for ω of 200."""
    recipe = field.recipe or Recipe()
    rate = 0.1 if how.inner_rate is None else how.inner_rate
    term = Maml(problems, inner_steps=how.inner_steps or 2, inner_rate=rate, members=how.members or 3)
    outer = Recipe(learning_rate=1e-4, batch_size=recipe.batch_size)
    state = run(FitState(field, Problem((term,)), outer, seed), Budget(how.steps or 1000), callbacks)
    field.recipe = replace(recipe, optimizer="sgd", learning_rate=rate, schedule="constant", warm_up=0.0, weight_decay=0.0)
    return state


def _strainer(field: Field, problems: Sequence[Problem], how: Learning, seed: int, callbacks: Sequence[Callback]) -> FitState:
    return strainer(field, problems, steps=how.steps or 1000, seed=seed, callbacks=callbacks)


METHODS: dict[str, Callable[[Field, Sequence[Problem], Learning, int, Sequence[Callback]], FitState]] = {
    "reptile": _reptile,
    "maml": _maml,
    "strainer": _strainer,
}
METHOD_PAPERS: dict[str, tuple[str, ...]] = {
    "reptile": ("nichol2018reptile",),
    "maml": ("finn2017maml", "tancik2021learnit"),
    "strainer": ("vyas2024strainer",),
}
