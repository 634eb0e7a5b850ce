"""A whole multilayer perceptron in one call, forward and backward, for one network or for a stack of equal ones.

Layer by layer over all points, a network's activations go out to main memory and back at each step. The kernels take a
tile of points through all layers while their activations stay in the cache.
"""

import inspect
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd import forward_ad

from ungrid.errors import InputError, ShapeError
from ungrid.kernels.activations import ACTIVATIONS, Activation, Pointwise
from ungrid.kernels.mlp_native import ACTIVATIONS as FAST_ACTIVATIONS
from ungrid.kernels.mlp_native import OUTPUT_ACTIVATIONS as FAST_OUTPUT_ACTIVATIONS
from ungrid.kernels.mlp_native import NativeEngine
from ungrid.kernels.mlp_tiled import TiledEngine
from ungrid.kernels.native_library import library
from ungrid.spec import lookup

Engine = NativeEngine | TiledEngine
Function = TypeVar("Function", bound=Callable[..., Any])


def fused_mlp(
    points: Float[Tensor, "*batch d"],
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    activation: str,
    omegas: Sequence[float] = (),
    output_activation: str = "none",
    offsets: Int[Tensor, "_"] | None = None,
) -> Float[Tensor, "*batch c"]:
    """The values of `reference_mlp`, with the same arguments, to the last bits but a few, and faster where `choose_engine` says.

    Higher derivatives are exact too: they differentiate the reference.

    Raises: ShapeError: sizes that do not follow on each other. InputError: offsets that do not rise from 0 to n.
        UnknownName: no such activation.
    """
    pointwise = Pointwise(activation, tuple(omegas), output_activation)
    check_sizes(points, weights, biases, pointwise, offsets)
    engine = choose_engine(points, (*weights, *biases), pointwise)
    if engine is None:
        return _reference(points, (*weights, *biases), pointwise, offsets)
    flat = points if points.ndim == 2 else points.reshape(-1, points.shape[-1])
    bounds = None if offsets is None else offsets.to(torch.int64, copy=True)
    values = _run(engine, flat, bounds, pointwise, (*weights, *biases))
    return values if points.ndim == 2 else values.reshape(*points.shape[:-1], values.shape[-1])


def reference_mlp(
    points: Float[Tensor, "*batch d"],
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    activation: str,
    omegas: Sequence[float] = (),
    output_activation: str = "none",
    offsets: Int[Tensor, "_"] | None = None,
) -> Float[Tensor, "*batch c"]:
    """Values of hₗ₊₁ = activation(ωₗ(Wₗhₗ + bₗ)) and a last layer output_activation(Wh + b), by plain operations.

    Args:
        points: what the first layer sees [*, d]; with offsets [n, d], sorted by group.
        weights: one per layer, [fan_out, fan_in], or [groups, fan_out, fan_in] with offsets.
        biases: one per layer, [fan_out], or [groups, fan_out] with offsets.
        activation: between the layers, a name in `ACTIVATIONS`.
        omegas: ω of each hidden layer, or none where all are 1.
        output_activation: of the values, likewise.
        offsets: for a stack of networks [groups + 1], rising from 0 to n: group g has the points offsets[g] to offsets[g + 1].

    Raises: UnknownName: no such activation.
    """
    pointwise = Pointwise(activation, tuple(omegas), output_activation)
    return _reference(points, (*weights, *biases), pointwise, offsets)


def choose_engine(points: Tensor, parameters: Sequence[Tensor], pointwise: Pointwise) -> Engine | None:
    """What runs a network faster than the reference: native kernels, or tiles where none are built.

    None where only the reference will do: not float32 on the CPU, an activation with no kernel, `torch.compile`, autocast,
    forward-mode differentiation and `torch.func`'s transforms, and tensors that are more than tensors.
    """
    if torch.compiler.is_compiling() or is_transformed() or torch.is_autocast_enabled("cpu"):
        return None
    if pointwise.activation not in FAST_ACTIVATIONS or pointwise.output_activation not in FAST_OUTPUT_ACTIVATIONS:
        return None
    if not all(_is_plain(tensor) for tensor in (points, *parameters)):
        return None
    native = library()
    return TiledEngine() if native is None else NativeEngine(native)


def is_transformed() -> bool:
    """Whether forward-mode differentiation or a transform of `torch.func` (vmap, grad, jvp …) is going on."""
    return forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active()


def _is_plain(tensor: Tensor) -> bool:
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.dtype == torch.float32
        and tensor.is_cpu
        and tensor.layout == torch.strided
        and not tensor.is_neg()
    )


