"""Where a fit begins: with weights that were learned before, or that know the signal."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Record
from ungrid.fit.meta import METHOD_PAPERS
from ungrid.presets.winner import winner
from ungrid.signals.base import Signal
from ungrid.spec import Tables, from_spec, to_spec

STARTS: dict[str, Callable[..., Field]] = {"winner": winner}  # those that need no file: (field, signal, seed) → field
START_PAPERS = {**METHOD_PAPERS, "winner": ("chandravamsi2025winner",)}
FREE = ("box", "seed")  # what two fields of one structure may differ in


@dataclass(frozen=True)
class Start:
    """Where a fit begins.

    Args:
        method: how its weights were found: a name in `START_PAPERS`, or "fit" for those of a field that was fitted.
        begin: takes a preset's field, or None where the start has a structure of its own, and returns the field to fit.
    """

    method: str
    begin: Callable[[Field | None], Field]


def begin(field: Field | None, start: Field, signal: Signal, tables: Tables) -> Field:
    """A field for a signal with the weights of a start.

    Args:
        field: of the start's structure, whose recipe is kept; None for the start's own structure and recipe.
        start: whose weights are taken.
        signal: which the field will be fitted to.
        tables: name → class, for parts.

    Raises:
        InputError: what differs between the structures.
    """
    if start.out_dim != signal.out_dim or start.in_dim != signal.box.dim:
        raise InputError(
            f"the start is of {start.in_dim} axes and {start.out_dim} channels, the signal of {signal.box.dim} and "
            f"{signal.out_dim}; expected the same"
        )
    if field is None:
        field = from_spec(to_spec(start) | {"box": to_spec(signal.box)}, tables)
        assert isinstance(field, Field)
        field.recipe = start.recipe
    different = [*differences(to_spec(field), to_spec(start))]
    if different:
        raise InputError(
            f"the start is of another structure: {'; '.join(different[:4])}; leave the preset out to take the start's own"
        )
    try:
        field.load_state_dict({name: tensor.clone() for name, tensor in start.state_dict().items()})
    except RuntimeError as error:  # a field whose sizes follow from its box
        raise InputError(f"the start's weights do not fit: {' '.join(str(error).split())[:300]}") from None
    return field


def differences(spec: Any, other: Any, where: str = "") -> Iterator[str]:
    """In words, what two specs differ in beside boxes and seeds."""
    if isinstance(spec, dict) and isinstance(other, dict) and spec.get("type") == other.get("type"):
        for key in [*spec, *(key for key in other if key not in spec)]:
            if key not in FREE:
                yield from differences(spec.get(key), other.get(key), f"{where}.{key}" if where else key)
    elif spec != other:
        yield f"{where or 'the field'} is {_told(spec)} here and {_told(other)} there"


def _told(spec: Any) -> str:
    """A part by its type, anything else as it is."""
    return str(spec["type"]) if isinstance(spec, dict) and "type" in spec else repr(spec)


def digest(field: Field) -> str:
    """SHA-256 of a field's weights: tells fits from different starts apart."""
    found = hashlib.sha256()
    tensor: Tensor
    for name, tensor in field.state_dict().items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def method_of(start: Field) -> str:
    """How a field's weights were found, by its record."""
    method = start.record.fit.get("method") if start.record else None
    return method if isinstance(method, str) and method in START_PAPERS else "fit"


def papers_of_start(record: Record | None) -> tuple[str, ...]:
    """Keys of the papers behind a start, or behind the one that a fit began from; nothing that a file says is trusted."""
    fit = record.fit if record else {}
    begun = fit.get("start")
    methods = (fit.get("method"), begun.get("method") if isinstance(begun, dict) else None)
    return tuple(key for method in methods if isinstance(method, str) for key in START_PAPERS.get(method, ()))
