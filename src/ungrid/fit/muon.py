"""Muon: momentum whose matrices are made orthogonal before they are added."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.fit.adam import Adam

LEAST_SIDE = 16  # of a matrix; smaller ones, and a network's first and last on few coordinates and channels, are Adam's
MATCH = 0.2  # root mean square of an entry's step, in learning rates: about Adam's, so that one rate serves both (liu2025muon)
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the iteration, chosen by its author to be steep at 0 (jordan2024muon)
ITERATIONS = 5


class Muon:
    """Muon for the matrices of a network's hidden layers, Adam for all other parameters (jordan2024muon, liu2025muon).

    A matrix moves by 0.2 √max(m, n) · rate along U Vᵀ of its momentum's singular value decomposition U S Vᵀ: in all directions
    alike, where Adam follows the few that the gradient is strong in. It has the part of PyTorch's optimizers that a fit uses.

    Args:
        parameters: what is moved, float32 or float64.
        learning_rate: of both; 2 to 3 times Adam's serves well.
        betas, epsilon: of Adam.
        weight_decay: decoupled, of all parameters.
        momentum: of the matrices, 0 to 1; Nesterov's.

    Differs from the papers: the iteration runs in the parameter's precision, not in bfloat16; which matrices are Adam's is
        decided by their sizes.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        betas: tuple[float, float],
        epsilon: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
    ):
        parameters = list(parameters)
        self.matrices = [p for p in parameters if is_matrix(p)]
        others = [p for p in parameters if not is_matrix(p)]
        adam = {"learning_rate": learning_rate, "betas": betas, "epsilon": epsilon, "weight_decay": weight_decay}
        self.adam = Adam(others, decoupled=True, **adam)  # type: ignore[arg-type]
        group = {"params": self.matrices, "lr": learning_rate, "weight_decay": weight_decay, "momentum": momentum}
        self.param_groups: list[dict[str, Any]] = [group, *self.adam.param_groups]
        self.momenta: list[Tensor | None] = [None] * len(self.matrices)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Evaluate the closure, which leaves gradients behind, and move each parameter that has one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        group = self.param_groups[0]
        for index, matrix in enumerate(self.matrices):
            if matrix.grad is not None:
                self._move(index, matrix, matrix.grad, group)
        if self.adam.param_groups[0]["params"]:
            self.adam.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        self.adam.zero_grad(set_to_none)
        for matrix in self.matrices:
            if set_to_none:
                matrix.grad = None
            elif matrix.grad is not None:
                matrix.grad.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Settings and momenta, which are not copied."""
        settings = {key: value for key, value in self.param_groups[0].items() if key != "params"}
        return {"group": settings, "momenta": list(self.momenta), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with these settings and momenta, moved to the parameters' devices."""
        self.param_groups[0].update(state["group"])
        self.adam.load_state_dict(state["adam"])
        pairs = zip(state["momenta"], self.matrices, strict=True)
        self.momenta = [None if momentum is None else momentum.clone().to(matrix.device) for momentum, matrix in pairs]

    def _move(self, index: int, matrix: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        momentum = self.momenta[index]
        if momentum is None:
            momentum = self.momenta[index] = torch.zeros_like(matrix)
        momentum.lerp_(grad, 1 - group["momentum"])
        direction = orthogonalized(grad.lerp(momentum, group["momentum"]))
        if group["weight_decay"]:
            matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(direction, alpha=-group["lr"] * MATCH * max(matrix.shape[-2:]) ** 0.5)


def is_matrix(parameter: Tensor) -> bool:
    """Whether Muon moves a parameter: a matrix, or a stack of them, with at least 16 rows and columns."""
    return 2 <= parameter.ndim <= 3 and min(parameter.shape[-2:]) >= LEAST_SIDE


def orthogonalized(matrix: Float[Tensor, "*stack m n"]) -> Float[Tensor, "*stack m n"]:
    """About U Vᵀ of a matrix U S Vᵀ: five steps of a Newton–Schulz iteration that take singular values to between 0.7 and 1.2."""
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[-2] > matrix.shape[-1]
    x: Tensor = matrix.mT if is_tall else matrix
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-12)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if is_tall else x
