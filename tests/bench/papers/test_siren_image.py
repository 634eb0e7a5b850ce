import pytest

from ungrid.bench.papers import siren_image
from ungrid.bench.papers.setting import Work


def test_the_setting_is_the_notebooks():
    pytest.importorskip("skimage")
    full = siren_image.SETTING.scales["full"]
    assert (full.side, full.steps, full.batch) == (256, 500, None)
    case = next(siren_image.cases(Work(full, {})))
    signal, _ = case.run.args
    assert signal.values.shape == (256, 256, 1)
    assert case.data == "camera 256²"
