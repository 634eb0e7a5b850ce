"""Python's operators on fields: +, −, × and division by a number, attached to `Field`, which knows nothing of sums."""

from numbers import Real
from typing import Any

from ungrid.errors import InputError
from ungrid.fields.algebra import Product, Sum
from ungrid.fields.base import Field
from ungrid.fields.composite import common_out_dim, common_record


def add(field: Field, other: Any) -> Any:
    """field + other, a field or a number."""
    return plus(field, other, 1.0)


def subtract(field: Field, other: Any) -> Any:
    """field − other, a field or a number."""
    return plus(field, other, -1.0)


def subtract_from(field: Field, number: Any) -> Any:
    """number − field."""
    return plus(scaled(field, -1.0), number, 1.0)


def multiply(field: Field, other: Any) -> Any:
    """field × other, a field or a number."""
    if isinstance(other, Field):
        return Product((field, other))
    return scaled(field, float(other)) if is_number(other) else NotImplemented


def divide(field: Field, number: Any) -> Any:
    """field / number."""
    if is_number(number) and number == 0:
        raise InputError("a field cannot be divided by 0")
    return scaled(field, 1 / float(number)) if is_number(number) else NotImplemented


def negate(field: Field) -> Sum:
    """−field."""
    return scaled(field, -1.0)


def is_number(other: Any) -> bool:
    """Whether something is a plain number."""
    return isinstance(other, Real) and not isinstance(other, bool)


def scaled(field: Field, factor: float) -> Sum:
    """factor × field; of a sum, the sum with other weights."""
    terms = _as_sum(field)
    result = Sum(terms.fields, tuple(factor * w for w in terms.weights), tuple(factor * number for number in terms.offset))
    result.record = common_record((field,), result.out_dim)
    return result


def plus(field: Field, other: Any, sign: float) -> Any:
    """field + sign × other as one sum, or NotImplemented for an other that is neither field nor number."""
    terms = _as_sum(field)
    if is_number(other):
        result = Sum(terms.fields, terms.weights, tuple(number + sign * float(other) for number in terms.offset))
        result.record = common_record((field,), result.out_dim)
        return result
    if not isinstance(other, Field):
        return NotImplemented
    added, out_dim = scaled(other, sign), common_out_dim((field, other))
    mine, its = (offset * out_dim if len(offset) == 1 else offset for offset in (terms.offset, added.offset))
    offset = tuple(a + b for a, b in zip(mine, its, strict=True))
    result = Sum((*terms.fields, *added.fields), (*terms.weights, *added.weights), offset)
    result.record = common_record((field, other), result.out_dim)  # of a sum from a file, the terms know nothing
    return result


def _as_sum(field: Field) -> Sum:
    return field if isinstance(field, Sum) else Sum((field,))


def attach() -> None:
    """Give `Field` the operators."""
    operators = {
        "__add__": add,
        "__radd__": add,
        "__sub__": subtract,
        "__rsub__": subtract_from,
        "__mul__": multiply,
        "__rmul__": multiply,
        "__truediv__": divide,
        "__neg__": negate,
        "__array_ufunc__": None,  # so that a NumPy number on the left leaves the operation to the field
    }
    for name, operator in operators.items():
        setattr(Field, name, operator)


attach()
