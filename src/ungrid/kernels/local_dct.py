"""The DCT of all overlapping blocks of a grid: mean squares of its coefficients, the operator Σ Fᵀ W F, and its diagonal.

A block of some samples per axis starts at every sample that leaves room for it: at n − block + 1 places along an axis.
What belongs to coefficients, a *spectrum*, is [*places but the last axis's, coefficients but the constant, places along the
last axis]: one row of places lies together for each coefficient. Nothing here keeps a graph for gradients.
"""

import ctypes
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import MachineError, ShapeError
from ungrid.kernels.memory import empty_floats
from ungrid.kernels.native_library import library

NATIVE_BLOCKS = {(16,), *((n, n) for n in range(4, 9)), (4, 4, 4)}  # that native/local_dct.cpp has code for
FAULTS = {1: "out of memory"}


class CCall(ctypes.Structure):
    """`Call` of native/local_dct.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("values", "spectrum", "result")),
        ("n_channels", ctypes.c_int64),
        ("shape", ctypes.c_int64 * 3),
        ("block", ctypes.c_int64 * 3),
        ("n_threads", ctypes.c_int64),
    )


class CBlur(ctypes.Structure):
    """`Blur` of native/local_dct.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("data", "taps")),
        *((name, ctypes.c_int64) for name in ("radius", "n_outer", "n", "n_inner", "n_threads")),
    )


@dataclass(frozen=True)
class LocalDct:
    """The orthonormal DCT-II F of all overlapping blocks of a grid, without the constant coefficients.

    Native for float32 on the CPU and blocks in NATIVE_BLOCKS: the same bits for any number of threads. Elsewhere PyTorch
    operations serve, which are the reference.

    Args:
        shape: samples along each axis.
        block: samples of a block along each axis, at most as many.
    """

    shape: tuple[int, ...]
    block: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.block) or not all(0 < b <= n for b, n in zip(self.block, self.shape, strict=True)):
            raise ShapeError(f"blocks of {self.block} samples do not fit on a grid of {self.shape}")

    @property
    def places(self) -> tuple[int, ...]:
        """Number of blocks along each axis."""
        return tuple(n - b + 1 for n, b in zip(self.shape, self.block, strict=True))

    @property
    def spectrum_shape(self) -> tuple[int, ...]:
        """[*places but the last axis's, coefficients but the constant, places along the last axis]."""
        return (*self.places[:-1], math.prod(self.block) - 1, self.places[-1])

    def floats_per_sample(self, values: Tensor) -> int:
        """About how many floats each operation holds for a sample of `values` [c, …], with one spectrum."""
        n = math.prod(self.block)
        return n + len(values) if self._is_native(values) else n * (1 + 4 * len(values))

    def energies(self, values: Float[Tensor, "c *shape"], *, spread: float = 0.0) -> Float[Tensor, "*spectrum"]:
        """Squared coefficients, averaged over the channels and over the places around.

        Args:
            values: the samples of at least one channel.
            spread: standard deviation of the Gaussian weights of the places around, in samples. They are cut off at two of
                them; a place beyond the last counts as the last. 0 for no such average.
        """
        self._check_values(values)
        if self._is_native(values):
            spectrum = empty_floats(math.prod(self.spectrum_shape)).view(self.spectrum_shape)
            self._run("energies", values, spectrum, None)
        else:
            squares = self._coefficients(values).square().mean(0)
            spectrum = squares[..., 1:].movedim(-1, -2).contiguous()
        if spread > 0:
            for axis in (*range(len(self.shape) - 1), len(self.shape)):
                _blur_axis(spectrum, axis, spread)
        return spectrum

    def normal(self, weights: Float[Tensor, "*spectrum"], values: Float[Tensor, "c *shape"]) -> Float[Tensor, "c *shape"]:
        """Σ over blocks of Fᵀ (weights · F values): half the gradient of Σ weights · coefficient²."""
        self._check_values(values)
        self._check_weights(weights, values)
        if self._is_native(values):
            result = torch.empty_like(values, memory_format=torch.contiguous_format)
            self._run("normal", values, weights, result)
            return result
        coefficients = self._coefficients(values) * self._by_place(weights)
        return self._overlapped(coefficients, [_basis(n, values) for n in self.block])

    def diagonal(self, weights: Float[Tensor, "*spectrum"]) -> Float[Tensor, "*shape"]:
        """The diagonal of `normal` as a matrix, which is the same in each channel."""
        self._check_weights(weights, weights)
        if self._is_native(weights):
            result = weights.new_empty((1, *self.shape))
            self._run("diagonal", None, weights, result)
            return result[0]
        return self._overlapped(self._by_place(weights)[None], [_basis(n, weights).square() for n in self.block])[0]

    def _coefficients(self, values: Tensor) -> Tensor:
        """[c, *places, coefficients], the constant first."""
        for axis, n in enumerate(self.block, 1):
            values = values.unfold(axis, n, 1) @ _basis(n, values).T  # an axis's coefficients go behind those before
        return values.flatten(-len(self.block))

    def _overlapped(self, coefficients: Tensor, bases: list[Tensor]) -> Tensor:
        """[c, *places, coefficients] → [c, *shape]: where blocks overlap, what they give is added."""
        samples: Tensor = coefficients.unflatten(-1, self.block)
        for axis in range(len(self.block), 0, -1):
            samples = _overlap_add(samples @ bases[axis - 1], axis)
        return samples

    @staticmethod
    def _by_place(spectrum: Tensor) -> Tensor:
        """[*places, coefficients], with 0 for the constant."""
        return torch.nn.functional.pad(spectrum.movedim(-2, -1), (1, 0))

    def _check_values(self, values: Tensor) -> None:
        if tuple(values.shape[1:]) != self.shape or not len(values):
            raise ShapeError(f"expected at least one channel of {self.shape} samples; got {tuple(values.shape)}")

    def _check_weights(self, weights: Tensor, values: Tensor) -> None:
        if tuple(weights.shape) != self.spectrum_shape or weights.dtype != values.dtype or weights.device != values.device:
            raise ShapeError(
                f"expected weights of shape {self.spectrum_shape} in {values.dtype} on {values.device}; "
                f"got {tuple(weights.shape)} in {weights.dtype} on {weights.device}"
            )

    def _is_native(self, tensor: Tensor) -> bool:
        return self.block in NATIVE_BLOCKS and _native_takes(tensor)

    def _run(self, name: str, values: Tensor | None, spectrum: Tensor, result: Tensor | None) -> None:
        values, spectrum = None if values is None else values.contiguous(), spectrum.contiguous()
        ahead = (1,) * (3 - len(self.shape))
        call = CCall(
            values=None if values is None else values.data_ptr(),
            spectrum=spectrum.data_ptr(),
            result=None if result is None else result.data_ptr(),
            n_channels=1 if values is None else len(values),
            shape=(ctypes.c_int64 * 3)(*ahead, *self.shape),
            block=(ctypes.c_int64 * 3)(*ahead, *self.block),
            n_threads=torch.get_num_threads(),
        )
        _call(f"ungrid_local_dct_{name}", call)


