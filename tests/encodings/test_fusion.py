import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.fusion import across, fuse, fuse_axes


def test_a_product_of_axes_is_their_outer_product():
    parts = [torch.randn(n, 3) for n in (4, 5, 6)]
    assert_close(fuse_axes(parts, "product"), torch.einsum("na,ma,ka->nmka", *parts))


@pytest.mark.parametrize("fusion", ["product", "sum"])
@pytest.mark.parametrize("sizes", [(4,), (4, 5), (4, 5, 6)])
def test_terms_are_summed_behind_the_joint(sizes, fusion):
    parts = [torch.randn(n, 6) for n in sizes]
    terms = fuse_axes(parts, fusion)
    assert_close(fuse_axes(parts, fusion, 2), terms[..., :3] + terms[..., 3:])


def test_a_sum_of_axes_is_their_broadcast_sum():
    first, second = torch.randn(4, 3), torch.randn(5, 3)
    assert_close(fuse_axes([first, second], "sum"), first[:, None] + second)


@pytest.mark.parametrize("fusion", ["product", "sum"])
def test_one_part_is_left_as_it_is(fusion):
    part = torch.randn(4, 3)
    assert_close(fuse_axes([part], fusion), part)
    assert_close(fuse([part], fusion), part)


def test_a_part_has_size_one_along_the_axes_that_it_lacks():
    assert across(torch.zeros(4, 6, 2), (1, 3), 4).shape == (1, 4, 1, 6, 2)
