"""Object ↔ plain dict: what a file says of a part, and how the part is built again.

A part (encoding, network, field, box …) keeps each constructor argument under its own name, so its spec is read off the
object itself. Building goes the other way, through name tables that the caller passes: nothing that a file says is ever
imported or executed, and a name or key that is not known is an error that names the nearest one.
"""

import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from ungrid.errors import FormatError, UnknownName, nearest

TYPE_KEY = "type"
MAX_NESTING = 32
MAX_ITEMS = 100_000
MAX_PARTS = 1_000

Tables = Mapping[str, type]
Watcher = Callable[[Any], None]


def to_spec(part: Any) -> Any:
    """Plain value (dict, list, number, string, bool, None) that `from_spec` turns into an equal part."""
    if isinstance(part, int | float) and not isinstance(part, bool):
        return _number(part)
    if part is None or isinstance(part, bool | str):
        return part
    if isinstance(part, tuple | list):
        return [to_spec(item) for item in part]
    names = constructor_arguments(type(part))
    missing = [name for name in names if not hasattr(part, name)]
    if missing:
        raise TypeError(f"{type(part).__name__} does not keep its constructor arguments {missing} under their own names")
    return {TYPE_KEY: type(part).__name__} | {name: to_spec(getattr(part, name)) for name in names}


def from_spec(spec: Any, tables: Tables, *, built: Watcher | None = None) -> Any:
    """Rebuild a part from its spec. Lists become tuples.

    Args:
        spec: plain values.
        tables: name → class; no other name is known.
        built: called with each part as soon as it is built, inner ones first; may raise to stop the rest.

    Raises:
        FormatError: an unknown type or argument (with the nearest known one), a missing or wrongly typed argument,
            or a value that the part itself refuses.
    """
    _check_number_of_parts(spec)
    return _build(spec, tables, 0, built or _ignore)


def constructor_arguments(part: type) -> list[str]:
    """Names of a part's constructor arguments, in order."""
    return list(inspect.signature(part).parameters)


def lookup(name: str, table: Mapping[str, Any], what: str) -> Any:
    """The entry of a name table.

    Raises:
        UnknownName: with the names that exist and the nearest one.
    """
    if not isinstance(name, str) or name not in table:
        raise UnknownName(f"no {what} is called {name!r}; there are {', '.join(sorted(table))}{nearest(str(name), table)}")
    return table[name]


def _ignore(part: Any) -> None:
    """Nobody watches."""


def _build(spec: Any, tables: Tables, depth: int, built: Watcher) -> Any:
    if depth > MAX_NESTING:
        raise FormatError(f"the spec is nested more than {MAX_NESTING} levels deep")
    if spec is None or isinstance(spec, bool | str):
        return spec
    if isinstance(spec, int | float):
        return _number(spec)
    if isinstance(spec, list):
        if len(spec) > MAX_ITEMS:
            raise FormatError(f"the spec has a list of {len(spec)} items, more than {MAX_ITEMS}")
        return tuple(_build(item, tables, depth + 1, built) for item in spec)
    if not isinstance(spec, dict):
        raise FormatError(f"the spec holds a {type(spec).__name__}, which is not a plain value")
    return _build_part(spec, tables, depth, built)


def _build_part(spec: dict[str, Any], tables: Tables, depth: int, built: Watcher) -> Any:
    name = spec.get(TYPE_KEY)
    if not isinstance(name, str):
        raise FormatError(f"a part of the spec has no {TYPE_KEY!r}; its keys are {sorted(map(str, spec))[:12]}")
    try:
        part = lookup(name, tables, "part")
    except UnknownName as error:
        raise FormatError(str(error)) from None
    parameters, hints = _signature(part)
    known = list(parameters)
    for key in spec:
        if key != TYPE_KEY and key not in known:
            raise FormatError(f"{name} has no argument {key!r}{nearest(str(key), known)}")
    arguments = {key: _build(value, tables, depth + 1, built) for key, value in spec.items() if key != TYPE_KEY}
    for key, value in arguments.items():
        if not _fits(value, hints.get(key, Any)):
            raise FormatError(f"{name} got {key} = {_short(value)}, expected {_type_name(hints[key])}")
    missing = [key for key in known if key not in arguments and parameters[key].default is inspect.Parameter.empty]
    if missing:
        raise FormatError(f"{name} lacks its arguments {missing}")
    try:
        made = part(**arguments)
    except FormatError:
        raise
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError, MemoryError, AttributeError) as error:
        raise FormatError(f"{name} cannot be built from the file: {_one_line(error)}") from None
    built(made)
    return made


@functools.cache
def _signature(part: Any) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """A constructor's parameters by name, and their annotated types; kept, since a spec may name a part a thousand times."""
    parameters = inspect.signature(part.__init__).parameters
    return {name: p for name, p in parameters.items() if name != "self"}, typing.get_type_hints(part.__init__)


def _check_number_of_parts(spec: Any) -> None:
    """Raise FormatError for more than MAX_PARTS parts, without looking at the rest."""
    count, left = 0, [spec]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            count += 1
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(value for value in item if isinstance(value, dict | list))
        if count > MAX_PARTS:
            raise FormatError(f"the spec has more than {MAX_PARTS} parts")


def _number(value: int | float) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise FormatError(f"the spec holds {value}, which is not a finite number")
    if isinstance(value, int) and abs(value) > 2**53:
        raise FormatError("the spec holds an integer beyond 2^53")
    return value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value or part is of the annotated type; integers pass for floats, tuples for sequences."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or isinstance(hint, typing.TypeVar):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, arg) for arg in args)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is typing.Literal:
        return value in args
    if origin is tuple and args and args[-1] is not Ellipsis:
        return isinstance(value, tuple) and len(value) == len(args) and all(map(_fits, value, args))
    if origin is not None and isinstance(origin, type) and issubclass(origin, typing.Sequence):
        return isinstance(value, tuple) and all(_fits(item, args[0]) for item in value)
    if hint is type(None):
        return value is None
    return isinstance(value, hint) if isinstance(hint, type) else True


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
