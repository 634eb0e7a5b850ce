import pytest
import torch
from torch.testing import assert_close

from ungrid.differentiate import gradient, hessian, laplacian
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.algebra import Blended, Product, Stitched, Sum
from ungrid.testing.analytic_fields import MM_BOX, LineField, WaveField, places
from ungrid.testing.toys import plane_wave

K, L = (1.0, 0.5), (-0.3, 2.0)
WAVE, OTHER = plane_wave(K), plane_wave(L)


def wave():
    return WaveField((K,))


def other():
    return WaveField((L,))


def outer(a, b):
    """aᵀb + bᵀa of gradients [n, 1, d]."""
    return a[..., :, None] * b[..., None, :] + b[..., :, None] * a[..., None, :]


def test_a_sum_and_its_derivatives_are_the_weighted_sums():
    total, x = Sum((wave(), other()), (2.0, -3.0), (0.5,)), places()
    assert_close(total(x), 2 * WAVE(x) - 3 * OTHER(x) + 0.5)
    assert_close(gradient(total, x), 2 * WAVE.gradient(x) - 3 * OTHER.gradient(x))
    assert_close(laplacian(total, x), 2 * WAVE.laplacian(x) - 3 * OTHER.laplacian(x))


def test_a_sum_without_weights_counts_each_field_once():
    x = places()
    assert Sum((wave(), other())).weights == (1.0, 1.0)
    assert_close(Sum((wave(), other()))(x), WAVE(x) + OTHER(x))


def test_a_product_has_the_derivatives_of_the_product_rule():
    product, x = Product((wave(), other())), places()
    f, g, df, dg = WAVE(x), OTHER(x), WAVE.gradient(x), OTHER.gradient(x)
    assert_close(product(x), f * g)
    assert_close(gradient(product, x), df * g[..., None] + f[..., None] * dg)
    expected = WAVE.hessian(x) * g[..., None, None] + outer(df, dg) + OTHER.hessian(x) * f[..., None, None]
    assert_close(hessian(product, x), expected)


def test_one_channel_stands_for_all():
    colors, x = WaveField((K, L, (0.1, 0.2))), places()
    assert_close(Product((colors, wave()))(x), colors(x) * WAVE(x))
    assert_close(Sum((wave(), colors), offset=(1.0, 2.0, 3.0))(x), colors(x) + WAVE(x) + torch.tensor([1.0, 2.0, 3.0]))
    assert Product((wave(), colors)).out_dim == 3


def test_a_blend_follows_its_mask_and_has_its_slope():
    mask = LineField(((0.25, 0.0),), (0.0,))  # from 0 at y = 0 to 1 at y = 4
    blend, x = Blended(wave(), other(), mask), places()
    w, dw = x[:, :1] / 4, torch.tensor([0.25, 0.0], dtype=torch.float64)
    assert_close(blend(x), (1 - w) * WAVE(x) + w * OTHER(x))
    slope = (OTHER(x) - WAVE(x))[..., None] * dw + (1 - w)[..., None] * WAVE.gradient(x) + w[..., None] * OTHER.gradient(x)
    assert_close(gradient(blend, x), slope)


def test_a_mask_of_zero_or_one_leaves_one_field():
    x = places()
    assert torch.equal(Blended(wave(), other(), LineField(((0.0, 0.0),), (0.0,)))(x), wave()(x))
    assert torch.equal(Blended(wave(), other(), LineField(((0.0, 0.0),), (1.0,)))(x), other()(x))


def test_a_seam_leaves_each_field_alone_beyond_it_and_is_their_mean_in_its_middle():
    seam = Stitched(wave(), other(), "x", 2.0, 1.0)
    below, middle, above = (torch.tensor([[1.0, x]], dtype=torch.float64) for x in (1.4, 2.0, 2.6))
    assert torch.equal(seam(below), wave()(below))
    assert torch.equal(seam(above), other()(above))
    assert_close(seam(middle), (WAVE(middle) + OTHER(middle)) / 2)


def test_a_seam_has_the_slope_of_its_polynomial_in_units_of_the_box():
    seam = Stitched(LineField(((0.0, 0.0),), (0.0,)), LineField(((0.0, 0.0),), (1.0,)), "x", 2.0, 1.6)
    at = torch.tensor([[1.0, 2.0], [1.0, 1.6], [1.0, 1.19], [1.0, 2.81]], dtype=torch.float64)
    t = ((at[:, 1] - 2) / 1.6 + 0.5).clamp(0, 1)
    assert_close(seam(at)[:, 0], 6 * t**5 - 15 * t**4 + 10 * t**3)
    assert_close(gradient(seam, at)[:, 0], torch.stack([0 * t, 30 * t**2 * (1 - t) ** 2 / 1.6], dim=-1))
    assert_close(laplacian(seam, at)[:, 0], 60 * t * (1 - t) * (1 - 2 * t) / 1.6**2)


def test_grids_go_to_the_parts():
    first, second = wave(), other()
    grid = Grid(MM_BOX, (3, 6))
    for made in (Sum((first, second)), Product((first, second)), Blended(first, second, wave())):
        first.asked.clear()
        assert_close(made.on(grid), made(grid.points(dtype=torch.float64)))
        assert first.asked == [grid]


def test_a_stitched_grid_is_drawn_by_each_field_only_where_it_is_seen():
    first, second = wave(), other()
    seam, grid = Stitched(first, second, "x", 2.0, 1.5), Grid(MM_BOX, (2, 12))
    assert_close(seam.on(grid), seam(grid.points(dtype=torch.float64)))
    # centers at -0.75, -0.25 … 4.75: two of twelve lie inside the seam, from 1.25 to 2.75
    assert [asked.shape for asked in first.asked] == [(2, 5), (2, 2)]
    assert [asked.shape for asked in second.asked] == [(2, 2), (2, 5)]


@pytest.mark.parametrize("at", [-1.0, 5.0])
def test_a_seam_at_the_end_of_the_box_is_drawn(at):
    seam, grid = Stitched(wave(), other(), "x", at, 1.0), Grid(MM_BOX, (2, 12))
    assert_close(seam.on(grid), seam(grid.points(dtype=torch.float64)))


def test_a_seam_is_as_smooth_as_its_polynomial_and_others_as_their_parts():
    assert Stitched(wave(), other(), "x", 2.0, 1.0).smoothness == 2.0
    assert Sum((wave(), other())).smoothness == wave().smoothness


def test_no_field_and_wrong_numbers_are_refused():
    with pytest.raises(InputError, match="got no field"):
        Sum(())
    with pytest.raises(InputError, match="got no field"):
        Product(())
    with pytest.raises(InputError, match="got 1 weights and 1 offsets; expected 2, and 1 or 1"):
        Sum((wave(), other()), (1.0,))
    with pytest.raises(InputError, match="a weight or offset is 10000000000000"):
        Sum((wave(),), (1e13,))


def test_masks_of_other_channels_and_seams_beyond_the_box_are_refused():
    with pytest.raises(InputError, match="the mask has 2 channels; expected 1 or 1"):
        Blended(wave(), other(), WaveField((K, L)))
    with pytest.raises(InputError, match=r"the seam is at x = 5\.5, 1 wide; expected a place from -1 to 5"):
        Stitched(wave(), other(), "x", 5.5, 1.0)
    with pytest.raises(InputError, match="a width above 0"):
        Stitched(wave(), other(), "x", 2.0, 0.0)
    with pytest.raises(InputError, match="no axis 'z'"):
        Stitched(wave(), other(), "z", 2.0, 1.0)
