"""k-space as a scanner stores it, checked: what was sampled, where, for a picture of which size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.measurements.fourier import FourierSamples, check_trajectory

LEAST_CENTER = 4  # samples along each axis of a fully sampled center that says something
HOLLOW = 3.0  # times more light at a picture's border than across its middle: it is rolled by half of itself


@dataclass(frozen=True, eq=False)
class KSpace:
    """Samples of all coils, and where they lie.

    Args:
        samples: [n, m] of n coils.
        shape: of the picture.
        mask: [*shape] booleans with m of them true, frequency 0 at N//2; or None.
        trajectory: [..., d] m frequencies in cycles per field of view; or None.
    """

    samples: Complex[Tensor, "n m"]
    shape: tuple[int, ...]
    mask: Bool[Tensor, "*shape"] | None = None
    trajectory: Float[Tensor, "*m d"] | None = None

    @property
    def n_coils(self) -> int:
        """Number of coils."""
        return len(self.samples)

    @property
    def frequencies(self) -> Float[Tensor, "m d"]:
        """Of each sample, in cycles per field of view."""
        if self.trajectory is not None:
            return self.trajectory.reshape(-1, len(self.shape)).double()
        assert self.mask is not None
        middle = torch.tensor([n // 2 for n in self.shape])
        return (self.mask.nonzero() - middle).double()

    @property
    def share(self) -> float:
        """Number of samples over that of the picture's."""
        return self.samples.shape[1] / math.prod(self.shape)

    def sensor(self, grid: Grid, coils: Tensor | None = None, *, real: bool = False) -> FourierSamples:
        """The measurement that gave the samples; of one coil without sensitivities, `measured` fits."""
        return FourierSamples(grid, mask=self.mask, trajectory=self.trajectory, coils=coils, real=real)

    def without(self, kept_out: Bool[Tensor, " m"]) -> "KSpace":
        """What is left when some samples are kept out."""
        if self.trajectory is not None:
            left = self.trajectory.reshape(-1, len(self.shape))[~kept_out]
            return replace(self, samples=self.samples[:, ~kept_out], trajectory=left)
        assert self.mask is not None
        mask = self.mask.clone()
        mask[self.mask] = ~kept_out
        return replace(self, samples=self.samples[:, ~kept_out], mask=mask)

    def center(self) -> tuple[slice, ...] | None:
        """The largest fully sampled block around frequency 0 of a mask; None for a trajectory, or where there is hardly one."""
        if self.mask is None:
            return None
        shape, half = self.shape, [0] * len(self.shape)
        growing = list(range(len(shape)))
        while growing:
            for axis in tuple(growing):
                wider = [h + (k == axis) for k, h in enumerate(half)]
                fits = wider[axis] <= (shape[axis] + 1) // 2
                if fits and bool(self.mask[_around(shape, wider)].all()):
                    half = wider
                else:
                    growing.remove(axis)
        block = _around(shape, half)
        large = all(part.stop - part.start >= min(LEAST_CENTER, n) for part, n in zip(block, shape, strict=True))
        return block if large else None

    def shifted(self, sign: float) -> "KSpace":
        """The samples with phases counted from another place of the picture: N//2 samples further along each axis."""
        turns = sum(self.frequencies[:, axis] * (n // 2) / n for axis, n in enumerate(self.shape))
        return replace(self, samples=self.samples * torch.exp(2j * torch.pi * sign * torch.as_tensor(turns)).to(self.samples))


def _around(shape: Sequence[int], half: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(max(0, n // 2 - h), min(n, n // 2 + h)) for n, h in zip(shape, half, strict=True))


def read_kspace(
    kspace: Tensor, *, mask: Tensor | None = None, trajectory: Tensor | None = None, shape: Sequence[int] | None = None
) -> KSpace:
    """k-space as it comes, checked.

    Args:
        kspace: complex [coil?, *shape] with frequency 0 at N//2, or [coil?, *m] along a trajectory.
        mask: what was sampled [*shape], 0 and 1 or booleans; sides of 1 count for all. None: where an entry is not exactly 0.
        trajectory: [*m, d] in cycles per field of view.
        shape: of the picture; of a trajectory None for the smallest that carries it, to the next even number.

    Raises:
        InputError, ShapeError: what does not go together, is not finite, or is empty.
    """
    if not kspace.is_complex():
        raise InputError(f"k-space holds {kspace.dtype} of shape {tuple(kspace.shape)}; expected complex numbers")
    if not kspace.numel() or not bool(torch.isfinite(torch.view_as_real(kspace)).all()):
        raise InputError(
            "k-space is empty, or holds NaN or infinite numbers; leave these samples out of the mask and set them to 0"
        )
    if mask is not None and trajectory is not None:
        raise InputError("give a mask or a trajectory, not both")
    if not bool(kspace.any()):
        raise InputError("k-space is 0 everywhere; there is nothing to reconstruct")
    return _along(kspace, trajectory, shape) if trajectory is not None else _cartesian(kspace, mask, shape)


def _along(kspace: Tensor, trajectory: Tensor, shape: Sequence[int] | None) -> KSpace:
    if trajectory.is_complex() or trajectory.ndim < 2 or trajectory.shape[-1] not in (2, 3):
        raise ShapeError(
            f"the trajectory is {trajectory.dtype} of shape {tuple(trajectory.shape)}; expected real (…, 2) for y, x or (…, 3) "
            f"for z, y, x"
        )
    if shape is None:
        highest = trajectory.double().abs().reshape(-1, trajectory.shape[-1]).amax(dim=0)
        if not bool(torch.isfinite(highest).all()) or float(highest.max()) <= 1.0:
            raise InputError(
                f"the trajectory goes to {float(highest.max()):.3g} cycles per field of view; one in cycles per pixel, or in "
                f"radians, is scaled by the picture's size, or by size / 2π, first"
            )
        shape = [max(2, 2 * math.ceil(float(value) - 1e-3)) for value in highest]
    points, n = check_trajectory(trajectory, tuple(shape)), tuple(trajectory.shape[:-1])
    if tuple(kspace.shape[kspace.ndim - len(n) :]) != n or kspace.ndim > len(n) + 1:
        raise ShapeError(
            f"k-space has shape {tuple(kspace.shape)}, and the trajectory names {len(points)} frequencies of shape {n}; expected "
            f"k-space of shape {n}, or (coils, *{n})"
        )
    return KSpace(kspace.reshape(-1, len(points)), tuple(shape), trajectory=trajectory.double())


def _cartesian(kspace: Tensor, mask: Tensor | None, shape: Sequence[int] | None) -> KSpace:
    if mask is None:
        if kspace.ndim not in (2, 3, 4):
            raise ShapeError(f"k-space has {kspace.ndim} axes; expected [coil?, y, x], or [coil, z, y, x]")
        mask = kspace.reshape(-1, *kspace.shape[-2:]).ne(0).any(dim=0) if kspace.ndim < 4 else kspace.ne(0).any(dim=0)
    if mask.ndim not in (2, 3) or kspace.ndim not in (mask.ndim, mask.ndim + 1):
        raise ShapeError(
            f"k-space has shape {tuple(kspace.shape)} and the mask {tuple(mask.shape)}; expected a mask [y, x] or [z, y, x], and "
            f"k-space of that shape, with an axis of coils before it or without"
        )
    sizes = tuple(kspace.shape[-mask.ndim :])
    if shape is not None and tuple(shape) != sizes:
        raise ShapeError(f"a picture of {tuple(shape)} was asked for, and k-space has {sizes}; leave the size out")
    if any(m not in (1, n) for m, n in zip(mask.shape, sizes, strict=True)):
        raise ShapeError(f"the mask has shape {tuple(mask.shape)}, and k-space {sizes}; expected the same")
    if min(sizes) < 2:
        raise ShapeError(f"k-space has shape {sizes}; expected at least 2 samples along each axis")
    if mask.is_complex() or not bool(torch.isin(mask.double(), torch.tensor([0.0, 1.0], dtype=torch.float64)).all()):
        raise InputError("the mask holds other numbers than 0 and 1; expected 1 (or True) where a frequency was sampled")
    known = mask.bool().expand(sizes).contiguous()
    if not bool(known.any()):
        raise InputError("the mask is empty: no frequency was sampled")
    _check_center(KSpace(kspace.reshape(-1, *sizes)[:, known], sizes, mask=known))
    if not bool(known[tuple(n // 2 for n in sizes)]):
        raise InputError(
            f"frequency 0, at index {tuple(n // 2 for n in sizes)}, was not sampled: nothing tells how bright the picture "
            f"is; is the mask shifted?"
        )
    found = KSpace(kspace.reshape(-1, *sizes)[:, known], sizes, mask=known)
    return found


def _check_center(kspace: KSpace) -> None:
    """Raise InputError where the strongest sample says that frequency 0 is at index 0, as FFTs leave it."""
    strongest = kspace.frequencies[int(kspace.samples.abs().square().sum(dim=0).argmax())]
    away = torch.tensor([min(abs(k), n - abs(k)) / n for k, n in zip(strongest.tolist(), kspace.shape, strict=True)])
    if min(kspace.shape) >= 8 and bool((away > 0.45).any()) and bool(((away > 0.45) | (away < 0.05)).all()):
        at = tuple(int(k) + n // 2 for k, n in zip(strongest.tolist(), kspace.shape, strict=True))
        raise InputError(
            f"k-space is strongest at index {at}, at its edge; expected frequency 0 at {tuple(n // 2 for n in kspace.shape)}: "
            f"apply numpy.fft.fftshift over its axes, and those of the mask"
        )


def is_hollow(picture: Tensor) -> bool:
    """Whether a picture [*shape] has its light at the border and none across its middle, as one that is rolled by half."""
    size = picture.abs().double()
    border, across = [], []
    for axis, n in enumerate(size.shape):
        width = max(1, n // 16)
        border += [size.narrow(axis, 0, width).mean(), size.narrow(axis, n - width, width).mean()]
        across.append(size.narrow(axis, n // 2 - width // 2 - 1, width + 1).mean())
    return bool(torch.stack(border).mean() > HOLLOW * torch.stack(across).mean())


def is_hermitian(kspace: KSpace, noise: float) -> bool:
    """Whether samples of one coil at k and −k are each other's conjugate but for noise: the picture is real.

    Args:
        kspace: on a mask; others tell nothing.
        noise: standard deviation of real and imaginary part of a sample.
    """
    if kspace.mask is None or kspace.n_coils > 1:
        return False
    gap, size, n = hermitian_gap(kspace)
    return n >= 64 and gap <= max(1.2 * noise, 1e-4 * size)


def hermitian_gap(kspace: KSpace) -> tuple[float, float, int]:
    """Of pairs k, −k that both were sampled: rms of half their difference's parts · √2, which is the noise of a real picture;
    rms of the samples; the number of pairs."""
    assert kspace.mask is not None
    waves = kspace.samples.new_zeros(kspace.shape)
    waves[kspace.mask] = kspace.samples[0]
    turned, known = _opposite(waves), kspace.mask & _opposite(kspace.mask)
    own, other = waves[known], turned[known].conj()
    if not len(own):
        return math.inf, 0.0, 0
    gap = float((own - other).abs().square().mean().sqrt()) / 2
    return gap, float(own.abs().square().mean().sqrt()), len(own)


def _opposite(waves: Tensor) -> Tensor:
    """The entry of −k at the place of k; both ends of an even axis are N/2."""
    axes = tuple(range(waves.ndim))
    return waves.flip(axes).roll(tuple(1 - n % 2 for n in waves.shape), axes)
