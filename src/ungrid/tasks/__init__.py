"""Tasks: functions that turn a signal into a problem."""

from collections.abc import Callable

from ungrid.fit.problem import Problem
from ungrid.tasks.represent import represent

TASKS: dict[str, Callable[..., Problem]] = {"represent": represent}

__all__ = ["TASKS", "represent"]
