import pytest
import torch

from ungrid.bench.papers.fourier_features_mri import PUBLISHED, SETTING, encoding_of, phantom, sampled, scanned_phantom
from ungrid.bench.papers.setting import FULL, REDUCED, Work
from ungrid.classical.compressed_sensing import zero_filled
from ungrid.signals.phantoms import shepp_logan


def test_the_notebooks_share_of_k_space_is_sampled_at_any_size_densest_in_the_middle():
    for side in (20, 48):
        mask = sampled(side, 0)
        middle = mask[(slice(side // 2 - 3, side // 2 + 3),) * 3]
        assert float(mask.float().mean()) == pytest.approx(0.1256, abs=0.005)
        assert middle.float().mean() > 0.7


def test_the_middle_of_a_phantom_that_is_not_moved_is_shepp_and_logans_head(monkeypatch):
    monkeypatch.setattr("ungrid.bench.papers.fourier_features_mri.MOVED", 0.0)
    # the voxels' points lie up to a twelfth of the height from the middle, where ellipses are a little smaller
    found, head = phantom(6, 0)[2:4].mean(dim=0), shepp_logan(6).values[..., 0]
    assert (found - head).abs().mean() < 0.02
    assert not torch.equal(phantom(6, 0)[0], phantom(6, 0)[5])


def test_each_phantom_is_another_head_of_values_from_0_to_1():
    first, second = phantom(24, 0), phantom(24, 1)
    assert not torch.equal(first, second)
    assert first.min() == 0
    assert 0.5 < first.max() <= 1


def test_zero_filling_meets_the_samples_of_a_scan():
    scanned = scanned_phantom(8, 0)
    # a real volume has the opposite frequency of each sampled one as well, so the adjoint gives half where that was not drawn
    seen = scanned.sensor.A(zero_filled(scanned.sensor, scanned.measured))
    both = scanned.mask & scanned.mask.flip((0, 1, 2)).roll((1, 1, 1), (0, 1, 2))
    torch.testing.assert_close(seen[both[scanned.mask]], scanned.measured[both[scanned.mask]])


def test_encodings_are_the_notebooks_for_shepp_logan():
    sizes = {method: encoding_of(method, 0).out_dim for method in PUBLISHED}
    assert sizes == {"none": 3, "basic": 6, "positional": 510, "gaussian": 512}
    # the notebook's 2, for coordinates of half the range
    assert encoding_of("gaussian", 0).bandwidth == 1
    assert [published.psnr for published in PUBLISHED.values()] == [26.14, 28.58, 32.23, 34.51]


@pytest.mark.parametrize(("size", "n_phantoms"), [(REDUCED, 1), (FULL, 6)])
def test_the_full_scale_has_as_many_phantoms_as_the_notebook_brains(size, n_phantoms, monkeypatch):
    module = "ungrid.bench.papers.fourier_features_mri"
    toy = scanned_phantom(8, 0)
    monkeypatch.setattr(f"{module}.scanned_phantom", lambda side, seed: toy)
    found = list(SETTING.cases(Work(SETTING.scales[size], {})))
    assert len({case.data for case in found}) == n_phantoms
    assert {case.method for case in found} >= {*PUBLISHED, "mri", "zero-filling", "total variation"}
