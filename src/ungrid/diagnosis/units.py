"""Units that say nothing: ReLUs that are off everywhere, tanhs and outputs at the end of their range."""

import torch
from torch import Tensor

from ungrid.diagnosis.between import middle
from ungrid.diagnosis.finding import Finding
from ungrid.diagnosis.history import GOOD_PSNR, measured
from ungrid.domain.grid import Grid
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.tiled import TiledField
from ungrid.networks.mlp import Mlp

N_POINTS = 4096
MANY_DEAD = 0.9  # of a layer; a healthy grid at its high rate had 0.72 on 64² pixels
MANY_STUCK = 0.7
AT_THE_END = 0.99  # of the range of a tanh, from its middle
MANY_AT_THE_END = 0.3  # of the values
ENDS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


@torch.no_grad()
def silent_units(field: Field) -> list[Finding]:
    """`dead_units`, `saturated_units` and `saturated_output` of the multilayer perceptrons behind encodings.

    Looked at in some thousand places of the box, and no fault where the fit reaches 35 dB all the same. Tiles are left out.
    """
    quality = measured(field, "quality")
    if quality is not None and quality >= GOOD_PSNR:
        return []
    findings: dict[str, Finding] = {}
    tiles = {module for part in field.modules() if isinstance(part, TiledField) for module in part.tile.modules()}
    for part in field.modules():
        if part in tiles:  # their tensors are stacked, and none of them is a network by itself
            continue
        if isinstance(part, EncodedField) and isinstance(part.network, Mlp):
            for finding in _of_network(part, part.network):
                findings.setdefault(finding.name, finding)
    return list(findings.values())


def _of_network(field: EncodedField, network: Mlp) -> list[Finding]:
    layers, output = _activity(network, field.encoding(field.box.normalize(_places(field))))
    findings = []
    if network.activation == "relu" and layers:
        dead = max(float((layer <= 0).all(dim=0).float().mean()) for layer in layers)
        if dead > MANY_DEAD:
            remedy = 'fit at a lower learning rate, with activation="leaky_relu" or "gelu", or another --seed'
            findings.append(Finding("dead_units", "warning", {"share_dead": dead, "width": network.width}, remedy))
    stuck = max((_share_at_the_ends(layer, network.activation) for layer in layers), default=0.0)
    if stuck > MANY_STUCK:
        remedy = f"{network.activation} units at the end of their range learn no more: lower the learning rate, or start again"
        findings.append(Finding("saturated_units", "warning", {"share_saturated": stuck}, remedy))
    at_end = _share_at_the_ends(output, network.output_activation)
    if at_end > MANY_AT_THE_END:
        remedy = (
            'the values end where the output activation does: output_activation="none", or a value_scale and value_offset '
            "that take its range beyond the signal's, and a lower learning rate"
        )
        findings.append(Finding("saturated_output", "warning", {"share_saturated": at_end}, remedy))
    return findings


def _activity(network: Mlp, features: Tensor) -> tuple[list[Tensor], Tensor]:
    """What each hidden layer gives [n, width], and the output layer."""
    values, given = features, []
    *hidden, last = network.layers
    for index, layer in enumerate(hidden):
        values = network.activate(layer(_joined(network, values, features, index)))
        given.append(values)
    return given, network.activate_output(last(_joined(network, values, features, len(hidden))))


def _joined(network: Mlp, values: Tensor, features: Tensor, layer: int) -> Tensor:
    return torch.cat([values, features], dim=-1) if layer in network.skips else values


def _share_at_the_ends(values: Tensor, activation: str) -> float:
    """Share of values within half a percent of the range of an activation from one of its ends."""
    if activation not in ENDS or not values.numel():
        return 0.0
    low, high = ENDS[activation]
    return float((((values - low) / (high - low) * 2 - 1).abs() > AT_THE_END).float().mean())


def _places(field: EncodedField) -> Tensor:
    """Some thousand points, in a regular grid over the box."""
    own = next(field.parameters())
    grid = Grid(field.box, (N_POINTS,) * field.in_dim)
    sizes = tuple(where.stop - where.start for where in middle(grid, N_POINTS))
    return Grid(field.box, sizes).points(dtype=own.dtype, device=own.device).reshape(-1, field.in_dim)