def _basis(n: int, like: Tensor) -> Tensor:
    """The orthonormal DCT-II [coefficient, sample]."""
    k = torch.arange(n, dtype=torch.float64, device=like.device)
    basis = torch.cos(torch.pi / n * (k + 0.5) * k[:, None]) * math.sqrt(2 / n)
    basis[0] = math.sqrt(1 / n)
    return basis.to(like.dtype)


def _overlap_add(samples: Tensor, axis: int) -> Tensor:
    """[…, places at `axis`, …, block] → […, places + block − 1, …]."""
    n_places, n = samples.shape[axis], samples.shape[-1]
    shape = list(samples.shape[:-1])
    shape[axis] += n - 1
    result = samples.new_zeros(shape)
    for j in range(n):
        result.narrow(axis, j, n_places).add_(samples[..., j])
    return result


def _blur_axis(spectrum: Tensor, axis: int, spread: float) -> None:
    """Average along one axis with Gaussian weights, in place, because a spectrum is large."""
    radius = math.ceil(2 * spread)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=torch.float64) / spread) ** 2)
    taps = (taps / taps.sum()).to(spectrum.dtype)
    n = spectrum.shape[axis]
    if _native_takes(spectrum):
        outer, inner = math.prod(spectrum.shape[:axis]), math.prod(spectrum.shape[axis + 1 :])
        _call("ungrid_blur_axis", CBlur(spectrum.data_ptr(), taps.data_ptr(), radius, outer, n, inner, torch.get_num_threads()))
        return
    before, position = spectrum.clone(), torch.arange(n, device=spectrum.device)
    spectrum.zero_()
    for shift, tap in zip(range(-radius, radius + 1), taps.tolist(), strict=True):
        spectrum.add_(before.index_select(axis, (position + shift).clamp(0, n - 1)), alpha=tap)


def _native_takes(tensor: Tensor) -> bool:
    return tensor.dtype == torch.float32 and tensor.device.type == "cpu" and library() is not None


def _call(name: str, argument: ctypes.Structure) -> None:
    code = getattr(library(), name)(ctypes.byref(argument))
    if code:
        raise MachineError(f"a native kernel stopped: {FAULTS.get(code, f'code {code}')}")
