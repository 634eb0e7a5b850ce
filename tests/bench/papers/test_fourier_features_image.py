import pytest
import torch

from ungrid.bench.papers.fourier_features_image import PUBLISHED, SETTING, encoding_of, odd_pixels


@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_a_plane_is_interpolated_exactly_within_the_border(method):
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    plane = (0.03 * rows - 0.02 * columns)[..., None]
    found = odd_pixels(plane[::2, ::2], method)
    torch.testing.assert_close(found[1:-2, 1:-2], plane[1::2, 1::2][1:-2, 1:-2])
    assert found.shape == plane[1::2, 1::2].shape


def test_bilinear_is_the_mean_of_the_four_neighbors():
    even = torch.rand(5, 6, 3, generator=torch.Generator().manual_seed(0))
    assert odd_pixels(even, "bilinear")[1, 2, 0] == pytest.approx(float(even[1:3, 2:4, 0].mean()), rel=1e-5)


def test_encodings_are_the_papers():
    sizes = {method: encoding_of(method, 0)[0].out_dim for method in PUBLISHED}
    assert sizes == {"none": 2, "basic": 4, "positional": 512, "gaussian": 512}
    assert [encoding_of(method, 0)[1] for method in PUBLISHED] == [1e-2, 1e-2, 1e-3, 1e-3]
    assert SETTING.published["gaussian"].psnr == 25.568
