"""Fits without descent: fields that are linear in their parameters, solved for at once."""

import time
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from ungrid.domain.sampling import Batch
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fit.callbacks import Callback, HeldOut
from ungrid.fit.limits import Limits
from ungrid.fit.smoothing import spline
from ungrid.fit.state import FitState
from ungrid.networks.mlp import Mlp

CLOSER = tuple(10.0**-k for k in range(1, 17))  # of the penalties, until a target is reached
LEAST_PENALTY = 1e-9  # below it float64 does not tell apart what no sample says


@runtime_checkable
class Solver(Protocol):
    """Finds a field's weights without descent."""

    def run(self, state: FitState, limits: Limits, callbacks: Sequence[Callback] = ()) -> None:
        """Set the weights of the state's field by its problem, and say in the state how it went.

        Args:
            state: of the fit.
            limits: steps and seconds, for a solver that takes steps; the dB that the field should reach.
            callbacks: watch the steps.
        """


class SplineSolver:
    """Penalized cubic splines, one for each channel, as a cubic `DenseGrid` of one level whose features are the channels.

    Args:
        penalties: λ of each channel, for values in units of the field's scale.
    """

    paper = "eilers1996flexible"

    def __init__(self, penalties: tuple[float, ...]):
        self.penalties = penalties

    def run(self, state: FitState, limits: Limits, callbacks: Sequence[Callback] = ()) -> None:
        """Solve without what is held out, measure there, and solve with all; closer to the samples where a target asks for it."""
        start = time.monotonic()
        sampler: Any = next(iter(state.problem.samplers().values()))
        self.solve(state.field, sampler.sample(state.rng, None))
        HeldOut.measure(state)
        observed, judge = sampler.sample(state.rng, None), state.problem.judge
        self.solve(state.field, observed)
        state.step, state.progress, state.stopped_by = 1, 1.0, "solved"
        for closeness in CLOSER:
            reached = None if judge is None or limits.target_psnr is None else judge.quality(state.field)["psnr"]
            if reached is None or limits.target_psnr is None or reached >= limits.target_psnr:
                break
            self.solve(state.field, observed, closeness)
            state.notes.append(
                f"the penalty was lowered to {closeness:g} of what held-out samples ask for, to reach {limits.target_psnr:g} dB"
            )
        state.notes = state.notes[-1:]
        state.seconds = time.monotonic() - start

    @torch.no_grad()
    def solve(self, field: Field, observed: Batch, closeness: float = 1.0) -> None:
        """Set the weights; with a closeness below 1 nearer to the observations than was found best.

        Raises:
            InputError: a field of another structure.
        """
        encoding = check_spline_field(field)
        query = observed.query
        if isinstance(query, torch.Tensor):
            (n_cells,), table = encoding.resolutions[0], encoding.levels[0]
            at = (field.box.normalize(query.double())[:, 0] + 1) * (n_cells / 2)
            scales, offsets = (torch.tensor(each, dtype=torch.float64) for each in (field.value_scale, field.value_offset))
            values = (observed.target.double().cpu() - offsets) / scales
            for channel, penalty in enumerate(self.penalties):
                seen = (
                    slice(None) if observed.weight is None else (observed.weight[:, channel % observed.weight.shape[1]] > 0).cpu()
                )
                found = spline(at.cpu()[seen], values[seen, channel], n_cells, max(penalty * closeness, LEAST_PENALTY))
                table[:, channel] = found.to(table)


def check_spline_field(field: Field) -> DenseGrid:
    """The grid of a field that is a spline by channel.

    Raises:
        InputError: a field of another structure.
    """
    encoding = getattr(field, "encoding", None)
    network = getattr(field, "network", None)
    if not (isinstance(field, EncodedField) and isinstance(encoding, DenseGrid) and isinstance(network, Mlp)):
        raise InputError(f"a spline is solved for in a cubic grid with a linear map behind it; got {type(field).__name__}")
    if encoding.in_dim != 1 or len(encoding.levels) != 1 or encoding.interpolation != "cubic" or network.depth != 0:
        raise InputError("a spline is solved for in one level of a cubic grid on one axis; got another grid or network")
    return encoding
