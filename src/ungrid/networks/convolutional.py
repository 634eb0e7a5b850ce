"""Convolutions over the features of a whole grid, in several branches that fold into one."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.networks.initialize import check_sizes, uniform
from ungrid.spec import lookup

MAX_AXES = 3
MAX_KERNEL_SIZE = 15
EPSILON = 1e-5  # under the root of batch norm's variance, PyTorch's

Size = tuple[int, ...]
CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
# name → sizes of the kernels [axes] of a branch, for a number of axes and a kernel size; () is the identity
BRANCHES: dict[str, Callable[[int, int], list[Size]]] = {
    "full": lambda n_axes, size: [(size,) * n_axes],
    "lines": lambda n_axes, size: [tuple(size if axis == along else 1 for axis in range(n_axes)) for along in range(n_axes)],
    "point": lambda n_axes, size: [(1,) * n_axes],
    "identity": lambda n_axes, size: [()],
}


class ConvolutionalNetwork(nn.Module):
    """Convolutions, batch norms and ReLUs over a grid of features: hₗ₊₁ = relu(Σ branches norm(kernel ∗ hₗ)), then a convolution.

    A value depends on the features up to `reach` samples away, so the network is asked for blocks of a grid and not for
    points. Beyond the grid there are zeros. Further branches cost time while the field is fitted; `folded` then makes one
    convolution of each layer, with the same values.

    While training, batch norm's statistics are those of the features given, as always; otherwise those that `settle` keeps.

    Args:
        n_axes: of the grid, 1 to 3.
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: channels of each hidden layer.
        depth: number of hidden layers; 0 is one convolution.
        kernel_size: samples across a kernel, odd, 1 to 15; 1 is a multilayer perceptron.
        branches: of each hidden layer: "full" (a kernel along all axes), "lines" (one along each axis), "point" (one sample)
            and "identity" (the features, where a layer has as many as its width).
        normalize: whether each branch ends in a batch norm; without, in a bias.
        seed: of the initial weights.

    Shape: features [*, *shape, in_dim] → values [*, *shape, c]; the batch norms average over all axes but the last.
    Raises: InputError: an argument out of range. UnknownName: no such branch.
    Differs from the paper: it was read in abstract and in summaries only. From these are convolutions with batch norms and
        activations over the tensor of coordinates, and parallel branches that become one convolution; the kinds of branches
        are those of RepVGG and ACNet. The paper's other two re-parameterizations, of the weights, are not here. Weights start
        as PyTorch's convolutions do.
    """

    paper: ClassVar[str | None] = "cai2024convinr"

    def __init__(
        self,
        n_axes: int,
        in_dim: int,
        out_dim: int,
        width: int = 32,
        *,
        depth: int = 10,
        kernel_size: int = 3,
        branches: tuple[str, ...] = ("full",),
        normalize: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth)
        check_kernels(n_axes, kernel_size, branches)
        self.n_axes, self.in_dim, self.out_dim, self.width, self.depth = n_axes, in_dim, out_dim, width, depth
        self.kernel_size, self.branches, self.normalize, self.seed = kernel_size, tuple(branches), normalize, seed
        rng = torch.Generator().manual_seed(seed)
        kernels = [size for name in branches for size in lookup(name, BRANCHES, "branch")(n_axes, kernel_size)]
        self.layers = nn.ModuleList()
        for layer in range(depth):
            fan_in = width if layer else in_dim
            sizes = [size for size in kernels if size or fan_in == width]
            if not sizes:
                raise InputError(f'branches is {branches!r}, and {in_dim} features cannot pass to {width} channels; add "full"')
            self.layers.append(nn.ModuleList(Branch(fan_in, width, size, normalize, rng) for size in sizes))
        self.last = Branch(width if depth else in_dim, out_dim, (kernel_size,) * n_axes, False, rng)

    @property
    def reach(self) -> int:
        """Samples on each side of a value, along each axis, that it depends on."""
        return (self.kernel_size // 2) * (self.depth + 1)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        return self._through(features, lambda branch, values: branch(values))

    @torch.no_grad()
    def settle(self, features: Float[Tensor, "*batch features"]) -> None:
        """Keep batch norm's statistics of these features, for when the network is not training."""
        self._through(features, lambda branch, values: branch.settle(values))

    @torch.no_grad()
    def folded(self) -> "ConvolutionalNetwork":
        """The network with one convolution and bias for each layer and no batch norm; the same values up to rounding."""
        plain = ConvolutionalNetwork(
            self.n_axes,
            self.in_dim,
            self.out_dim,
            self.width,
            depth=self.depth,
            kernel_size=self.kernel_size,
            normalize=False,
            seed=self.seed,
        ).to(self.last.shift)
        size = (self.kernel_size,) * self.n_axes
        targets = [branch for (branch,) in plain._hidden()] + [plain.last]
        for branches, target in zip([*self._hidden(), [self.last]], targets, strict=True):
            kernels, shifts = zip(*(branch.folded(size) for branch in branches), strict=True)
            target.get_parameter("kernel").copy_(sum_of(kernels))
            target.shift.copy_(sum_of(shifts))
        return plain

    def width_sum(self) -> int:
        """Floats that one sample needs while it is evaluated: channels of all branches."""
        return sum(module.out_channels for module in self.modules() if isinstance(module, Branch))

    def _through(self, features: Tensor, pass_branch: Callable[["Branch", Tensor], Tensor]) -> Tensor:
        if features.ndim <= self.n_axes or features.shape[-1] != self.in_dim:
            raise InputError(
                f"features of shape {tuple(features.shape)}; expected {self.n_axes} axes, then {self.in_dim} features"
            )
        leading = features.shape[: -1 - self.n_axes]
        values = features.reshape(-1, *features.shape[len(leading) :]).movedim(-1, 1)
        for branches in self._hidden():
            values = F.relu(sum_of([pass_branch(branch, values) for branch in branches]))
        values = self.last.forward(values).movedim(1, -1)
        return values.reshape(*leading, *values.shape[1:])

    def _hidden(self) -> list[list["Branch"]]:
        return [list(layer) for layer in self.layers]  # type: ignore[call-overload]


