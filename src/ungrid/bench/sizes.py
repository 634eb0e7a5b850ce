"""Equal parameters: by which argument each setting grows, and what it must be for a number of parameters."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.presets.compact import BASIS_RESOLUTIONS

TOLERANCE = 0.05  # of the number of parameters
WELL_WITHIN = 0.01  # where the search ends early
ROUNDS = 24
Arguments = dict[str, Any]
Builder = Callable[..., Field]


class Size(NamedTuple):
    """How a setting grows: one number, larger for more parameters, and what it means.

    Args:
        arguments: of the setting, for a size.
        low, high: least and largest size.
        fine: the argument, a whole number, that takes up what the size leaves; "" for none.
    """

    arguments: Callable[[float], Arguments]
    low: float
    high: float
    fine: str = ""


def _tables(entries: float) -> Arguments:
    """16 tables, fewer of them and at the same finest resolution between one power of two and the next."""
    log2 = max(3, math.ceil(math.log2(entries)))
    n_levels = max(8, round(16 * entries / 2**log2))
    return {"log2_hashmap_size": log2, "n_levels": n_levels, "per_level_scale": 1.5 ** (15 / (n_levels - 1))}


def _bases(params_per_sample: float) -> Arguments:
    """Bases and coefficients alike: bases are never larger than the published ones."""
    factor = min(1.0, params_per_sample / 1.36) ** 0.5
    resolutions = tuple(max(2, round(n * factor)) for n in BASIS_RESOLUTIONS)
    return {"params_per_sample": params_per_sample, "basis_resolutions": resolutions}


def _convolved(factor: float) -> Arguments:
    """The published grid times a factor, at most a cell a sample; a network that shrinks with it."""
    return {"cells_per_sample": min(1.0, factor / 4), "width": max(2, round(32 * min(1.0, factor)))}


WIDTH = Size(lambda size: {"width": round(size)}, 1.0, 4096.0)
SIZES: dict[str, Size] = {  # of those that do not grow by their width
    "balanced": Size(lambda size: {"params_per_value": size}, 1e-5, 64.0, "width"),
    "dense_grid": Size(lambda size: {"params_per_value": size}, 1e-5, 64.0, "width"),
    "hash_grid": Size(_tables, 8.0, 2.0**22, "width"),
    "conv_grid": Size(_convolved, 0.03, 4.0, "width"),
    "vqad": Size(lambda size: {"nodes_per_sample": size}, 1e-5, 16.0, "width"),
    "factor_field": Size(_bases, 1e-3, 64.0, "width"),
    "gaussian_image": Size(lambda size: {"n_gaussians": round(size)}, 1.0, 2.0**20),
}


class Sized(NamedTuple):
    """Arguments of a setting, and the number of parameters that they give."""

    arguments: Arguments
    n_params: int


def solve(name: str, builder: Builder, grid: Grid, out_dim: int, n_params: int) -> Sized:
    """The arguments that bring a setting as near to a number of parameters as it goes, found without making any weights.

    Args:
        name: of the setting, by which `SIZES` tells how it grows; by its width if it is not there.
        builder: (box, out_dim, **arguments) → field.
        grid: of the signal.
        out_dim: channels.
        n_params: what is wanted.

    Raises:
        InputError: the setting has neither an entry in `SIZES` nor a width.
    """
    taken = inspect.signature(builder).parameters
    size = SIZES.get(name, WIDTH)
    if name not in SIZES and "width" not in taken:
        raise InputError(f"{name} has no width; say in bench/sizes.py how it grows")
    fixed: Arguments = {"shape": grid.shape} if "shape" in taken else {}

    def count(arguments: Arguments) -> float:
        try:
            with torch.device("meta"):
                return float(builder(grid.box, out_dim, **fixed, **arguments).n_params)
        except InputError:  # beyond what the part allows
            return math.inf

    found = _search(size.arguments, size.low, size.high, count, n_params)
    if size.fine and _off(found.n_params, n_params) > WELL_WITHIN:
        rest = found.arguments
        finer = _search(lambda at: rest | {size.fine: round(at)}, 1.0, 4096.0, count, n_params)
        found = min(found, finer, key=lambda sized: _off(sized.n_params, n_params))
    return Sized({**fixed, **found.arguments}, found.n_params)


def _off(n_params: float | int, target: int) -> float:
    return abs(n_params / target - 1)


def _search(
    arguments: Callable[[float], Arguments], low: float, high: float, count: Callable[[Arguments], float], target: int
) -> Sized:
    """Bisection along a logarithmic scale; the nearest of all that were looked at."""
    seen: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def look(at: float) -> float:
        given = arguments(at)
        if repr(given) not in seen:
            seen[repr(given)] = (count(given), given)
        return seen[repr(given)][0]

    for _ in range(ROUNDS):
        middle = math.sqrt(low * high)
        n_params = look(middle)
        if _off(n_params, target) <= WELL_WITHIN or high / low < 1 + 1e-9:
            break
        low, high = (middle, high) if n_params < target else (low, middle)
    look(low)
    n_params, nearest = min(seen.values(), key=lambda pair: _off(pair[0], target))
    if not math.isfinite(n_params):
        raise InputError(f"nothing of about {target:,} parameters can be built; ask for fewer parameters")
    return Sized(dict(nearest), int(n_params))
