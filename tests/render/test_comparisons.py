from ungrid.render.comparisons import COMPARISONS
from ungrid.signals import MODALITIES


def test_pictures_and_volumes_can_be_seen_side_by_side():
    assert {"image", "volume"} <= set(COMPARISONS) <= set(MODALITIES)
