"""What a magnetic resonance scanner measures: samples of a picture's Fourier transform, seen by one coil or by several."""

import functools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.kernels.nufft import transform
from ungrid.measurements.linear import LinearMeasurement
from ungrid.measurements.sample_density import density_weights

EDGE = 0.5 + 1e-6  # of a field of view's samples: the highest frequency that they carry


class FourierSamples(LinearMeasurement):
    """y(coil, k) = Σ_r s(coil, r) x(r) exp(−2πi k·(r − N//2)/N) / √ΠN: the orthonormal Fourier transform, at some frequencies.

    A complex picture is a field of two channels, its real and imaginary part. Frequencies are counted in cycles per field of
    view, phases from the sample at index N//2 along each axis; on a Cartesian mask frequency 0 is at index N//2, too.

    Args:
        grid: of the picture, on 1 to 3 axes.
        mask: [*grid.shape] booleans, which frequencies of the FFT were sampled; None, without a trajectory, for all.
        trajectory: [..., d] frequencies in the order of the grid's axes, at most N/2 in size; instead of a mask.
        coils: [n, *grid.shape] complex sensitivities of n coils; None for one that sees all alike.
        real: the picture is real: a field of one channel.
        method: of transforming along a trajectory, a name in `kernels.nufft.TRANSFORMS`; "auto" for the fastest there is.

    Shape: field → complex samples [m], with coils [n, m]: in the order of the trajectory, or of the mask's true entries, so that
        of an array of k-space they are `kspace[..., mask]`.

    Raises:
        ShapeError: mask, trajectory or coils that do not go with the grid.
        InputError: both mask and trajectory, no samples at all, frequencies that the grid does not carry.
    """

    paper = "pruessmann1999sense"

    def __init__(
        self,
        grid: Grid,
        *,
        mask: Bool[Tensor, "*shape"] | None = None,
        trajectory: Float[Tensor, "*m d"] | None = None,
        coils: Complex[Tensor, "n *shape"] | None = None,
        real: bool = False,
        method: str = "auto",
    ):
        if mask is not None and trajectory is not None:
            raise InputError("samples lie on a mask or along a trajectory; give one of them")
        if coils is not None and (tuple(coils.shape[1:]) != grid.shape or not coils.is_complex() or not len(coils)):
            found = f"{coils.dtype} of shape {tuple(coils.shape)}"
            raise ShapeError(f"the coils' sensitivities are {found}; expected complex numbers of shape (n, *{grid.shape})")
        self.grid, self.mask, self.trajectory, self.coils = grid, mask, trajectory, coils
        self.real, self.method = real, method
        self.transform = None if trajectory is None else transform(grid.shape, check_trajectory(trajectory, grid.shape), method)
        self._rows = _rows_of(mask, grid.shape) if trajectory is None else None
        self._axes = tuple(range(-len(grid.shape), 0))

    @property
    def n_coils(self) -> int:
        """Number of coils."""
        return 1 if self.coils is None else len(self.coils)

    @functools.cached_property
    def metric(self) -> Float[Tensor, " m"] | None:
        """How much each sample along a trajectory counts, see `density_weights`; None on a mask, where all count alike."""
        return None if self.transform is None else density_weights(self.grid.shape, self.transform.points)

    @property
    def is_complex(self) -> bool:
        """Whether the two channels of a field are real and imaginary part: its frequencies then differ by their sign."""
        return not self.real

    def A(self, values: Float[Tensor, "*shape c"], /) -> Complex[Tensor, "*n m"]:
        """Samples of a picture."""
        if values.shape[-1] != (1 if self.real else 2):
            expected = "one channel, its real part" if self.real else "two channels, real and imaginary part"
            raise ShapeError(f"the field has {values.shape[-1]} channels; expected {expected}")
        picture = to_complex(values)
        if self.coils is None:
            return self._seen(picture[None])[0]
        return self._seen(picture * self.coils.to(picture))

    def A_adjoint(self, seen: Complex[Tensor, "*n m"], /) -> Float[Tensor, "*shape c"]:
        """The adjoint, for the real inner product."""
        if self.coils is None:
            return self._parts(self._back(seen[None])[0])
        pictures = self._back(seen)
        return self._parts((self.coils.conj().to(pictures) * pictures).sum(dim=0))

    def _seen(self, pictures: Tensor) -> Tensor:
        if self.transform is not None:
            return self.transform.forward(pictures)
        waves = torch.fft.fftn(torch.fft.ifftshift(pictures, dim=self._axes), dim=self._axes, norm="ortho")
        assert self._rows is not None
        seen: Tensor = waves.flatten(1)[:, self._rows.to(waves.device)]
        return seen

    def _back(self, seen: Tensor) -> Tensor:
        if self.transform is not None:
            return self.transform.adjoint(seen)
        assert self._rows is not None
        waves = seen.new_zeros(len(seen), self.grid.size).index_copy(1, self._rows.to(seen.device), seen)
        pictures = torch.fft.ifftn(waves.unflatten(1, self.grid.shape), dim=self._axes, norm="ortho")
        centered: Tensor = torch.fft.fftshift(pictures, dim=self._axes)
        return centered

    def _parts(self, picture: Tensor) -> Tensor:
        return picture.real[..., None] if self.real else torch.view_as_real(picture)


def to_complex(values: Float[Tensor, "*shape c"]) -> Complex[Tensor, "*shape"]:
    """A field's values as complex numbers: of one channel, or of real and imaginary part."""
    if values.shape[-1] == 1:
        return torch.complex(values[..., 0], torch.zeros_like(values[..., 0]))
    return torch.complex(values[..., 0], values[..., 1])


def check_trajectory(trajectory: Tensor, shape: Sequence[int]) -> Float[Tensor, "m d"]:
    """A trajectory's frequencies [m, d] in float64, all of them within what a grid carries.

    Raises:
        ShapeError: the last axis does not have an entry for each of the grid's.
        InputError: none, or some that are not finite or too high.
    """
    if trajectory.ndim < 1 or trajectory.shape[-1] != len(shape) or trajectory.is_complex():
        raise ShapeError(
            f"the trajectory is {trajectory.dtype} of shape {tuple(trajectory.shape)}; expected real frequencies "
            f"(…, {len(shape)}) along the axes of a picture of {tuple(shape)}"
        )
    points = trajectory.reshape(-1, len(shape)).double()
    if not len(points) or not bool(torch.isfinite(points).all()):
        raise InputError("the trajectory is empty, or some of its frequencies are NaN or infinite")
    for axis, n in enumerate(shape):
        highest = float(points[:, axis].abs().max())
        if highest > EDGE * n:
            raise InputError(
                f"the trajectory goes to {highest:.6g} cycles per field of view along axis {axis}, beyond the {n / 2:g} that "
                f"{n} samples carry; frequencies are in cycles per field of view: ask for a larger picture, or scale them"
            )
    return points


def _rows_of(mask: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """Where the FFT, whose first frequency is 0, has those that a mask with frequency 0 in the middle names."""
    places: Tensor = torch.fft.fftshift(torch.arange(math.prod(shape)).reshape(shape))
    if mask is None:
        return places.flatten()
    if tuple(mask.shape) != shape or mask.dtype != torch.bool:
        raise ShapeError(f"the mask has {mask.dtype} of shape {tuple(mask.shape)}; expected booleans of shape {shape}")
    if not bool(mask.any()):
        raise InputError("the mask is empty: no frequency was sampled")
    return places[mask]
