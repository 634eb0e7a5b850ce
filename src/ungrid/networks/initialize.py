"""How the weights of a network start, each from its own generator and from the sizes alone.

| name | weights | biases | from |
|---|---|---|---|
| "torch" | U(±1/√fan_in) | U(±1/√fan_in) | PyTorch's `nn.Linear` |
| "glorot" | N(0, 2 / (fan_in + fan_out)) | N(0, 0.01²) | JAX's `stax.Dense`, hence the Fourier-features notebooks |
| "he" | N(0, 2 / fan_in) | 0 | He et al. 2015: keeps the scale of ReLU activations with depth |

The notebooks' normal distribution is cut at two standard deviations, ours is not.
"""

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ungrid.errors import InputError

MAX_WIDTH = 65536
MAX_DEPTH = 256

Start = tuple[Float[Tensor, "fan_out fan_in"], Float[Tensor, " fan_out"]]


def uniform(shape: tuple[int, ...], bound: float, rng: Generator) -> Float[Tensor, "*shape"]:
    """Numbers uniform in ±bound."""
    return torch.rand(shape, generator=rng).mul_(2 * bound).sub_(bound)  # in place: cheap on the meta device, too


def torch_start(fan_in: int, fan_out: int, rng: Generator) -> Start:
    """Weights and biases U(±1/√fan_in), as `nn.Linear` has them."""
    return sine_start(fan_in, fan_out, rng, bound=1 / math.sqrt(fan_in))


def glorot_start(fan_in: int, fan_out: int, rng: Generator) -> Start:
    """Weights N(0, 2 / (fan_in + fan_out)), biases N(0, 0.01²)."""
    std = math.sqrt(2 / (fan_in + fan_out))
    return torch.randn(fan_out, fan_in, generator=rng).mul_(std), torch.randn(fan_out, generator=rng).mul_(0.01)


def he_start(fan_in: int, fan_out: int, rng: Generator) -> Start:
    """Weights N(0, 2 / fan_in), biases zero."""
    return torch.randn(fan_out, fan_in, generator=rng).mul_(math.sqrt(2 / fan_in)), torch.zeros(fan_out)


def sine_start(fan_in: int, fan_out: int, rng: Generator, *, bound: float, bias_bound: float | None = None) -> Start:
    """Weights U(±bound), biases U(±bias_bound) or, for None, U(±1/√fan_in), as the authors of SIREN leave them."""
    bias_bound = 1 / math.sqrt(fan_in) if bias_bound is None else bias_bound
    return uniform((fan_out, fan_in), bound, rng), uniform((fan_out,), bias_bound, rng)


INITIALIZATIONS: dict[str, Callable[[int, int, Generator], Start]] = {
    "torch": torch_start,
    "glorot": glorot_start,
    "he": he_start,
}


def linear(start: Start) -> nn.Linear:
    """A linear layer with the given weights and biases. Draws nothing from the global generator."""
    weight, bias = start
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")  # its own start would come from the global seed
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer


def sine_layers(
    sizes: Sequence[int], omegas: Sequence[float], rng: Generator, *, first_bias_bound: float | None = None
) -> nn.ModuleList:
    """Linear layers that start as SIREN's: weights U(±1/fan_in) in the first, U(±√(6/fan_in)/ω) in the others.

    Args:
        sizes: number of features before the first layer, then after each.
        omegas: ω of each layer but the first.
        rng: draws them, layer by layer.
        first_bias_bound: of the first layer's biases; None for 1/√fan_in, as the others have it.
    """
    first = sine_start(sizes[0], sizes[1], rng, bound=1 / sizes[0], bias_bound=first_bias_bound)
    rest = zip(sizes[1:-1], sizes[2:], omegas, strict=True)
    starts = [sine_start(fan_in, fan_out, rng, bound=math.sqrt(6 / fan_in) / omega) for fan_in, fan_out, omega in rest]
    return nn.ModuleList(map(linear, [first, *starts]))


def parameters_of(layers: nn.ModuleList) -> tuple[list[Tensor], list[Tensor]]:
    """The weights of linear layers, and their biases; under `torch.func.functional_call` those that it puts in their place."""
    linears = [cast(nn.Linear, layer) for layer in layers]
    return [layer.weight for layer in linears], [layer.bias for layer in linears]


def check_sizes(in_dim: int, out_dim: int, width: int, depth: int, *, min_depth: int = 0) -> None:
    """Raise InputError unless widths are integers from 1 to 65536 and the depth one from `min_depth` to 256."""
    sizes = {"in_dim": in_dim, "out_dim": out_dim, "width": width}
    ranges = [(name, size, 1, MAX_WIDTH) for name, size in sizes.items()] + [("depth", depth, min_depth, MAX_DEPTH)]
    for name, value, low, high in ranges:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InputError(f"{name} is {value!r}, expected an integer from {low} to {high}")
