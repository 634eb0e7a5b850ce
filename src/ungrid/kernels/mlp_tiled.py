"""The multilayer perceptron in PyTorch operations on tiles of points that stay in the cache: the path without a compiler."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ungrid.kernels.activations import Pointwise
from ungrid.kernels.memory import empty_floats

TILE = 1 << 17  # numbers in one layer's activations: at 0.5 MB, two layers fit the second-level cache of a core
aten = torch.ops.aten


class Steps(NamedTuple):
    """An activation as operations without temporaries."""

    apply: Callable[..., object]  # (sums, out=results), also where both are the same tensor
    times_slope: Callable[[Tensor, Tensor, Tensor], object]  # of (grads, results, extra), in place
    make_extra: Callable[[Tensor], object] | None = None  # of sums, in place; None where the results tell the slope


def _leave(sums: Tensor) -> None:
    """The extra is the sums themselves."""


STEPS = {
    "sine": Steps(torch.sin, lambda g, _, cosines: g.mul_(cosines), torch.cos_),
    "silu": Steps(aten.silu.out, lambda g, _, sums: aten.silu_backward.grad_input(g, sums, grad_input=g), _leave),
    "relu": Steps(
        lambda sums, out: torch.clamp(sums, min=0, out=out),
        lambda g, results, _: aten.threshold_backward.grad_input(g, results, 0, grad_input=g),
    ),
    "leaky_relu": Steps(
        aten.leaky_relu.out,
        lambda g, results, _: aten.leaky_relu_backward.grad_input(g, results, 0.01, False, grad_input=g),
    ),
    "tanh": Steps(torch.tanh, lambda g, results, _: aten.tanh_backward.grad_input(g, results, grad_input=g)),
    "sigmoid": Steps(torch.sigmoid, lambda g, results, _: aten.sigmoid_backward.grad_input(g, results, grad_input=g)),
}


class TiledEngine:
    """Runs networks through `torch`'s matrix products; the same calls as `NativeEngine`."""

    def forward(
        self, points: Tensor, parameters: Sequence[Tensor], bounds: Tensor | None, pointwise: Pointwise, *, keep: bool
    ) -> tuple[Tensor, Tensor]:
        """Values [n, c] of points [n, in_dim], and what `backward` needs, which is empty unless it is to be kept."""
        layers = _Layers(parameters, pointwise)
        kept = empty_floats(len(points) * layers.kept_per_point if keep else 0)
        memory = _Kept(kept, layers, len(points)) if keep else _Scratch(points, layers)
        values = points.new_empty(len(points), layers.weights[-1].shape[1])
        for group, rows in _tiles(bounds, len(points), layers.tile):
            seen = points[rows]
            for layer in range(len(layers.widths)):
                results, extra = memory.results(layer, rows)
                torch.addmm(layers.biases[layer][group], seen, layers.weights[layer][group].T, out=extra)
                layers.steps.apply(extra, out=results)
                if keep and layers.steps.make_extra:
                    layers.steps.make_extra(extra)
                seen = results
            torch.addmm(layers.biases[-1][group], seen, layers.weights[-1][group].T, out=values[rows])
        return (values.sigmoid_() if pointwise.output_activation == "sigmoid" else values), kept

    def backward(
        self,
        points: Tensor,
        parameters: Sequence[Tensor],
        bounds: Tensor | None,
        pointwise: Pointwise,
        *,
        passed: tuple[Tensor, Tensor],
        grad_values: Tensor,
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor | None, list[Tensor] | None]:
        """Gradients of the points and of all parameters, where wanted; `passed` is what `forward` returned."""
        values, kept = passed
        if pointwise.output_activation == "sigmoid":
            grad_values = aten.sigmoid_backward(grad_values, values)
        layers = _Layers(parameters, pointwise)
        memory, scratch = _Kept(kept, layers, len(points)), _Scratch(points, layers)
        grad_points = torch.empty_like(points) if wanted[0] else None
        sums = _Gradients(parameters, layers) if wanted[1] else None
        for group, rows in _tiles(bounds, len(points), layers.tile):
            grads = grad_values[rows]
            for layer in reversed(range(len(layers.weights))):
                if sums:
                    seen = points[rows] if layer == 0 else memory.results(layer - 1, rows)[0]
                    sums.add(layer, group, grads, seen)
                if layer > 0:
                    grads = torch.mm(grads, layers.weights[layer][group], out=scratch.results(layer - 1, rows)[0])
                    layers.steps.times_slope(grads, *memory.results(layer - 1, rows))
                elif grad_points is not None:
                    torch.mm(grads, layers.weights[0][group], out=grad_points[rows])
        return grad_points, sums.by_parameter if sums else None


