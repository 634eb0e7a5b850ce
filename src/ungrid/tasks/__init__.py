"""Tasks: functions that turn a signal into a problem, and estimates of what is not known of it."""

from collections.abc import Callable

from ungrid.fit.problem import Problem
from ungrid.tasks.complete import complete, midpoints, refined
from ungrid.tasks.represent import represent

TASKS: dict[str, Callable[..., Problem]] = {"represent": represent}

__all__ = ["TASKS", "complete", "midpoints", "refined", "represent"]
