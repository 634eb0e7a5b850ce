import math

import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, UnknownName
from ungrid.networks.cppn import Cppn
from ungrid.presets.art import DEPTH, SYMMETRIES, WIDTH, calibrate, cppn, liveliness, pattern_of, random_art
from ungrid.presets.published import siren
from ungrid.testing.toys import pixel_box


def drawn(field, n=40):
    return field.sample(Grid(field.box, (n, n)))


def test_the_same_seed_is_the_same_picture_and_another_seed_another():
    first, again, other = (random_art(seed, size=(64, 64)) for seed in (3, 3, 4))
    assert torch.equal(drawn(first), drawn(again))
    assert not torch.allclose(drawn(first), drawn(other), atol=0.1)


def test_a_picture_is_the_same_at_any_size_of_the_same_proportions():
    small, large = random_art(5, size=(40, 60)), random_art(5, size=(400, 600))
    assert_close(small.sample(Grid(small.box, (20, 30))), large.sample(Grid(large.box, (20, 30))), rtol=0, atol=1e-4)


def test_a_picture_is_a_field_like_any_other(tmp_path):
    field = ug.art(11, size=(48, 64))
    field.save(tmp_path / "a.ung")
    loaded = ug.load(tmp_path / "a.ung")
    assert torch.equal(drawn(loaded), drawn(field))
    assert ug.render(loaded, tmp_path / "a.png", size=(96, 128)) == (96, 128, 3)
    assert loaded.record.fit == {"preset": "art", "seed": 11, "symmetry": field.record.fit["symmetry"]}
    assert "stanley2007compositional" in ug.cite(loaded)


@pytest.mark.parametrize("seed", range(12))
def test_pictures_are_neither_gray_nor_of_one_color_nor_noise(seed):
    picture = drawn(random_art(seed, size=(64, 64)), 64)
    gray = picture.mean(dim=-1)
    assert picture.flatten(0, 1).std(dim=0).mean() > 0.1, "contrast"
    assert (picture - gray[..., None]).norm(dim=-1).mean() > 0.03, "color"
    assert torch.histc(gray, 10, 0, 1).max() < 0.6 * gray.numel(), "no brightness is nearly all there is"
    assert picture.diff(dim=0).abs().mean() < 0.1, "neighbors are alike"
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_most_pictures_have_no_symmetry_and_some_have():
    names = [random_art(seed, size=(16, 16)).record.fit["symmetry"] for seed in range(30)]
    assert set(names) <= set(SYMMETRIES)
    assert names.count("none") > 12
    assert len(set(names)) >= 3


def test_a_symmetry_that_is_asked_for_is_there():
    mirrored, tile, star = (drawn(random_art(2, size=(64, 64), symmetry=name)) for name in ("mirror", "tile", "kaleidoscope"))
    assert_close(mirrored, mirrored.flip(1), rtol=0, atol=1e-4)
    assert_close(star, star.flip(1), rtol=0, atol=1e-3)
    inside = tile.diff(dim=0).abs().amax()
    assert (tile[0] - tile[-1]).abs().amax() <= inside + 1e-3, "the seam is no larger a step than any other"


def test_forms_are_round_in_an_oblong_picture():
    field = random_art(0, size=(100, 300))
    scale = field.encoding.scale
    assert scale[1] / scale[0] == pytest.approx(3)


def test_all_pictures_have_networks_of_the_same_sizes():
    for seed in range(3):
        pattern = pattern_of(random_art(seed, size=(16, 16)))
        assert isinstance(pattern, Cppn)
        assert (pattern.in_dim, pattern.width, pattern.depth) == (11, WIDTH, DEPTH)


def test_a_calibrated_pattern_has_median_zero_and_reaches_over_one_in_a_tenth_each():
    field = random_art(1, size=(48, 48))
    with torch.no_grad():
        last = pattern_of(field).layers[-1]
        last.weight.mul_(50)
        last.bias.add_(7)
    calibrate(field)
    pattern = pattern_of(field)(field.encoding(field.box.normalize(Grid(field.box, (48, 48)).points()).flatten(0, 1)))
    assert_close(pattern.median(dim=0).values, torch.zeros(2), rtol=0, atol=0.02)
    low, high = torch.quantile(pattern, torch.tensor([0.1, 0.9]), dim=0)
    assert_close(high - low, torch.full((2,), 2.0), rtol=0, atol=0.02)


def test_calibrating_leaves_other_fields_alone():
    field = siren(pixel_box(), 3, width=8, depth=1)
    before = {name: tensor.clone() for name, tensor in field.state_dict().items()}
    calibrate(field)
    assert all(torch.equal(tensor, before[name]) for name, tensor in field.state_dict().items())
    assert pattern_of(field) is None


def test_a_lively_picture_is_preferred_to_a_flat_one():
    field = random_art(6, size=(48, 48))
    before = liveliness(field)
    with torch.no_grad():
        field.network.amplitude.zero_()
    assert liveliness(field) < before


@pytest.mark.parametrize("size", [(0, 5), (5, 10**6), (5,), (2.5, 3)])
def test_a_size_out_of_range_is_refused(size, unchecked_types):
    with pytest.raises(InputError, match="size is"):
        random_art(0, size=size)


def test_a_seed_or_symmetry_that_is_none_is_refused():
    with pytest.raises(InputError, match="seed is -1"):
        random_art(-1)
    with pytest.raises(UnknownName, match="did you mean 'mirror'"):
        random_art(0, symmetry="miror")


def test_the_preset_to_fit_is_of_the_sizes_that_its_docstring_says():
    field = cppn(pixel_box(100, 400), 3)
    network = field.network
    assert (network.width, network.depth, network.weight_scale) == (64, 5, 0.25)
    assert math.prod(field.encoding.scale) == pytest.approx(144)
    assert field.encoding.out_dim == 3
    assert (field.recipe.learning_rate, field.recipe.steps, field.recipe.batch_size) == (3e-3, 1000, 8192)
    assert network.smoothness == math.inf, "no function with a kink: only the radius has one"
