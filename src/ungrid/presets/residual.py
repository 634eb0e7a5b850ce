"""A finer field above one that is already fitted."""

import copy

import torch

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.residual import ResidualField
from ungrid.networks.mlp import Mlp
from ungrid.presets.published import dense_grid
from ungrid.signals.base import Signal


def detail_of(
    field: Field, signal: Signal, *, detail: Field | None = None, params_per_value: float = 0.45, seed: int = 0
) -> ResidualField:
    """A fitted field, copied and frozen, and a detail field above it for what it leaves of a signal.

    The detail's scale is the root mean square of what is left over. Without a field given it is a dense grid that starts at
    zero, so the whole starts as the coarse field is. Fit it like any other: `ug.fit(result, ug.tasks.represent(signal))`.

    Args:
        field: what is there already.
        signal: to fit, in the field's box; it may be sampled more finely than what the field was fitted to.
        detail: of as many channels, in the same box, with a recipe and values of size 1; None for `dense_grid`.
        params_per_value: of that grid, for each value of the signal.
        seed: of that grid.

    Raises:
        InputError: a signal in another box or of other channels, or one that the field has already to the last digit.
    """
    if signal.box != field.box or signal.out_dim != field.out_dim:
        raise InputError(
            f"the signal has {signal.out_dim} channels in {signal.box}, the field {field.out_dim} in {field.box}; expected the "
            f"same. Fit the coarse field to the signal's box, or place it there: Transformed(field, signal.box, matrix)"
        )
    left = signal.values.to("cpu", torch.float64) - field.sample(signal.grid).to("cpu", torch.float64)
    scale = float(left.square().mean().sqrt())
    if scale < 1e-12:
        raise InputError("the field has the signal's values already: there is no detail left to fit")
    own = next(field.parameters(), torch.zeros(()))
    if detail is None:
        detail = dense_grid(
            field.box,
            field.out_dim,
            shape=signal.grid.shape,
            params_per_value=params_per_value,
            value_range=(-1.0, 1.0),
            seed=seed,
        )
        _start_at_zero(detail)
    return ResidualField(copy.deepcopy(field), detail.to(own), scale)


@torch.no_grad()
def _start_at_zero(field: Field) -> None:
    """Set the last layer to zero: the field is zero everywhere, until the layer has moved."""
    networks = [part for part in field.modules() if isinstance(part, Mlp)]
    for parameter in networks[-1].layers[-1].parameters():
        parameter.zero_()
