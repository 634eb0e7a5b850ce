"""Adam without the weight of PyTorch's optimizer classes."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

Moments = dict[str, Tensor]


class Adam:
    """Adam, and AdamW with `decoupled` (kingma2015adam, loshchilov2019adamw): PyTorch's fused step, and its settings.

    `torch.optim.Adam` loads the compiler when it is made, a second that short fits do not have. This has the part of its
    interface that a fit uses: `param_groups`, `state_dict`, `load_state_dict`, `zero_grad` and `step`.

    Args:
        parameters: what is moved, float32 or float64.
        learning_rate, betas, epsilon, weight_decay: as the papers name them.
        decoupled: whether weight decay is added to the step, and not to the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        betas: tuple[float, float],
        epsilon: float,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ):
        self.param_groups: list[dict[str, Any]] = [
            {"params": list(parameters), "lr": learning_rate, "betas": betas, "eps": epsilon, "weight_decay": weight_decay}
        ]
        self.decoupled = decoupled
        self.moments: list[Moments] = [{} for _ in self.param_groups[0]["params"]]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Evaluate the closure, which leaves gradients behind, and move each parameter that has one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        (group,) = self.param_groups
        moved = [(p, self._moments(i, p)) for i, p in enumerate(group["params"]) if p.grad is not None]
        if moved:
            adam(
                [p for p, _ in moved],
                [p.grad for p, _ in moved],
                [moments["exp_avg"] for _, moments in moved],
                [moments["exp_avg_sq"] for _, moments in moved],
                [],
                [moments["step"] for _, moments in moved],
                fused=True,
                foreach=False,
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
                decoupled_weight_decay=self.decoupled,
            )
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for parameter in self.param_groups[0]["params"]:
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Settings and moments, which are not copied."""
        (group,) = self.param_groups
        return {"group": {key: value for key, value in group.items() if key != "params"}, "moments": self.moments}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with these settings and moments, moved to the parameters' devices."""
        (group,) = self.param_groups
        group.update(state["group"])
        group["betas"] = tuple(group["betas"])
        devices = [p.device for p in group["params"]]
        self.moments = [
            {key: value.clone().to(device) for key, value in moments.items()}
            for moments, device in zip(state["moments"], devices, strict=True)
        ]

    def _moments(self, index: int, parameter: nn.Parameter) -> Moments:
        moments = self.moments[index]
        if not moments:
            moments["step"] = torch.zeros((), device=parameter.device)
            moments["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            moments["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return moments
