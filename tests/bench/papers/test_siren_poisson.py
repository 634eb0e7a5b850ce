import pytest
import torch

from ungrid.bench.papers.siren_poisson import integrated, sobel


def test_sobels_gradient_of_a_plane_is_its_slope():
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(7.0), indexing="ij")
    gradients = sobel(0.5 * rows - 0.25 * columns)
    torch.testing.assert_close(gradients[1:-1, 1:-1], torch.tensor([0.5, -0.25]).expand(7, 5, 2))


def test_a_constant_gradient_is_integrated_to_a_plane():
    pytest.importorskip("scipy")
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(7.0), indexing="ij")
    found = integrated(torch.tensor([0.5, -0.25]).expand(9, 7, 2))
    plane = (0.5 * rows - 0.25 * columns).double()
    torch.testing.assert_close(found, plane - plane.mean())
