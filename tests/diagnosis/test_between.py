import math

import pytest
import torch

from ungrid.diagnosis.between import middle, noise_between_samples, variances
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Record
from ungrid.networks.mlp import Mlp

SIDE = 32.0


def two_waves(low, high, amplitude):
    """cos of `low` and `amplitude` times cos of `high` cycles over the box, along the second axis."""
    box = Box(("y", "x"), ((0.0, SIDE), (0.0, SIDE)), ("px", "px"))
    encoding, network = FourierFeatures(2, 2), Mlp(4, 1, depth=0)
    encoding.frequencies.copy_(torch.tensor([[0.0, low / 2], [0.0, high / 2]]))
    with torch.no_grad():
        network.layers[0].weight.copy_(torch.tensor([[1.0, amplitude, 0.0, 0.0]]))
        network.layers[0].bias.zero_()
    field = EncodedField(box, encoding, network)
    field.record = Record("image", (32, 32), ("gray",), metrics={"quality": {"psnr": 30.0}, "heldout": {"psnr": 12.0}})
    return field


@pytest.mark.parametrize("amplitude", [0.5, 2.0])
def test_variances_are_those_of_the_waves_that_the_samples_show_and_of_those_they_do_not(amplitude):
    below, above = variances(two_waves(5, 40, amplitude))
    assert (below, above) == pytest.approx((0.5, amplitude**2 / 2), rel=0.05)


def test_waves_that_the_samples_show_are_no_noise():
    below, above = variances(two_waves(5, 15, 1.0))
    assert above < 1e-3 * below
    assert noise_between_samples(two_waves(5, 15, 1.0)) == []


def test_a_field_whose_waves_are_small_beside_its_error_learned_nothing():
    field = two_waves(5, 40, 1.0)
    field.value_scale = (0.01,)
    (finding,) = noise_between_samples(field)
    assert finding.name == "nothing_learned"
    assert finding.evidence["rms_below_nyquist"] == pytest.approx(0.01 / math.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("amplitude", "severity"), [(0.3, "warning"), (1.0, "error")])
def test_noise_is_told_with_its_evidence(amplitude, severity):
    (finding,) = noise_between_samples(two_waves(5, 40, amplitude))
    assert (finding.name, finding.severity) == ("noise_between_samples", severity)
    assert (finding.evidence["psnr"], finding.evidence["heldout_psnr"]) == (30.0, 12.0)


def test_a_field_without_samples_is_not_judged():
    field = two_waves(5, 40, 1.0)
    field.record = None
    assert variances(field) is None
    assert noise_between_samples(field) == []


@pytest.mark.parametrize(
    ("shape", "most", "expected"),
    [
        ((100, 100), 400, (20, 20)),
        ((4, 1000), 400, (4, 100)),
        ((5, 5), 400, (5, 5)),
        ((1000,), 7, (7,)),
        ((9, 9, 9), 1, (1, 1, 1)),
    ],
)
def test_the_middle_block_fills_what_it_may(shape, most, expected):
    box = Box(("z", "y", "x")[-len(shape) :], ((0.0, 1.0),) * len(shape))
    found = middle(Grid(box, shape), most)
    assert tuple(where.stop - where.start for where in found) == expected
    assert all(abs(where.start - (n - where.stop)) <= 1 for where, n in zip(found, shape, strict=True))
