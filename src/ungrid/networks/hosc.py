"""HOSC: a periodic function between a sine and a square wave."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, sine_layers
from ungrid.networks.limits import check_positive


class Hosc(Network):
    """Hyperbolic oscillation: hₗ₊₁ = tanh(βₗ sin(ωₗu)), u = Wₗhₗ + bₗ, then a linear layer.

    A small sharpness β leaves a sine, a large one nears a square wave, whose jumps suit edges. Smooth, with slopes up to βω.
    Takes bare coordinates (`Identity`).

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each hidden layer.
        depth: number of hidden layers, 1 to 256.
        beta: sharpness β of each hidden layer, where they start if they are fitted.
        betas: β of each hidden layer in place of `beta`, or None.
        learn_beta: whether the β are fitted with the weights, one for each layer: the authors' AdaHOSC.
        first_omega: ω of the first layer, in radians per unit of u.
        hidden_omega: ω of the other layers; it scales their gradients, since the initial weights are divided by it.
        seed: of the initial weights, which are SIREN's.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, a β or ω that is not in (0, 10⁶], or another number of β than hidden layers.
    Differs from the paper: ω is that of its authors' later text (arXiv 2601.07870), the first has ω = 1; SIREN's initial
        weights and the default β and ω are chosen by us.
    """

    paper = "serrano2024hosc"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 4,
        beta: float = 2.0,
        betas: tuple[float, ...] | None = None,
        learn_beta: bool = False,
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"beta": beta, "first_omega": first_omega, "hidden_omega": hidden_omega})
        if betas is not None and len(betas) != depth:
            raise InputError(f"betas has {len(betas)} entries, expected one for each of {depth} hidden layers")
        check_positive({f"betas[{layer}]": sharpness for layer, sharpness in enumerate(betas or ())})
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.beta, self.betas, self.learn_beta = beta, None if betas is None else tuple(betas), learn_beta
        self.first_omega, self.hidden_omega, self.seed = first_omega, hidden_omega, seed
        rng = torch.Generator().manual_seed(seed)
        self.layers = sine_layers([in_dim, *[width] * depth, out_dim], [hidden_omega] * depth, rng)
        self.layer_betas = (float(beta),) * depth if self.betas is None else tuple(map(float, self.betas))
        self.sharpness = nn.Parameter(torch.tensor(self.layer_betas)) if learn_beta else None

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        *hidden, last = self.layers
        values, omega = features, self.first_omega
        for layer, sharpness in zip(hidden, self.layer_betas if self.sharpness is None else self.sharpness, strict=True):
            values, omega = torch.tanh(sharpness * torch.sin(omega * layer(values))), self.hidden_omega
        raw: Tensor = last(values)
        return raw