class Branch(nn.Module):
    """scale · (kernel ∗ h - mean) / √(variance + ε) + shift of one branch, or kernel ∗ h + shift without batch norm.

    Args:
        in_channels, out_channels: of the convolution.
        size: of the kernel along each axis; () for the identity.
        normalize: whether there is a batch norm.
        rng: of the initial kernel.

    Shape: [n, in_channels, *shape] → [n, out_channels, *shape].
    """

    mean: Float[Tensor, " channels"]
    variance: Float[Tensor, " channels"]

    def __init__(self, in_channels: int, out_channels: int, size: Size, normalize: bool, rng: torch.Generator):
        super().__init__()
        self.in_channels, self.out_channels, self.normalize = in_channels, out_channels, normalize
        bound = kernel_bound(in_channels, size)
        self.kernel = nn.Parameter(uniform((out_channels, in_channels, *size), bound, rng)) if size else None
        self.scale = nn.Parameter(torch.ones(out_channels)) if normalize else None
        self.shift = nn.Parameter(torch.zeros(out_channels) if normalize else uniform((out_channels,), bound, rng))
        if normalize:
            self.register_buffer("mean", torch.zeros(out_channels))
            self.register_buffer("variance", torch.ones(out_channels))

    def forward(self, values: Float[Tensor, "n in_channels *shape"]) -> Float[Tensor, "n out_channels *shape"]:
        return self._normalized(self._convolved(values), training=self.training)

    def settle(self, values: Float[Tensor, "n in_channels *shape"]) -> Float[Tensor, "n out_channels *shape"]:
        """As forward, keeping the statistics that it finds."""
        values = self._convolved(values)
        if self.normalize:
            variance, mean = torch.var_mean(values, dim=[0, *range(2, values.ndim)], correction=0)
            self.mean.copy_(mean)
            self.variance.copy_(variance)
        return self._normalized(values, training=False)

    def folded(self, size: Size) -> tuple[Float[Tensor, "*kernel"], Float[Tensor, " channels"]]:
        """Kernel of the given size, and shift, of a convolution that gives the same values."""
        if self.kernel is None:
            kernel = torch.eye(self.out_channels, dtype=self.shift.dtype, device=self.shift.device)
            kernel = kernel.reshape(*kernel.shape, *(1 for _ in size))
        else:
            kernel = self.kernel.detach()
        margins = [(whole - own) // 2 for whole, own in zip(reversed(size), reversed(kernel.shape[2:]), strict=True)]
        kernel = F.pad(kernel, [side for margin in margins for side in (margin, margin)])
        if self.scale is None:
            return kernel, self.shift
        factor = self.scale * torch.rsqrt(self.variance + EPSILON)
        return kernel * factor.reshape(-1, *(1 for _ in kernel.shape[1:])), self.shift - self.mean * factor

    def _convolved(self, values: Tensor) -> Tensor:
        if self.kernel is None:
            return values
        return convolve(values, self.kernel, None if self.normalize else self.shift)

    def _normalized(self, values: Tensor, *, training: bool) -> Tensor:
        if not self.normalize:
            return values if self.kernel is not None else values + self.shift.reshape(-1, *(1 for _ in values.shape[2:]))
        mean, variance = (None, None) if training else (self.mean, self.variance)
        return F.batch_norm(values, mean, variance, self.scale, self.shift, training=training, eps=EPSILON)


def convolve(
    values: Float[Tensor, "n in_channels *shape"], kernel: Float[Tensor, "*kernel"], shift: Tensor | None
) -> Float[Tensor, "n out_channels *shape"]:
    """Convolution with a kernel of odd sizes along 1 to 3 axes, zeros beyond the grid; as many samples as came."""
    sizes = kernel.shape[2:]
    convolved: Tensor = CONVOLUTIONS[len(sizes)](values, kernel, shift, padding=[size // 2 for size in sizes])
    return convolved


def kernel_bound(in_channels: int, size: Size) -> float:
    """1/√fan_in, within which PyTorch's convolutions start."""
    fan_in = in_channels
    for along in size:
        fan_in *= along
    return float(fan_in**-0.5)


def sum_of(branches: Sequence[Tensor]) -> Tensor:
    """Sum of tensors; no addition for one."""
    total = branches[0]
    for branch in branches[1:]:
        total = total + branch
    return total


def check_kernels(n_axes: int, kernel_size: int, branches: tuple[str, ...]) -> None:
    """Raise InputError unless axes, kernel size and branches are in range."""
    if not isinstance(n_axes, int) or isinstance(n_axes, bool) or not 1 <= n_axes <= MAX_AXES:
        raise InputError(f"n_axes is {n_axes!r}, expected an integer from 1 to {MAX_AXES}")
    if not isinstance(kernel_size, int) or isinstance(kernel_size, bool) or kernel_size not in range(1, MAX_KERNEL_SIZE + 1, 2):
        raise InputError(f"kernel_size is {kernel_size!r}, expected an odd integer from 1 to {MAX_KERNEL_SIZE}")
    if not branches or len(set(branches)) < len(branches):
        raise InputError(f"branches is {branches!r}, expected one or more distinct names of {sorted(BRANCHES)}")
