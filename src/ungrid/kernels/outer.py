"""Sums of products over a grid, y[i, j] = Σᵣ aᵣ[i] · bᵣ[j] feature by feature: the joint of what is split by axis.

PyTorch's broadcast product is the reference. Its backward pass writes the whole grid once for each factor before it sums; here
blocks of the gradient are read while they are in the cache, and memory serves again a step later.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.kernels.memory import empty_floats
from ungrid.kernels.mlp import is_transformed

BLOCK = 2**17  # numbers of a block: with its products it stays in a core's second-level cache
SMALL = 2**18  # numbers of a product below which blocks are not worth their calls


def outer(a: Float[Tensor, "n terms features"], b: Float[Tensor, "m terms features"]) -> Float[Tensor, "n m features"]:
    """Σᵣ aᵣ[i] · bᵣ[j] for all pairs [n, m, features]. Differentiable any number of times."""
    is_large = a.shape[0] * b.numel() >= SMALL
    if not (is_large and _is_plain(a) and _is_plain(b)) or torch.compiler.is_compiling() or is_transformed():
        return (a[:, None] * b).sum(dim=2) if a.shape[1] > 1 else a[:, None, 0] * b[:, 0]
    product: Tensor = (_Outer.apply if torch.is_grad_enabled() else _Outer.forward)(a.contiguous(), b.contiguous())
    return product


class _Outer(torch.autograd.Function):
    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        a, b = a.detach(), b.detach()
        n, (m, n_terms, n_features) = len(a), b.shape
        product = empty_floats(n * m * n_features).view(n, m, n_features)
        if n_terms == 1:  # written once, in one pass
            return torch.mul(a, b[:, 0], out=product)
        for rows, columns in _blocks(n, m, n_features):
            block = torch.mul(a[rows, None, 0], b[columns, 0], out=product[rows, columns])
            for term in range(1, n_terms):
                block.addcmul_(a[rows, None, term], b[columns, term])
        return product

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors
        if torch.is_grad_enabled() or is_transformed() or not torch._C._has_storage(grad):  # a batch of gradients has none
            spread = grad[:, :, None]
            return (spread * b).sum(dim=1), (spread * a[:, None]).sum(dim=0)
        return _gradients(grad, a, b)


def _gradients(grad: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Σⱼ grad · b and Σᵢ grad · a of each term, block by block."""
    grad_a, grad_b = torch.zeros_like(a), torch.zeros_like(b)
    for rows, columns in _blocks(len(a), len(b), a.shape[-1]):
        block = grad[rows, columns]
        for term in range(a.shape[1]):
            grad_a[rows, term] += (block * b[columns, term]).sum(dim=1)
            if len(block) == 1:
                grad_b[columns, term].addcmul_(block[0], a[rows, term])
            else:
                grad_b[columns, term] += (block * a[rows, None, term]).sum(dim=0)
    return grad_a, grad_b


def _blocks(n: int, m: int, n_features: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of blocks, all rows before other columns: what belongs to the columns stays in the cache meanwhile."""
    n_columns = max(1, min(m, BLOCK // n_features))
    n_rows = max(1, BLOCK // (n_columns * n_features))
    for j in range(0, m, n_columns):
        for i in range(0, n, n_rows):
            yield slice(i, i + n_rows), slice(j, j + n_columns)


def _is_plain(tensor: Tensor) -> bool:
    return type(tensor) is Tensor and tensor.dtype == torch.float32 and tensor.device.type == "cpu"
