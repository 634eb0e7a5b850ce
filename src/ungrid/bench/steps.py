"""Seconds of one training step: a SIREN's, a hash grid's, a small dense grid's, and one that differentiates a grid twice."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ungrid.bench.eager import eager
from ungrid.bench.measure import Candidate, Row, beside_gemm, compared
from ungrid.domain.box import Box
from ungrid.encodings.hash_grid import HashGrid
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.fit.orders import Shuffled
from ungrid.fit.problem import Problem
from ungrid.fit.samplers import IndexSampler, PointObservations
from ungrid.fit.state import FitState
from ungrid.kernels.native_library import library, torch_only
from ungrid.measurements.values import PointValues
from ungrid.networks.mlp import Mlp
from ungrid.presets.published import dense_grid, siren
from ungrid.terms.misfit import Misfit
from ungrid.terms.regression import squared_error

WIDTH, DEPTH = 256, 4
LEVELS, LOG2_TABLE, COARSEST, FINEST = 16, 14, 16, 512
Run = Callable[[], object]


def siren_step(n_points: int, rounds: int, thread_counts: Sequence[int], *, peers: dict[str, Run] | None = None) -> list[Row]:
    """One full-batch Adam step of SIREN 2-256×4-1: the authors' notebook, our loop on the torch and the native path.

    Args:
        n_points: samples a step; the notebook has 65,536.
        rounds: turns of each.
        thread_counts: threads to try, 1 first.
        peers: further steps of the same size, by name, which take their turns among ours.
    """
    coords, target = square_samples(n_points)
    work = 1e-9 * siren_operations(n_points)
    ours = _fit_step(_siren_field(), coords, target)
    runs = {"notebook": notebook_step(coords, target), **(peers or {}), **_paths(ours)}
    candidates = [Candidate(name, run, work) for name, run in runs.items()]
    settings = f"SIREN 2-{WIDTH}x{DEPTH}-1, {n_points:,} points, Adam"
    rows = [row for n_threads in thread_counts for row in beside_gemm(candidates, rounds, n_threads=n_threads)]
    alone = {row["name"]: row["wall_seconds"] for row in rows if row["threads"] == 1}
    for row in rows:
        row["times_one_thread"] = alone[row["name"]] / row["wall_seconds"] if row["name"] in alone else None
    return [{"measurement": "siren_step", "settings": settings, **row} for row in rows]


def siren_operations(n_points: int) -> float:
    """Floating-point operations of a step's matrix products: forward, by weights, and by all inputs but the coordinates."""
    first, inner, last = 2 * WIDTH, (DEPTH - 1) * WIDTH**2, WIDTH
    return 2.0 * n_points * (2 * first + 3 * inner + 3 * last)