def check_sizes(
    points: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], pointwise: Pointwise, offsets: Tensor | None
) -> None:
    """Raise ShapeError or InputError unless the layers follow on each other and the offsets divide the points."""
    n_omegas = len(pointwise.omegas) or len(weights) - 1
    if not weights or len(weights) != len(biases) or n_omegas != len(weights) - 1:
        raise InputError(f"{len(weights)} weights, {len(biases)} biases and {len(pointwise.omegas)} omegas are no network")
    groups = () if offsets is None else (len(offsets) - 1,)
    fan_in = points.shape[-1]
    for weight, bias in zip(weights, biases, strict=True):
        fan_out = weight.shape[-2] if weight.ndim > 1 else 0
        if weight.shape != (*groups, fan_out, fan_in) or bias.shape != (*groups, fan_out) or not fan_in * fan_out:
            raise ShapeError(
                f"a layer that sees {fan_in} features has weights {tuple(weight.shape)} and biases {tuple(bias.shape)}, "
                f"expected {(*groups, 'fan_out', fan_in)} and {(*groups, 'fan_out')}"
            )
        fan_in = fan_out
    if offsets is not None:
        _check_offsets(offsets, points)


def _check_offsets(offsets: Tensor, points: Tensor) -> None:
    if points.ndim != 2 or len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != len(points) or (offsets.diff() < 0).any():
        raise InputError(f"offsets must rise from 0 to the number of points [n, d]; points are {tuple(points.shape)}")


def _reference(points: Tensor, parameters: Sequence[Tensor], pointwise: Pointwise, offsets: Tensor | None) -> Tensor:
    if offsets is not None:
        parts = [
            _reference(points[first:end], [parameter[group] for parameter in parameters], pointwise, None)
            for group, (first, end) in enumerate(pairwise(offsets.tolist()))
        ]
        return torch.cat(parts)
    activate: Activation = lookup(pointwise.activation, ACTIVATIONS, "activation")
    finish: Activation = lookup(pointwise.output_activation, ACTIVATIONS, "activation")
    n_layers = len(parameters) // 2
    *hidden, last = zip(parameters[:n_layers], parameters[n_layers:], strict=True)
    values = points
    for layer, (weight, bias) in enumerate(hidden):
        sums = F.linear(values, weight, bias)
        values = activate(pointwise.omegas[layer] * sums if pointwise.omegas else sums)
    return finish(F.linear(values, *last))


def _run(engine: Engine, points: Tensor, bounds: Tensor | None, pointwise: Pointwise, parameters: Sequence[Tensor]) -> Tensor:
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (points, *parameters)):
        values: Tensor = _Mlp.apply(engine, bounds, pointwise, points, *parameters)[0]
        return values
    return engine.forward(points, parameters, bounds, pointwise, keep=False)[0]


def _signed(function: Function) -> Function:
    """The function, with its signature at hand: autograd asks for it at each call, and to find it takes 10 µs."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


class _Mlp(torch.autograd.Function):
    """The network as one node of autograd's graph. Its second output is what the backward pass needs."""

    @staticmethod
    @_signed
    def forward(
        engine: Engine, bounds: Tensor | None, pointwise: Pointwise, points: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        return engine.forward(points, parameters, bounds, pointwise, keep=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.engine, ctx.bounds, ctx.pointwise, *tensors = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output, *tensors)

    @staticmethod
    def backward(ctx: Any, grad_values: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        if grad_values is None:
            return (None,) * len(ctx.needs_input_grad)
        values, kept, points, *parameters = ctx.saved_tensors
        batched = torch._C._functorch.is_legacy_batchedtensor(grad_values)  # autograd's own vmap, of is_grads_batched
        if torch.is_grad_enabled() or is_transformed() or batched:
            return None, None, None, *_differentiable_grads(ctx, [points, *parameters], grad_values)
        wanted = ctx.needs_input_grad[3:]
        grad_points, grads = ctx.engine.backward(
            points,
            parameters,
            ctx.bounds,
            ctx.pointwise,
            passed=(values, kept),
            grad_values=grad_values,
            wanted=(wanted[0], any(wanted[1:])),
        )
        return None, None, None, grad_points, *(grads or [None] * len(parameters))


def _differentiable_grads(ctx: Any, inputs: list[Tensor], grad_values: Tensor) -> list[Tensor | None]:
    """The gradients as functions of all that they depend on, out of the reference."""
    wanted = ctx.needs_input_grad[-len(inputs) :]
    with torch.enable_grad():
        inputs = [tensor.view_as(tensor) for tensor in inputs]  # apart, also where one tensor serves twice
        values = _reference(inputs[0], inputs[1:], ctx.pointwise, ctx.bounds)
        asked = [tensor for tensor, want in zip(inputs, wanted, strict=True) if want]
        grads = iter(torch.autograd.grad(values, asked, grad_values, create_graph=True))
    return [next(grads) if want else None for want in wanted]
