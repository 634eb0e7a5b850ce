"""The gradients of a whole step in one native call: a grid's features, a perceptron, squared error, and all the way back."""

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ungrid.errors import MachineError
from ungrid.kernels.activations import Pointwise
from ungrid.kernels.grid import native_serves
from ungrid.kernels.grid_native import CCall, Layout
from ungrid.kernels.mlp import choose_engine
from ungrid.kernels.mlp_native import FAULTS, Call, NativeEngine, halves, shared_by
from ungrid.kernels.native_library import library

MOST_SPACES = 4  # kept by each thread, for as many kinds of steps: a fit's whole batch, and its rest


class CStep(ctypes.Structure):
    """`StepCall` of native/step.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("shape", "levels")),
        ("read", CCall),
        ("scatter", CCall),
        ("network", Call),
        *((name, ctypes.c_void_p) for name in ("targets", "scale", "offset")),
        ("n_values", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("factor", "loss")),
    )


class Perceptron:
    """The parameters of a multilayer perceptron, and what it does between its layers.

    Args:
        weights: of each layer [fan_out, fan_in].
        biases: of each layer [fan_out].
        pointwise: its activations.
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], pointwise: Pointwise):
        self.parameters, self.pointwise = (*weights, *biases), pointwise
        self.sizes = (weights[0].shape[1], *(weight.shape[0] for weight in weights))


def add_squared_error(
    coords: Tensor,
    targets: Tensor,
    grid: tuple[Layout, Sequence[Tensor]],
    network: Perceptron,
    scaling: tuple[Sequence[float], Sequence[float]],
    factor: float,
) -> float | None:
    """Add the gradients of factor · mean (scale · network(grid(coords)) + offset − targets)², and return that number.

    None, and nothing done, where a call and its backward pass are needed: no native kernels, other numbers than float32 in
    memory, frozen parameters, a transform at work.

    Args:
        coords: normalized [n, d].
        targets: [n, c].
        grid: layout and tables.
        network: behind it.
        scaling: (scale, offset) of each channel.
        factor: of the loss.
    """
    layout, tables = grid
    parameters = (*tables, *network.parameters)
    if not (coords.ndim == 2 and len(coords) and torch.is_grad_enabled() and all(map(_is_fitted, parameters))):
        return None
    plain = not (coords.requires_grad or targets.requires_grad) and targets.shape == (len(coords), network.sizes[-1])
    if not plain or not native_serves(coords, tables, layout):
        return None
    if not isinstance(choose_engine(targets, network.parameters, network.pointwise), NativeEngine):
        return None
    native = library()
    assert native is not None
    space = _space(native, layout, network, len(coords))
    grads = [torch.empty_like(parameter, memory_format=torch.contiguous_format) for parameter in parameters]
    held = [parameter.detach().contiguous() for parameter in parameters]
    loss = space.run(native, (coords.contiguous(), targets.contiguous()), held, grads, scaling, factor)
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = grad if parameter.grad is None else parameter.grad.add_(grad)
    return loss


class Space:
    """What the calls of equal steps have in common: the memory between their parts, and the call's fixed entries."""

    def __init__(self, native: ctypes.CDLL, layout: Layout, network: Perceptron, n: int):
        self.layout, self.shared = layout, shared_by(native, network.sizes, network.pointwise)
        n_features, n_values = network.sizes[0], network.sizes[-1]
        sizes = (n * n_features, n * n_features, n * n_values, n * n_values, n * self.shared.kept)
        self.floats = torch.empty(sum(sizes))
        features, grad_features, values, grad_values, kept = (part.data_ptr() for part in self.floats.split(sizes))
        self.bounds, self.tables = (ctypes.c_int64 * 2)(0, n), len(layout.table_sizes)
        shape, levels = (ctypes.cast(ctypes.c_char_p(held), ctypes.c_void_p) for held in (layout.shape, layout.levels))
        call = self.call = CStep(shape=shape, levels=levels)
        call.read.features, call.read.n = features, n
        call.scatter.grad, call.scatter.n = grad_features, n
        call.network = Call(
            len(network.sizes) - 1,
            1,
            1,
            self.shared.activation,
            self.shared.output_activation,
            ctypes.addressof(self.shared.sizes),
            ctypes.addressof(self.bounds),
            ctypes.addressof(self.shared.omegas),
        )
        network_call = call.network
        network_call.points, network_call.values, network_call.kept = features, values, kept
        network_call.grad_values, network_call.grad_points = grad_values, grad_features
        call.n_values = n_values

    def run(
        self,
        native: ctypes.CDLL,
        batch: tuple[Tensor, Tensor],
        parameters: Sequence[Tensor],
        grads: Sequence[Tensor],
        scaling: tuple[Sequence[float], Sequence[float]],
        factor: float,
    ) -> float:
        """Fill in what is new, call, and return the loss; the gradients are written."""
        call, coords, n = self.call, batch[0].data_ptr(), self.tables
        here = [_addresses(part) for part in (parameters[:n], parameters[n:], grads[:n], grads[n:])]
        call.read.coords = call.scatter.coords = coords
        call.read.tables, call.scatter.tables = ctypes.addressof(here[0]), ctypes.addressof(here[2])
        call.read.n_threads = call.scatter.n_threads = call.network.n_threads = torch.get_num_threads()
        call.network.weights, call.network.biases = halves(here[1])
        call.network.grad_weights, call.network.grad_biases = halves(here[3])
        scale, offset = ((ctypes.c_float * call.n_values)(*_per_channel(numbers, call.n_values)) for numbers in scaling)
        call.targets, call.scale, call.offset = batch[1].data_ptr(), ctypes.addressof(scale), ctypes.addressof(offset)
        call.factor = factor
        code = native.ungrid_step(ctypes.byref(call))
        if code:
            raise MachineError(f"a native kernel stopped: {FAULTS.get(code, f'code {code}')}")
        return float(call.loss)


class _Spaces(threading.local):
    def __init__(self) -> None:
        self.by_kind: dict[Any, Space] = {}


_spaces = _Spaces()


def _space(native: ctypes.CDLL, layout: Layout, network: Perceptron, n: int) -> Space:
    """This thread's space for such steps."""
    kind, kept = (layout, network.sizes, network.pointwise, n), _spaces.by_kind
    if kind not in kept:
        while len(kept) >= MOST_SPACES:
            del kept[next(iter(kept))]
        kept[kind] = Space(native, layout, network, n)
    return kept[kind]


def _is_fitted(tensor: Tensor) -> bool:
    return isinstance(tensor, nn.Parameter) and tensor.requires_grad


def _per_channel(numbers: Sequence[float], n: int) -> Sequence[float]:
    return numbers if len(numbers) == n else (*numbers,) * n


def _addresses(tensors: Sequence[Tensor]) -> "ctypes.Array[ctypes.c_void_p]":
    return (ctypes.c_void_p * len(tensors))(*[tensor.data_ptr() for tensor in tensors])
