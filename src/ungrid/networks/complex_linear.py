"""Complex numbers between real tensors: a layer, and the wave that wavelet networks are made of.

A complex array is a tuple of its real and imaginary part here, a real one the tuple of its one part: real arithmetic has fast
kernels on every device where complex arithmetic has slow ones or none.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ungrid.networks.initialize import uniform

Parts = tuple[Tensor, ...]


class ComplexLinear(nn.Module):
    """W z + b with complex W and b. Files and optimizers see real tensors, whose last axis is (real, imaginary).

    Args:
        weight: [fan_out, fan_in, 2].
        bias: [fan_out, 2].

    Shape: z as two parts [*, fan_in] → two parts [*, fan_out].
    """

    def __init__(self, weight: Float[Tensor, "fan_out fan_in 2"], bias: Float[Tensor, "fan_out 2"]):
        super().__init__()
        self.in_features, self.out_features = weight.shape[1], weight.shape[0]
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, values: Parts) -> Parts:
        real, imaginary = self.weight.unbind(-1)
        # (A + jB)(x + jy) = (Ax − By) + j(Bx + Ay) as one real product
        both = torch.cat([torch.cat([real, -imaginary], dim=1), torch.cat([imaginary, real], dim=1)])
        return F.linear(torch.cat(values, dim=-1), both, torch.cat(self.bias.unbind(-1))).chunk(2, dim=-1)


def complex_linear(fan_in: int, fan_out: int, rng: Generator, *, bound: float | None = None) -> ComplexLinear:
    """A layer whose weights' real and imaginary parts are each U(±bound), or U(±1/√fan_in) for None, its biases U(±1/√fan_in).

    That is how PyTorch starts an `nn.Linear` of complex dtype, whose variance is thus twice a real one's.
    """
    usual = 1 / math.sqrt(fan_in)
    weight = uniform((fan_out, fan_in, 2), usual if bound is None else bound, rng)
    return ComplexLinear(weight, uniform((fan_out, 2), usual, rng))


def affine(layer: nn.Module, values: Parts) -> Parts:
    """What a complex layer makes of two parts, or a real `nn.Linear` of one."""
    parts: Parts = layer(values) if isinstance(layer, ComplexLinear) else (layer(values[0]),)
    return parts


def squared_size(values: Parts) -> Tensor:
    """|z|²."""
    first, *rest = values
    return sum((part.square() for part in rest), first.square())


def wave(values: Parts, omega: float, decay: Tensor) -> Parts:
    """exp(jωz − decay) of real or complex z, with a real decay."""
    growth = -decay if len(values) == 1 else -decay - omega * values[1]
    size, phase = growth.exp(), omega * values[0]
    return size * phase.cos(), size * phase.sin()


def complex_sine(values: Parts) -> Parts:
    """sin z of real or complex z."""
    if len(values) == 1:
        return (values[0].sin(),)
    real, imaginary = values
    return real.sin() * imaginary.cosh(), real.cos() * imaginary.sinh()
