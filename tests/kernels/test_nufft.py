import math
from importlib.util import find_spec

import pytest
import torch

from ungrid.errors import MissingExtra
from ungrid.kernels.nufft import TRANSFORMS, ExactSums, Gridding, name_of, transform

METHODS = [
    pytest.param(name, marks=pytest.mark.skipif(name == "finufft" and find_spec("finufft") is None, reason="finufft is missing"))
    for name in TRANSFORMS
]


def frequencies(shape, count=40, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return (torch.rand(count, len(shape), generator=rng, dtype=torch.float64) - 0.5) * torch.tensor(shape)


def pictures(shape, count=2, dtype=torch.complex128):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize("shape", [(13,), (9, 14), (6, 5, 8)])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_agrees_with_the_sums(name, shape):
    points, images = frequencies(shape), pictures(shape)
    found, exact = TRANSFORMS[name](shape, points).forward(images), ExactSums(shape, points).forward(images)
    assert float((found - exact).norm() / exact.norm()) < 1e-6


@pytest.mark.parametrize("name", METHODS)
def test_on_whole_frequencies_it_is_the_centered_orthonormal_fft(name):
    axes = [torch.arange(n, dtype=torch.float64) - n // 2 for n in (8, 10)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 2)
    images = pictures((8, 10))
    waves = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(images, dim=(1, 2)), norm="ortho"), dim=(1, 2))
    assert float((transform((8, 10), points, name).forward(images) - waves.flatten(1)).abs().max()) < 1e-6


@pytest.mark.parametrize("name", METHODS)
def test_the_adjoint_is_that_of_the_transform(name):
    points, images = frequencies((9, 14)), pictures((9, 14))
    method = TRANSFORMS[name]((9, 14), points)
    samples = torch.randn(2, 40, generator=torch.Generator().manual_seed(2), dtype=torch.complex128)
    forth, back = (method.forward(images).conj() * samples).sum(), (images.conj() * method.adjoint(samples)).sum()
    assert abs(complex(forth - back)) < 1e-10 * float(images.norm() * samples.norm())


@pytest.mark.parametrize("name", METHODS)
def test_gradients_and_their_gradients_are_exact(name):
    method = TRANSFORMS[name]((4, 5), frequencies((4, 5), 6))
    images = pictures((4, 5), 1).requires_grad_()
    assert torch.autograd.gradcheck(method.forward, (images,))
    assert torch.autograd.gradgradcheck(method.forward, (images,))


def test_the_transform_of_a_gaussian_is_a_gaussian():
    n, width = 48, 3.0
    at = torch.arange(n, dtype=torch.float64) - n // 2
    bump = torch.exp(-(at[:, None] ** 2 + at**2) / (2 * width**2)).to(torch.complex128)
    points = frequencies((n, n)) / 4
    expected = 2 * math.pi * width**2 / n * torch.exp(-2 * (math.pi * width / n) ** 2 * points.square().sum(dim=-1))
    assert float((Gridding((n, n), points).forward(bump[None])[0] - expected).abs().max()) < 1e-6


def test_a_shifted_delta_turns_by_its_place():
    n = 12
    image = torch.zeros(1, n, n, dtype=torch.complex128)
    image[0, n // 2 + 2, n // 2 - 3] = 1
    points = frequencies((n, n))
    turned = torch.exp(-2j * torch.pi * (points @ torch.tensor([2.0, -3.0], dtype=torch.float64)) / n) / n
    assert float((Gridding((n, n), points).forward(image)[0] - turned).abs().max()) < 1e-7


def test_small_sums_are_taken_as_they_stand_and_large_ones_are_not():
    assert name_of(transform((4, 4), frequencies((4, 4)))) == "exact"
    assert name_of(transform((400, 400), frequencies((400, 400)))) == ("finufft" if find_spec("finufft") else "gridding")


@pytest.mark.skipif(find_spec("finufft") is not None, reason="finufft is installed")
def test_a_missing_library_is_told_with_its_install_line():
    with pytest.raises(MissingExtra, match=r"ungrid\[mri\]"):
        transform((4, 4), frequencies((4, 4)), "finufft")