def notebook_step(coords: Tensor, target: Tensor) -> Run:
    """The step of `explore_siren.ipynb`: all samples, coordinates that require gradients, mean squared error, Adam at 1e-4."""
    field = _siren_field()
    values, optimizer = eager(field), torch.optim.Adam(field.parameters(), lr=1e-4)

    def run() -> None:
        asked = coords.clone().detach().requires_grad_(True)
        loss = ((values(asked) - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return run


def hash_step(dim: int, n_points: int, rounds: int, *, peers: dict[str, Run] | None = None) -> list[Row]:
    """One Adam step of a hash grid of 16 levels, 2 features, tables of 2¹⁴, 16 to 512, with a 2×64 network.

    Args:
        dim: axes of the coordinates.
        n_points: samples a step.
        rounds: turns of each.
        peers: further steps of the same size, by name.
    """
    coords, target = hash_samples(dim, n_points)
    runs = {**(peers or {}), "reference": _plain_step(hash_field(dim), coords, target)}
    runs |= _paths(_fit_step(hash_field(dim), coords, target))
    rows = compared([Candidate(name, run) for name, run in runs.items()], rounds)
    return [{"measurement": "hash_step", "settings": _hash_settings(dim, n_points), **row} for row in rows]


def small_step(n_points: int, rounds: int) -> list[Row]:
    """One step of the default field of a 256² picture in one native call, beside the same kernels through autograd."""
    coords, target = hash_samples(2, n_points)
    runs = {"autograd": _fit_step(_picture_field(), coords, target, in_one=False)}
    if library() is not None:
        runs["native"] = _fit_step(_picture_field(), coords, target)
    rows = compared([Candidate(name, run) for name, run in runs.items()], rounds)
    settings = f"dense cubic grid of a 256² picture; 2x32 network, Adam; {n_points:,} points"
    return [{"measurement": "small_step", "settings": settings, **row} for row in rows]


def hash_double_backward(dim: int, n_points: int, rounds: int) -> list[Row]:
    """Of the encoding alone: features, their slopes along the coordinates, and the tables' gradients of the slopes' energy."""
    encoding = hash_field(dim).encoding
    assert isinstance(encoding, HashGrid)
    coords, _ = hash_samples(dim, n_points)
    runs = {"reference": _slope_energy(lambda at: encoding.reference(at, tuple(encoding.levels)), encoding, coords)}
    if library() is not None:
        runs["native"] = _slope_energy(encoding, encoding, coords)
    rows = compared([Candidate(name, run) for name, run in runs.items()], rounds)
    settings = _hash_settings(dim, n_points, parts="twice differentiated")
    return [{"measurement": "hash_double_backward", "settings": settings, **row} for row in rows]


def hash_field(dim: int) -> EncodedField:
    """The field of `hash_step` on [-1, 1]^dim."""
    scale = (FINEST / COARSEST) ** (1 / (LEVELS - 1))
    encoding = HashGrid(dim, LEVELS, 2, log2_hashmap_size=LOG2_TABLE, base_resolution=COARSEST, per_level_scale=scale)
    field = EncodedField(_box(dim), encoding, Mlp(encoding.out_dim, 1, 64, depth=2))
    field.recipe = Recipe(learning_rate=1e-2, betas=(0.9, 0.99), epsilon=1e-15)
    return field


def square_samples(n_points: int) -> tuple[Tensor, Tensor]:
    """Coords [n, 2] of a square lattice in [-1, 1]², y first, and values [n, 1] of rings."""
    side = max(2, round(n_points**0.5))
    axis = torch.linspace(-1, 1, side)
    coords = torch.cartesian_prod(axis, axis)
    return coords, torch.cos(60 * coords.square().sum(dim=-1, keepdim=True))


def hash_samples(dim: int, n_points: int) -> tuple[Tensor, Tensor]:
    """Coords [n, dim] at random in [-1, 1] and smooth values [n, 1]."""
    coords = torch.rand(n_points, dim, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return coords, torch.sin(9 * coords).prod(dim=-1, keepdim=True)


def _siren_field() -> EncodedField:
    field = siren(_box(2), 1, width=WIDTH, depth=DEPTH)
    assert isinstance(field, EncodedField)
    return field


def _picture_field() -> EncodedField:
    field = dense_grid(_box(2), 1, shape=(256, 256), params_per_value=0.45, interpolation="cubic")
    assert isinstance(field, EncodedField)
    return field


def _box(dim: int) -> Box:
    return Box(("x", "y", "z", "t")[:dim], ((-1.0, 1.0),) * dim)


def _fit_step(field: EncodedField, coords: Tensor, target: Tensor, *, in_one: bool = True) -> Run:
    """A step of the package's own loop: sample, measure, compare, descend; the gradients in one call where that is served."""
    sampler = IndexSampler(PointObservations(coords, target), Shuffled())
    term = Misfit(PointValues(), sampler, None if in_one else _squared_error)
    problem = Problem((term,))
    state = FitState(field, problem, field.recipe or Recipe(), 0)

    def run() -> None:
        state.descend({term.name: term.sample(state.rng, field, state.recipe.batch_size) for term in problem.terms})

    return run


def _squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The same loss, by a function that no kernel knows."""
    return squared_error(prediction, target)


def _plain_step(field: EncodedField, coords: Tensor, target: Tensor) -> Run:
    values = eager(field)
    recipe = field.recipe or Recipe()
    settings: dict[str, Any] = {"lr": recipe.learning_rate, "betas": recipe.betas, "eps": recipe.epsilon}
    optimizer = torch.optim.Adam(field.parameters(), **settings)

    def run() -> None:
        optimizer.zero_grad()
        ((values(coords) - target) ** 2).mean().backward()
        optimizer.step()

    return run


def _slope_energy(encode: Callable[[Tensor], Tensor], encoding: HashGrid, coords: Tensor) -> Run:
    def run() -> None:
        encoding.zero_grad()
        at = coords.clone().requires_grad_(True)
        features = encode(at)
        (slopes,) = torch.autograd.grad(features, at, torch.ones_like(features), create_graph=True)
        slopes.square().sum().backward()

    return run


def _paths(run: Run) -> dict[str, Run]:
    """The same step by torch operations, and by native kernels where there are any."""

    def torch_path() -> None:
        with torch_only():
            run()

    has_native = library() is not None
    return {"torch": torch_path, **({"native": run} if has_native else {})}


def _hash_settings(dim: int, n_points: int, *, parts: str = "2x64 network, Adam") -> str:
    return f"hash grid {dim}-D, {LEVELS} levels of 2, 2^{LOG2_TABLE}, {COARSEST} to {FINEST}; {parts}; {n_points:,} points"
