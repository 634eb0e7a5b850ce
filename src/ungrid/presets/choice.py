"""What a default picked for a signal, and how the size of its field follows from bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.storage import file_bytes
from ungrid.fit.solver import Solver
from ungrid.signals.base import Signal

AnyField = TypeVar("AnyField", bound=Field)
LEAST_BYTES = 8_192  # of a file, without its weights


@dataclass(frozen=True)
class Choice:
    """What was picked.

    Args:
        field: with its recipe.
        stored: how its weights are written.
        estimates: what it is fitted to beside the samples, see `tasks.represent`.
        reason: in words.
        solver: finds the weights at once; None for descent.
    """

    field: Field
    stored: Literal["float32", "float16"]
    estimates: str
    reason: str
    solver: Solver | None = None


def sized(signal: Signal, build: Callable[[float], AnyField], params_per_value: float, max_bytes: int | None) -> AnyField:
    """The field of so many parameters per value, or of as many as fit into the bytes.

    Args:
        signal: what it is for; what its file knew takes bytes, too.
        build: parameters per value → field.
        params_per_value: at most.
        max_bytes: of the file with float16 weights, or None.

    Raises:
        InputError: no room for any.
    """
    if max_bytes is None:
        return build(params_per_value)
    metadata = sum(len(blob) for blob in signal.blobs.values())
    least = file_bytes(build(0.0), "float16") + metadata
    if max_bytes < least:
        raise InputError(
            f"max_bytes is {max_bytes}; a field of this signal needs at least {least}, "
            f"{metadata} of them for what the file knew (ICC profile, EXIF)"
        )
    room = (max_bytes - metadata - LEAST_BYTES) / 2  # two bytes a weight
    params_per_value = min(params_per_value, max(0.0, 0.95 * room / signal.values.numel()))
    field = build(params_per_value)
    while file_bytes(field, "float16") + metadata > max_bytes:
        params_per_value = 0.9 * params_per_value if params_per_value > 1e-6 else 0.0
        field = build(params_per_value)
    return field
