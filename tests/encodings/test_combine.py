import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings import ENCODINGS
from ungrid.encodings.base import Encoding
from ungrid.encodings.combine import CoarseToFine, Concatenate
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.frequency import Frequency
from ungrid.encodings.hash_grid import HashGrid
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.spec import from_spec, to_spec


class WithoutOctaves(Encoding):
    """An encoding that knows no octaves."""

    in_dim = out_dim = 2

    def forward(self, coords):
        return coords


def test_concatenated_features_lie_side_by_side():
    coords = torch.rand(5, 2)
    parts = (Identity(2), Frequency(2, 3), DenseGrid(2, ((4, 4),), init_scale=1.0))
    assert_close(Concatenate(parts)(coords), torch.cat([part(coords) for part in parts], dim=-1))
    axes = [torch.linspace(-1, 1, 4), torch.linspace(-0.5, 1, 4)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    assert_close(Concatenate(parts).on_axes(axes), Concatenate(parts)(points))


def test_concatenate_has_the_octaves_of_its_parts_or_none():
    assert Concatenate((Identity(2), Frequency(2, 1))).octaves().tolist() == [0] * 6
    assert Concatenate((Identity(2), WithoutOctaves())).octaves() is None


def test_concatenate_refuses_no_parts_and_unequal_dimensions():
    with pytest.raises(InputError, match="got 0 encodings"):
        Concatenate(())
    with pytest.raises(InputError, match=r"in_dim \[2, 3\]"):
        Concatenate((Identity(2), Identity(3)))


@pytest.mark.parametrize("done", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_the_mask_around_coords_and_frequencies_is_barfs_window(done):
    n = 4
    encoding = CoarseToFine(Frequency(1, n, include_coords=True))
    encoding.anneal(done)
    windows = [(1 - math.cos(math.pi * min(max(done * n - k, 0), 1))) / 2 for k in range(n)]
    assert_close(encoding.mask(), torch.tensor([1.0] + 2 * windows), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("end", [0.1, 0.3, 0.7, 1.0])
def test_the_mask_is_exactly_one_from_the_end_on(end, dtype):
    encoding = CoarseToFine(HashGrid(2, 5, log2_hashmap_size=6, per_level_scale=1.3), start=0.05, end=end)
    for progress in (end, 1.0):
        encoding.anneal(progress)
        assert (encoding.to(dtype).mask() == 1).all()


def test_at_the_start_only_the_lowest_octave_is_open():
    encoding = CoarseToFine(Frequency(1, 3), start=0.2, end=0.8)
    encoding.anneal(0.2)
    assert encoding.mask().tolist() == [1, 0, 0, 1, 0, 0]


def test_the_mask_opens_monotonically():
    encoding = CoarseToFine(FourierFeatures(2, 16, bandwidth=4.0))
    masks = []
    for step in range(11):
        encoding.anneal(step / 10)
        masks.append(encoding.mask().clone())
    assert (torch.stack(masks).diff(dim=0) >= 0).all()


def test_an_encoding_that_was_never_annealed_is_fully_open():
    inner = Frequency(2, 3)
    coords = torch.rand(5, 2)
    assert_close(CoarseToFine(inner)(coords), inner(coords), rtol=0, atol=0)


def test_the_mask_multiplies_the_features_also_on_axes():
    inner = DenseGrid(1, ((4,), (16,)), init_scale=1.0)
    encoding = CoarseToFine(inner)
    encoding.anneal(0.4)
    axis = torch.linspace(-1, 1, 9)
    assert_close(encoding(axis[:, None]), encoding.mask() * inner(axis[:, None]))
    assert_close(encoding.on_axes([axis]), encoding(axis[:, None]))


def test_progress_is_saved_with_the_field():
    encoding, other = CoarseToFine(Frequency(2, 3)), CoarseToFine(Frequency(2, 3))
    encoding.anneal(0.25)
    other.load_state_dict(encoding.state_dict())
    assert other.progress == 0.25


def test_coarse_to_fine_refuses_what_it_cannot_open():
    with pytest.raises(InputError, match="WithoutOctaves has no octaves"):
        CoarseToFine(WithoutOctaves())
    for start, end in [(0.5, 0.5), (0.8, 0.2), (-0.1, 1.0), (0.0, math.nan)]:
        with pytest.raises(InputError, match=r"start|end"):
            CoarseToFine(Identity(1), start=start, end=end)
    with pytest.raises(InputError, match="progress"):
        CoarseToFine(Identity(1)).anneal(1.5)


def test_nested_encodings_are_rebuilt_from_their_spec():
    encoding = CoarseToFine(Concatenate((Identity(2), FourierFeatures(2, 4, seed=3))), start=0.1, end=0.6)
    rebuilt = from_spec(to_spec(encoding), ENCODINGS)
    assert to_spec(rebuilt) == to_spec(encoding)
    coords = torch.rand(5, 2)
    assert_close(rebuilt(coords), encoding(coords), rtol=0, atol=0)


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_is_listed_under_its_own_name(name):
    assert ENCODINGS[name].__name__ == name
    assert issubclass(ENCODINGS[name], Encoding)
