"""The multilayer perceptron in native code: the door to native/mlp.cpp."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ungrid.errors import MachineError
from ungrid.kernels.activations import Pointwise
from ungrid.kernels.memory import empty_floats

ACTIVATIONS = ("sine", "relu", "leaky_relu", "tanh", "sigmoid", "silu")  # in the order of native/activations.h
OUTPUT_ACTIVATIONS = ("none", "sigmoid")
FAULTS = {1: "out of memory"}
ADDRESSES = ctypes.POINTER(ctypes.c_void_p)


class Call(ctypes.Structure):
    """Everything that a call needs: `MlpCall` of native/mlp.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_layers", "n_groups", "n_threads", "activation", "output_activation")),
        ("sizes", ctypes.POINTER(ctypes.c_int64)),
        ("offsets", ctypes.c_void_p),
        ("omegas", ctypes.POINTER(ctypes.c_float)),
        *((name, ADDRESSES) for name in ("weights", "biases")),
        *((name, ctypes.c_void_p) for name in ("points", "values", "kept", "grad_values")),
        *((name, ADDRESSES) for name in ("grad_weights", "grad_biases")),
        ("grad_points", ctypes.c_void_p),
    )


class NativeEngine:
    """Runs networks through one library.

    Tensors are float32 on the CPU. Parameters are the weights of all layers [groups, fan_out, fan_in], then the biases
    [groups, fan_out], without groups where there is one; its points are those from bounds[group] to bounds[group + 1].
    """

    def __init__(self, library: ctypes.CDLL):
        self.native = library
        library.ungrid_mlp_kept.restype = ctypes.c_int64

    def forward(
        self, points: Tensor, parameters: Sequence[Tensor], bounds: Tensor, pointwise: Pointwise, *, keep: bool
    ) -> tuple[Tensor, Tensor]:
        """Values [n, c] of points [n, in_dim], and what `backward` needs, which is empty unless it is to be kept."""
        points, parameters = points.contiguous(), [parameter.contiguous() for parameter in parameters]
        call = _call(points, parameters, bounds, pointwise)
        per_point = self.native.ungrid_mlp_kept(ctypes.byref(call)) if keep else 0
        values, kept = points.new_empty(len(points), call.sizes[call.n_layers]), empty_floats(len(points) * per_point)
        call.values, call.kept = values.data_ptr(), kept.data_ptr() if keep else None
        self._run(self.native.ungrid_mlp_forward, call)
        return values, kept

    def backward(
        self,
        points: Tensor,
        parameters: Sequence[Tensor],
        bounds: Tensor,
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
        call = _call(points, parameters, bounds, pointwise)
        call.values, call.kept, call.grad_values = values.data_ptr(), kept.data_ptr(), grad_values.data_ptr()
        call.grad_points = None if grad_points is None else grad_points.data_ptr()
        if grads is not None:
            call.grad_weights, call.grad_biases = _addresses(grads[: call.n_layers]), _addresses(grads[call.n_layers :])
        self._run(self.native.ungrid_mlp_backward, call)
        return grad_points, grads

    def _run(self, function: Any, call: Call) -> None:
        code = function(ctypes.byref(call))
        if code:
            raise MachineError(f"a native kernel stopped: {FAULTS.get(code, f'code {code}')}")


def _call(points: Tensor, parameters: Sequence[Tensor], bounds: Tensor, pointwise: Pointwise) -> Call:
    """The fields that forward and backward share; ctypes keeps the arrays alive with it, not the tensors."""
    n_layers = len(parameters) // 2
    weights, biases = parameters[:n_layers], parameters[n_layers:]
    sizes = [weights[0].shape[-1], *(weight.shape[-2] for weight in weights)]
    omegas = (*(pointwise.omegas or (1.0,) * (n_layers - 1)), 1.0)
    return Call(
        n_layers=n_layers,
        n_groups=len(bounds) - 1,
        n_threads=torch.get_num_threads(),
        activation=ACTIVATIONS.index(pointwise.activation),
        output_activation=OUTPUT_ACTIVATIONS.index(pointwise.output_activation),
        sizes=(ctypes.c_int64 * len(sizes))(*sizes),
        offsets=bounds.data_ptr(),
        omegas=(ctypes.c_float * n_layers)(*omegas),
        weights=_addresses(weights),
        biases=_addresses(biases),
        points=points.data_ptr(),
    )


def _addresses(tensors: Sequence[Tensor]) -> "ctypes.Array[ctypes.c_void_p]":
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))
