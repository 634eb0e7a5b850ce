"""Gaussian-activated networks: each unit answers near one hyperplane of its inputs."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, linear, torch_start
from ungrid.networks.limits import check_positive


class Gauss(Network):
    """Network of Gaussians: hₗ₊₁ = exp(−u² / 2a²), u = Wₗhₗ + bₗ, then a linear layer.

    Not periodic, smooth, and little hurt by how its weights start. Takes bare coordinates (`Identity`). A smaller `std` reaches
    finer detail and, too small, gives noise between samples.

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each hidden layer.
        depth: number of hidden layers, 1 to 256.
        std: a, standard deviation of the activation, in units of u. A scale s of code that has exp(−(su)²) is a = 1 / (s√2).
        seed: of the initial weights, U(±1/√fan_in) as PyTorch has them.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, or a `std` that is not in (0, 10⁶].
    Differs from the paper: the default `std` is not its own but that of the authors of WIRE, s = 10.
    """

    paper = "ramasinghe2022beyond"

    def __init__(self, in_dim: int, out_dim: int, width: int = 256, *, depth: int = 4, std: float = 0.0707, seed: int = 0):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"std": std})
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.std, self.seed = std, seed
        rng = torch.Generator().manual_seed(seed)
        sizes = zip([in_dim] + [width] * depth, [width] * depth + [out_dim], strict=True)
        self.layers = nn.ModuleList(linear(torch_start(fan_in, fan_out, rng)) for fan_in, fan_out in sizes)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        *hidden, last = self.layers
        values = features
        for layer in hidden:
            values = torch.exp(layer(values).square() * (-0.5 / self.std**2))
        raw: Tensor = last(values)
        return raw