class _Layers:
    """A network's layers with ω multiplied in: weights [groups, fan_out, fan_in], biases [groups, fan_out]."""

    def __init__(self, parameters: Sequence[Tensor], pointwise: Pointwise):
        n_layers = len(parameters) // 2
        self.steps = STEPS[pointwise.activation]
        self.omegas = [*(pointwise.omegas or (1.0,) * (n_layers - 1)), 1.0]
        scaled = [value if omega == 1 else omega * value for value, omega in zip(parameters, [*self.omegas] * 2, strict=True)]
        self.weights = [weight.reshape(-1, *weight.shape[-2:]) for weight in scaled[:n_layers]]
        self.biases = [bias.reshape(-1, bias.shape[-1]) for bias in scaled[n_layers:]]
        self.widths = [weight.shape[1] for weight in self.weights[:-1]]  # of the hidden layers
        self.kept_per_point = sum(self.widths) * (2 if self.steps.make_extra else 1)
        self.tile = max(64, TILE // max(self.widths, default=1))  # points


class _Kept:
    """What the backward pass needs of each hidden layer: its results and, where the activation has one, the extra."""

    def __init__(self, kept: Tensor, layers: _Layers, n: int):
        copies = 2 if layers.steps.make_extra else 1
        parts = kept.split([copies * n * width for width in layers.widths])
        self.parts = [part.view(copies, n, width) for part, width in zip(parts, layers.widths, strict=True)]

    def results(self, layer: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Results and extra of some points; the same tensor where there is no extra."""
        part = self.parts[layer]
        return part[0, rows], part[-1, rows]


class _Scratch:
    """The memory of one tile, for every second layer the same."""

    def __init__(self, points: Tensor, layers: _Layers):
        self.widths = layers.widths
        self.memory = points.new_empty(2, min(layers.tile, len(points)) * max(self.widths, default=0))

    def results(self, layer: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Where a layer's results go, twice: there is no extra."""
        n, width = rows.stop - rows.start, self.widths[layer]
        matrix = self.memory[layer % 2, : n * width].view(n, width)
        return matrix, matrix


class _Gradients:
    """The sums of the gradients of all parameters over the tiles so far."""

    def __init__(self, parameters: Sequence[Tensor], layers: _Layers):
        n_layers, groups = len(layers.weights), len(layers.weights[0])
        self.omegas = layers.omegas
        self.by_parameter = [torch.zeros_like(parameter, memory_format=torch.contiguous_format) for parameter in parameters]
        self.weights = [total.view(groups, *total.shape[-2:]) for total in self.by_parameter[:n_layers]]
        self.biases = [total.view(groups, -1) for total in self.by_parameter[n_layers:]]
        self.ones = parameters[0].new_ones(layers.tile)

    def add(self, layer: int, group: int, grads: Tensor, seen: Tensor) -> None:
        """Take in the gradients [points, fan_out] of a layer's sums, given what the layer saw [points, fan_in]."""
        self.weights[layer][group].addmm_(grads.T, seen, alpha=self.omegas[layer])
        self.biases[layer][group].addmv_(grads.T, self.ones[: len(grads)], alpha=self.omegas[layer])


def _tiles(bounds: Tensor | None, n: int, tile: int) -> Iterator[tuple[int, slice]]:
    """Runs of at most `tile` of n points, each of one group."""
    for group, (first, end) in enumerate(pairwise([0, n] if bounds is None else bounds.tolist())):
        for start in range(first, end, tile):
            yield group, slice(start, min(start + tile, end))
