"""Learning-rate schedules: the fraction done, 0…1, to the factor of the rate."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def cosine(progress: float) -> float:
    """½ (1 + cos π·progress): from 1 to 0 along half a cosine (loshchilov2017sgdr, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def linear(progress: float) -> float:
    """1 − progress: from 1 to 0 along a line."""
    return 1 - min(1.0, progress)


def exponential(progress: float) -> float:
    """0.1^progress: from 1 to 0.1, by equal factors in equal times."""
    return float(0.1 ** min(1.0, progress))


def with_warm_up(schedule: Schedule, fraction: float) -> Schedule:
    """The schedule, with a factor that rises linearly from 0 to 1 over the first `fraction` of the fit."""
    if fraction <= 0:
        return schedule
    return lambda progress: schedule(progress) * min(1.0, progress / fraction + 1e-3)


SCHEDULES: dict[str, Schedule] = {"constant": constant, "cosine": cosine, "exponential": exponential, "linear": linear}
SCHEDULE_PAPERS = {"cosine": "loshchilov2017sgdr"}
