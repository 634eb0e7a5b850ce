"""The multilayer perceptron in native code: the door to native/mlp.cpp."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ungrid.errors import MachineError
from ungrid.kernels.activations import Pointwise
from ungrid.kernels.memory import empty_floats

ACTIVATIONS = ("sine", "relu", "leaky_relu", "tanh", "sigmoid", "silu")  # in the order of native/activations.h
OUTPUT_ACTIVATIONS = ("none", "sigmoid")
FAULTS = {1: "out of memory"}


class Call(ctypes.Structure):
    """Everything that a call needs: `MlpCall` of native/mlp.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_layers", "n_groups", "n_threads", "activation", "output_activation")),
        *((name, ctypes.c_void_p) for name in ("sizes", "offsets", "omegas", "weights", "biases")),
        *((name, ctypes.c_void_p) for name in ("points", "values", "kept", "grad_values")),
        *((name, ctypes.c_void_p) for name in ("grad_weights", "grad_biases", "grad_points")),
    )


class NativeEngine:
    """Runs networks through one library.

    Tensors are float32 on the CPU. Parameters are the weights of all layers [groups, fan_out, fan_in], then the biases
    [groups, fan_out]; a group's points are those from bounds[group] to bounds[group + 1]. Without bounds there is one
    group, and parameters have no axis for it.
    """

    def __init__(self, library: ctypes.CDLL):
        self.native = library

    def forward(
        self, points: Tensor, parameters: Sequence[Tensor], bounds: Tensor | None, pointwise: Pointwise, *, keep: bool
    ) -> tuple[Tensor, Tensor]:
        """Values [n, c] of points [n, in_dim], and what `backward` needs, which is empty unless it is to be kept."""
        points, parameters = points.contiguous(), [parameter.contiguous() for parameter in parameters]
        call, shared = _call(self.native, points, parameters, bounds, pointwise)
        n = points.shape[0]
        values, kept = points.new_empty(n, shared.sizes[-1]), empty_floats(n * shared.kept if keep else 0)
        call.values, call.kept = values.data_ptr(), kept.data_ptr() if keep else None
        self._run(self.native.ungrid_mlp_forward, call)
        return values, kept

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
        points, parameters = points.contiguous(), [parameter.contiguous() for parameter in parameters]
        values, kept, grad_values = *passed, grad_values.contiguous()
        grad_points = empty_floats(points.numel()).view_as(points) if wanted[0] else None
        grads = [torch.empty_like(parameter) for parameter in parameters] if wanted[1] else None
        call, _ = _call(self.native, points, parameters, bounds, pointwise)
        call.values, call.kept, call.grad_values = values.data_ptr(), kept.data_ptr(), grad_values.data_ptr()
        call.grad_points = None if grad_points is None else grad_points.data_ptr()
        if grads is not None:
            addresses = _addresses(grads)
            call.grad_weights, call.grad_biases = halves(addresses)
        self._run(self.native.ungrid_mlp_backward, call)
        return grad_points, grads

    def _run(self, function: Any, call: Call) -> None:
        code = function(ctypes.byref(call))
        if code:
            raise MachineError(f"a native kernel stopped: {FAULTS.get(code, f'code {code}')}")


class Shared(NamedTuple):
    """What the calls of networks with the same layers have in common."""

    sizes: "ctypes.Array[ctypes.c_int64]"
    omegas: "ctypes.Array[ctypes.c_float]"
    activation: int
    output_activation: int
    kept: int  # floats for each point


@functools.lru_cache(maxsize=256)  # a small batch takes hardly longer than to make these
def shared_by(native: ctypes.CDLL, sizes: tuple[int, ...], pointwise: Pointwise) -> Shared:
    n_layers = len(sizes) - 1
    numbers = (ctypes.c_int64 * len(sizes))(*sizes)
    omegas = (ctypes.c_float * n_layers)(*(pointwise.omegas or (1.0,) * (n_layers - 1)), 1.0)
    call = Call(n_layers=n_layers, sizes=ctypes.addressof(numbers))
    native.ungrid_mlp_kept.restype = ctypes.c_int64
    return Shared(
        numbers,
        omegas,
        ACTIVATIONS.index(pointwise.activation),
        OUTPUT_ACTIVATIONS.index(pointwise.output_activation),
        native.ungrid_mlp_kept(ctypes.byref(call)),
    )


def _call(
    native: ctypes.CDLL, points: Tensor, parameters: Sequence[Tensor], bounds: Tensor | None, pointwise: Pointwise
) -> tuple[Call, Shared]:
    """The fields that forward and backward fill alike. It keeps the arrays alive that it points to, not the tensors."""
    weights = parameters[: len(parameters) // 2]
    shared = shared_by(native, (weights[0].shape[-1], *[weight.shape[-2] for weight in weights]), pointwise)
    addresses = _addresses(parameters)
    whole = (ctypes.c_int64 * 2)(0, points.shape[0])
    call = Call(
        len(weights),
        1 if bounds is None else bounds.shape[0] - 1,
        torch.get_num_threads(),
        shared.activation,
        shared.output_activation,
        ctypes.addressof(shared.sizes),
        ctypes.addressof(whole) if bounds is None else bounds.data_ptr(),
        ctypes.addressof(shared.omegas),
        *halves(addresses),
        points.data_ptr(),
    )
    call.arrays = shared, addresses, whole
    return call, shared


def _addresses(tensors: Sequence[Tensor]) -> "ctypes.Array[ctypes.c_void_p]":
    return (ctypes.c_void_p * len(tensors))(*[tensor.data_ptr() for tensor in tensors])


def halves(addresses: "ctypes.Array[ctypes.c_void_p]") -> tuple[int, int]:
    """Where the addresses of the weights begin, and those of the biases."""
    first = ctypes.addressof(addresses)
    return first, first + ctypes.sizeof(addresses) // 2
