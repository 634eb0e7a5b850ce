"""What the coils of a scanner see, found in the fully sampled middle of k-space."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Complex
from torch import Tensor

from ungrid.errors import InputError
from ungrid.kernels.nufft import transform
from ungrid.measurements.kspace import KSpace

MIDDLE = 12  # cycles per field of view, up to which a trajectory is read for this
ITERATIONS = 12  # of Landweber's method there
KERNEL = {1: 6, 2: 6, 3: 4}  # samples along each axis of a kernel, by the number of axes; 6 as in the paper
KEPT = 0.02  # of the largest singular value: kernels below it see noise alone (the paper's figures keep 0.01 to 0.05)
COARSE = {1: 64, 2: 64, 3: 24}  # samples along each axis on which eigenvectors are found; sensitivities are smooth


def sensitivities(kspace: KSpace) -> Complex[Tensor, "n *shape"]:
    """Sensitivities of the coils, Σ |s|² = 1 at every sample of the picture (uecker2014espirit).

    Windows of k-space's middle, as rows of a matrix, span only a part of what they could, since all coils see one picture
    through smooth sensitivities; those are, at each place, the eigenvector of the projection onto that span with the
    eigenvalue 1. Its phase is that of the coils' first principal component.

    Raises:
        InputError: one coil, or hardly a fully sampled middle.
    """
    if kspace.n_coils < 2:
        raise InputError("sensitivities are those of several coils; k-space has one")
    block = middle(kspace)
    kernels = _signal_kernels(block)
    coarse = tuple(min(n, COARSE[len(kspace.shape)]) for n in kspace.shape)
    vectors = _eigenvectors(kernels, coarse, _principal(block))
    return _enlarged(vectors, kspace.shape)


def middle(kspace: KSpace) -> Complex[Tensor, "n *size"]:
    """Of all coils the fully sampled middle of k-space, frequency 0 at N//2; along a trajectory, what its samples say of it.

    Raises:
        InputError: the middle of a mask has not 4 samples along each axis.
    """
    if kspace.trajectory is not None:
        return _middle_along(kspace)
    where = kspace.center()
    if where is None:
        raise InputError(
            "k-space's middle is not sampled in full, so that the coils' sensitivities cannot be found in it; give them with "
            "coils (--coils C.npy)"
        )
    assert kspace.mask is not None
    waves = kspace.samples.new_zeros(kspace.n_coils, *kspace.shape)
    waves[:, kspace.mask] = kspace.samples
    size = [min(part.stop - part.start, 2 * MIDDLE) for part in where]
    size = [n - n % 2 for n in size]
    inner = tuple(slice(n // 2 - m // 2, n // 2 + m // 2) for n, m in zip(kspace.shape, size, strict=True))
    return waves[(slice(None), *inner)]


def _middle_along(kspace: KSpace) -> Tensor:
    """By steps down the misfit of the samples in the middle, on a picture as coarse as they are."""
    limits = [min(MIDDLE, n // 2) for n in kspace.shape]
    points = kspace.frequencies
    inside = (points.abs() <= torch.tensor(limits, dtype=torch.float64) - 0.5).all(dim=-1)
    if int(inside.sum()) < math.prod(limits):
        raise InputError(
            "the trajectory has too few samples near frequency 0 to find the coils' sensitivities; give them with coils"
        )
    shape = tuple(2 * limit for limit in limits)
    along = transform(shape, points[inside])
    scale = math.sqrt(math.prod(shape) / math.prod(kspace.shape))  # each transform is orthonormal on its own picture
    samples = kspace.samples[:, inside] * scale
    radius = points[inside].norm(dim=-1).clamp_min(0.5).pow(len(shape) - 1).to(samples.real)  # evens out how dense readouts lie
    images = samples.new_zeros(kspace.n_coils, *shape)
    step = 1 / _largest(lambda x: along.adjoint(radius * along.forward(x)), images[:1])
    for _ in range(ITERATIONS):
        images = images + step * along.adjoint(radius * (samples - along.forward(images)))
    axes = tuple(range(1, images.ndim))
    waves: Tensor = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(images, dim=axes), dim=axes, norm="ortho"), dim=axes)
    return waves


def _largest(apply: Callable[[Tensor], Tensor], like: Tensor) -> float:
    """Largest eigenvalue, by powers, and a tenth more."""
    x = torch.ones_like(like)
    for _ in range(8):
        x = apply(x / x.norm())
    return 1.1 * float(x.norm())


def _signal_kernels(block: Complex[Tensor, "n *size"]) -> Complex[Tensor, "k n *width"]:
    """An orthonormal basis of what windows of the block span, noise left out."""
    width = tuple(min(KERNEL[block.ndim - 1], (n + 1) // 2) for n in block.shape[1:])
    windows = block
    for axis, w in enumerate(width):
        windows = windows.unfold(axis + 1, w, 1)
    rows = windows.movedim(0, len(width)).reshape(-1, len(block) * math.prod(width))
    rows = rows.to(torch.complex128)
    sizes, basis = torch.linalg.eigh(rows.mH @ rows)  # squares of singular values, rising; right singular vectors as columns
    kept: Tensor = basis[:, sizes > KEPT**2 * sizes[-1]].mH
    return kept.reshape(-1, len(block), *width)


def _eigenvectors(kernels: Tensor, shape: tuple[int, ...], reference: Tensor) -> Complex[Tensor, "n *shape"]:
    """Of the kernels' projection, at each sample of a picture, the eigenvector of the largest eigenvalue."""
    count, n_coils, *width = kernels.shape
    images = torch.zeros(count, n_coils, *shape, dtype=torch.complex64)
    inner = tuple(slice(n // 2 - w // 2, n // 2 - w // 2 + w) for n, w in zip(shape, width, strict=True))
    images[(slice(None), slice(None), *inner)] = kernels.to(images)
    axes = tuple(range(2, images.ndim))
    images = torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(images, dim=axes), dim=axes), dim=axes)
    at = images.movedim((0, 1), (-2, -1))  # [*shape, k, n]
    gram = at.mT @ at.conj()
    _, vectors = torch.linalg.eigh(gram)
    best = vectors[..., -1]
    turn = best @ reference.conj().to(best)
    best = best * (turn.abs() / turn.where(turn.abs() > 0, torch.ones_like(turn)))[..., None]
    found: Tensor = best.movedim(-1, 0)
    return found


def _principal(block: Tensor) -> Tensor:
    """The mixture of coils that holds most of the block."""
    flat = block.flatten(1).to(torch.complex64)
    _, vectors = torch.linalg.eigh(flat @ flat.mH)
    strongest: Tensor = vectors[:, -1]
    return strongest


def _enlarged(vectors: Complex[Tensor, "n *coarse"], shape: tuple[int, ...]) -> Complex[Tensor, "n *shape"]:
    """On the picture's grid, by straight lines between samples, each of size 1 again."""
    if tuple(vectors.shape[1:]) == shape:
        return vectors
    parts = torch.cat([vectors.real, vectors.imag])[None]
    modes = {1: "linear", 2: "bilinear", 3: "trilinear"}
    finer = torch.nn.functional.interpolate(parts, size=shape, mode=modes[len(shape)], align_corners=False)[0]
    found = torch.complex(*finer.chunk(2))
    return found / found.abs().square().sum(dim=0, keepdim=True).sqrt().clamp_min(1e-12)
