"""Products over a grid, y[i, j] = a[i] · b[j] feature by feature: what networks and tensors that are split by axis are made of.

PyTorch's broadcast product is the reference. Its backward pass writes the whole grid once for each factor before it sums; here
blocks of the gradient are read while they are in the cache, and memory serves again a step later.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.kernels.memory import empty_floats
from ungrid.kernels.mlp import is_transformed

BLOCK = 2**17  # numbers of a block: with its products it stays in a core's second-level cache
SMALL = 2**18  # numbers of a product below which blocks are not worth their calls


def outer(a: Float[Tensor, "n features"], b: Float[Tensor, "m features"]) -> Float[Tensor, "n m features"]:
    """a[i] · b[j] for all pairs [n, m, features]. Differentiable any number of times."""
    if a.shape[0] * b.numel() < SMALL or not (_is_plain(a) and _is_plain(b)) or torch.compiler.is_compiling() or is_transformed():
        return a[:, None] * b
    product: Tensor = _Outer.apply(a.contiguous(), b.contiguous()) if torch.is_grad_enabled() else _Outer.forward(a, b)
    return product


class _Outer(torch.autograd.Function):
    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        product = empty_floats(a.shape[0] * b.numel()).view(a.shape[0], *b.shape)
        return torch.mul(a.detach()[:, None], b.detach(), out=product)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors
        if torch.is_grad_enabled() or is_transformed() or not torch._C._has_storage(grad):  # a batch of gradients has none
            return (grad * b).sum(dim=1), (grad * a[:, None]).sum(dim=0)
        return _gradients(grad, a, b)


def _gradients(grad: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Σⱼ grad · b and Σᵢ grad · a, block by block: columns first, so that their sums stay near while the rows go by."""
    columns = min(len(b), max(1, BLOCK // b.shape[1]))
    rows = max(1, BLOCK // (columns * b.shape[1]))
    grad_a, grad_b = torch.zeros_like(a), torch.zeros_like(b)
    for j in range(0, len(b), columns):
        part_b, sums_b = b[j : j + columns], grad_b[j : j + columns]
        for i in range(0, len(a), rows):
            block = grad[i : i + rows, j : j + columns]
            grad_a[i : i + rows] += (block * part_b).sum(dim=1)
            if rows == 1:
                sums_b.addcmul_(block[0], a[i])
            else:
                sums_b += (block * a[i : i + rows, None]).sum(dim=0)
    return grad_a, grad_b


def _is_plain(tensor: Tensor) -> bool:
    return type(tensor) is Tensor and tensor.dtype == torch.float32 and tensor.device.type == "cpu"
