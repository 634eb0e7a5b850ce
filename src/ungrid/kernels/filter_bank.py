"""A bank of symmetric filters on pictures: mean squared responses, the operator Σ Hᵀ (w · H v), and its diagonal.

A picture is mirrored about its border samples, so that each sample has a response.
"""

import ctypes
import itertools

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import MachineError, ShapeError
from ungrid.kernels.native_library import library

NEIGHBORHOOD = 2.0  # standard deviation of the average, in samples
AVERAGE_RADIUS = 6
NATIVE = (13, 7, 7)  # filters and taps that native/filter_bank.cpp has code for


class CCall(ctypes.Structure):
    """`Call` of native/filter_bank.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("values", "weights", "taps", "result")),
        *((name, ctypes.c_int64) for name in ("n_channels", "height", "width", "n_threads")),
    )


class CMixture(ctypes.Structure):
    """`Mixture` of native/filter_bank.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("energies", "taps")),
        *((name, ctypes.c_int64) for name in ("radius", "height", "width", "n_threads")),
        ("noise", ctypes.c_float),
    )


class FilterBank:
    """Square filters of odd length with h(-x) = h(x).

    Args:
        filters: [n_filters, taps, taps], taps odd.

    Raises: ShapeError: an even number of taps, or filters that are not symmetric.
    """

    def __init__(self, filters: Float[Tensor, "n_filters taps taps"]):
        if filters.shape[-1] % 2 == 0 or not torch.allclose(filters, filters.flip(1, 2)):
            raise ShapeError(f"expected filters of an odd number of taps with h(-x) = h(x); got {tuple(filters.shape)}")
        self.filters, self.radius = filters, filters.shape[-1] // 2

    def energies(self, values: Float[Tensor, "c y x"]) -> Float[Tensor, "n_filters y x"]:
        """Squared responses, averaged over the channels."""
        if self._is_native(values):
            return self._run("energies", values, None, self.filters, values.new_empty((len(self.filters), *values.shape[1:])))
        return self._responses(values).square().mean(dim=0)

    def weights(self, values: Float[Tensor, "c y x"], floor: float) -> Float[Tensor, "n_filters y x"]:
        """Precision of each filter's response at each sample: s_j⁻³ / Σ_i s_i⁻², where s_j is the average of the filter's squared
        responses over a neighborhood, plus floor²."""
        energies = self.energies(values)
        steps = torch.arange(-AVERAGE_RADIUS, AVERAGE_RADIUS + 1, dtype=torch.float64)
        taps = torch.exp(-0.5 * (steps / NEIGHBORHOOD) ** 2)
        taps = (taps / taps.sum()).to(energies)
        if self._is_native(energies):
            _, height, width = energies.shape
            sizes = (AVERAGE_RADIUS, height, width, torch.get_num_threads())
            self._call("weigh", CMixture(energies.data_ptr(), taps.data_ptr(), *sizes, floor**2))
            return energies
        scales = _averaged(_averaged(energies, 1, taps), 2, taps).add_(floor**2)
        ratios = (scales.amin(dim=0) / scales).square_()
        return ratios.div_(ratios.sum(dim=0) * scales)

    def normal(self, weights: Float[Tensor, "n_filters y x"], values: Float[Tensor, "c y x"]) -> Float[Tensor, "c y x"]:
        """Σ over filters of Hᵀ (weights · H values): half the gradient of Σ weights · response²."""
        if self._is_native(values):
            return self._run("normal", values, weights, self.filters, torch.empty(values.shape))
        return self._spread(weights * self._responses(values), self.filters)

    def diagonal(self, weights: Float[Tensor, "n_filters y x"]) -> Float[Tensor, "y x"]:
        """Of `normal`, as a matrix, but for what the border mirrors onto a sample itself."""
        if self._is_native(weights):
            return self._run("diagonal", None, weights, self.filters.square(), torch.empty(weights.shape[1:]))
        return self._spread(weights[None], self.filters.square())[0]

    def _responses(self, values: Tensor) -> Tensor:
        """[c, y, x] → [c, n_filters, y, x]."""
        padded = values
        for axis, n in enumerate(values.shape[1:], 1):
            padded = padded.index_select(axis, _mirrored(n, self.radius, values.device))
        return F.conv2d(padded[:, None], self.filters[:, None].to(values))

    def _spread(self, responses: Tensor, filters: Tensor) -> Tensor:
        """The adjoint of `_responses`, for these filters: [c, n_filters, y, x] → [c, y, x]."""
        wide = F.pad(responses, (2 * self.radius,) * 4)  # symmetric filters: correlation is convolution
        spread = F.conv2d(wide, filters[None].to(responses)).squeeze(1)
        for axis, n in enumerate(responses.shape[2:], 1):
            shape = list(spread.shape)
            shape[axis] = n
            spread = spread.new_zeros(shape).index_add_(axis, _mirrored(n, self.radius, spread.device), spread)
        return spread

    def _is_native(self, tensor: Tensor) -> bool:
        on_cpu = tensor.dtype == torch.float32 and tensor.device.type == "cpu"
        return on_cpu and tuple(self.filters.shape) == NATIVE and library() is not None

    def _run(self, name: str, values: Tensor | None, weights: Tensor | None, filters: Tensor, result: Tensor) -> Tensor:
        height, width = result.shape[-2:]
        held = [None if t is None else t.contiguous() for t in (values, weights, _half(filters))]  # alive during the call
        pointers = [None if t is None else t.data_ptr() for t in held]
        n_channels = 1 if values is None else len(values)
        call = CCall(*pointers, result.data_ptr(), n_channels, height, width, torch.get_num_threads())
        self._call(name, call)
        return result

    @staticmethod
    def _call(name: str, argument: ctypes.Structure) -> None:
        if getattr(library(), f"ungrid_filter_bank_{name}")(ctypes.byref(argument)):
            raise MachineError("a native kernel ran out of memory; allow less with max_memory")


def _averaged(energies: Tensor, axis: int, taps: Tensor) -> Tensor:
    """Weighted sums of neighbors along one axis; beyond the border the border's values go on."""
    n, result = energies.shape[axis], torch.zeros_like(energies)
    index = torch.arange(n, device=energies.device)
    for shift, tap in enumerate(taps.tolist(), -AVERAGE_RADIUS):
        result.add_(energies.index_select(axis, (index + shift).clamp_(0, n - 1)), alpha=tap)
    return result


def _half(filters: Tensor) -> Tensor:
    """[taps, n_filters] of one half of symmetric two-axis filters: the center, then the taps after it."""
    radius = filters.shape[-1] // 2
    after = [(dy, dx) for dy, dx in itertools.product(range(radius + 1), range(-radius, radius + 1)) if (dy, dx) > (0, 0)]
    return torch.stack([filters[:, radius + dy, radius + dx] for dy, dx in [(0, 0), *after]]).float()


def _mirrored(n: int, radius: int, device: torch.device) -> Tensor:
    """Indices of n samples with `radius` more on each side, mirrored about the first and the last one."""
    period = max(1, 2 * n - 2)
    index = torch.arange(-radius, n + radius, device=device).abs() % period
    return torch.minimum(index, period - index) if n > 1 else torch.zeros_like(index)
