"""What the default picks for a signal."""

from dataclasses import dataclass
from typing import Literal

from ungrid.fields.base import Field
from ungrid.fit.solver import Solver


@dataclass(frozen=True)
class Choice:
    """What was picked: the field with its recipe, how its weights are stored, what it is fitted to beside the samples (see
    `tasks.represent`), the reason in words, and what finds the weights at once where no descent is needed."""

    field: Field
    stored: Literal["float32", "float16"]
    estimates: str
    reason: str
    solver: Solver | None = None
