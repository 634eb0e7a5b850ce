import os

import pytest
import torch

from ungrid.bench import classical
from ungrid.bench.classical import MOST_BIHARMONIC, cubic, linear, scattered


@pytest.mark.parametrize("complete", [linear, cubic])
def test_a_plane_is_filled_in_exactly_and_known_pixels_stay(complete):
    pytest.importorskip("scipy")
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(9.0), indexing="ij")
    plane = torch.stack([0.1 * rows - 0.03 * columns, columns], dim=-1)
    known = torch.rand(12, 9, generator=torch.Generator().manual_seed(0)) < 0.5
    known[0, 0] = known[0, -1] = known[-1, 0] = known[-1, -1] = True  # all pixels lie within the known ones
    filled = complete(torch.where(known[..., None], plane, torch.nan), known)
    assert torch.equal(filled[known], plane[known])
    torch.testing.assert_close(filled, plane, atol=1e-4, rtol=1e-4)


def test_biharmonic_inpainting_is_only_for_small_pictures():
    pytest.importorskip("skimage")
    assert "biharmonic" in scattered((256, MOST_BIHARMONIC // 256))
    assert "biharmonic" not in scattered((256, MOST_BIHARMONIC // 256 + 1))


def test_the_environment_is_left_as_it_was(monkeypatch):
    for before in ("3", None):
        monkeypatch.delenv(classical.THREADS, raising=False)
        if before:
            monkeypatch.setenv(classical.THREADS, before)
        classical._import_with_one_thread("math")
        assert os.environ.get(classical.THREADS) == before
