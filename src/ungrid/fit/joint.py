"""Several fields fitted at once that share all layers but the last: what the shared ones learn serves further signals, too."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Callback
from ungrid.fit.loop import Budget, run
from ungrid.fit.problem import Problem, Term
from ungrid.fit.state import FitState


def strainer(
    field: Field, problems: Sequence[Problem], *, steps: int = 1000, seed: int = 0, callbacks: Sequence[Callback] = ()
) -> FitState:
    """Fit a field's layers but the last jointly to several problems, in place; its last layer is as before (vyas2024strainer).

    The loss is the sum of the problems' losses, by the field's recipe.

    Args:
        field: a stack of at least two layers.
        problems: one for each signal; the authors' code takes ten pictures.
        steps: of the joint fit; 5,000 there.
        seed: of the batches.
        callbacks: watch the fit.

    Raises:
        InputError: a field of fewer than two layers.
        Diverged: the fit stayed unstable.

    Differs from the paper: the signals' last layers all begin as the field's own, where the authors draw each, and a
        new signal begins from that one, where they draw it anew.
    """
    last = last_layer(field)
    before = {name: parameter.detach().clone() for name, parameter in field.named_parameters() if name.startswith(last)}
    joint = Joint(field, len(problems), last)
    terms = tuple(OfMember(index, term) for index, problem in enumerate(problems) for term in problem.terms)
    state = run(FitState(joint, Problem(terms), field.recipe or Recipe(), seed), Budget(steps), callbacks)
    with torch.no_grad():
        for name, values in before.items():
            field.get_parameter(name).copy_(values)
    return state


def last_layer(field: Field) -> str:
    """The start of the names of the last layer's parameters: of the last module that holds any.

    Raises:
        InputError: all parameters are that module's.
    """
    layers: list[str] = [
        name for name, module in field.named_modules() if name and any(True for _ in module.parameters(recurse=False))
    ]
    if len(layers) < 2:
        raise InputError(f"first layers are shared between signals, and this {type(field).__name__} has fewer than two layers")
    return layers[-1] + "."


class Joint(Field):
    """Fields of one shape, one for each signal, that share all parameters but those of a layer; for fitting alone.

    Args:
        field: the first of them.
        n_members: number of fields.
        private: how the names of the parameters begin that are each field's own.
    """

    def __init__(self, field: Field, n_members: int, private: str):
        super().__init__()
        self.box, self.out_dim, self.recipe = field.box, field.out_dim, field.recipe
        self.n_members, self.private = n_members, private
        self.members = nn.ModuleList([field, *(copy.deepcopy(field) for _ in range(n_members - 1))])
        for name, parameter in field.named_parameters():
            module, _, own = name.rpartition(".")
            for member in list(self.members)[1:]:
                if not name.startswith(private):
                    setattr(member.get_submodule(module), own, parameter)

    def member(self, index: int) -> Field:
        """The field of one signal."""
        member = self.members[index]
        assert isinstance(member, Field)
        return member

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values of the first field at normalized coords."""
        return self.member(0).values_at(coords, inputs)

    def width_sum(self) -> int:
        """Floats that one point needs on its way: one field is evaluated at a time."""
        return self.member(0).width_sum()


class OfMember:
    """A term of one of the fields.

    Args:
        index: of the field.
        term: which it is fitted by.
    """

    def __init__(self, index: int, term: Term):
        self.index, self.term = index, term
        self.name = f"{term.name}_{index}"

    def weight(self, progress: float) -> float:
        """The term's own."""
        return self.term.weight(progress)

    def sample(self, rng: torch.Generator, field: Field, batch_size: int | None) -> Any:
        """The term's next batch."""
        return self.term.sample(rng, self._own(field), batch_size)

    def __call__(self, field: Field, batch: Any) -> Tensor:
        """The loss of its field."""
        return self.term(self._own(field), batch)

    def _own(self, field: Field) -> Field:
        assert isinstance(field, Joint)
        return field.member(self.index)
