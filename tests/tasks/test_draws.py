import pytest
import torch

from ungrid.errors import InputError, UnknownName
from ungrid.fit.samplers import IndexSampler
from ungrid.fit.tiles import TileSampler
from ungrid.tasks.draws import HELDOUT_MOST, draws, hold_out
from ungrid.tasks.observe import observations
from ungrid.testing.toys import tiny_picture


def drawn(order="shuffled", estimates="none", signal=None, mask=None):
    signal = signal or tiny_picture()
    return draws(signal, observations(signal), order, estimates, mask=mask, kept=None, withheld=None)


@pytest.mark.parametrize("known", [None, torch.arange(0, 5000, 3)])
def test_what_is_held_out_and_what_is_kept_make_up_what_is_known(known):
    kept, withheld = hold_out(5000, known, 0.1, seed=3)
    everything = torch.arange(5000) if known is None else known
    assert torch.equal(torch.cat([kept.long(), withheld]).sort().values, everything)
    assert len(withheld) == len(everything) // 10
    again = hold_out(5000, known, 0.1, seed=3)[1]
    assert torch.equal(withheld, again)


def test_no_more_than_twenty_thousand_samples_are_held_out():
    assert len(hold_out(10**7, None, 0.01, seed=0)[1]) == HELDOUT_MOST
    assert hold_out(50, None, 0.01, seed=0) == (None, None)


def test_the_order_says_what_batches_are_drawn_from():
    assert isinstance(drawn(), IndexSampler)
    assert isinstance(drawn("tiles"), TileSampler)
    assert len(drawn(estimates="cubic").observations) > tiny_picture().grid.size


def test_orders_and_estimates_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match="hold samples alone"):
        drawn("tiles", "cubic")
    with pytest.raises(InputError, match="hold samples alone"):
        drawn("sums", "cubic")
    with pytest.raises(InputError, match="a spline runs through all samples"):
        drawn(estimates="spline", mask=torch.ones(tiny_picture().grid.shape, dtype=torch.bool))
    with pytest.raises(UnknownName, match="no order is called 'shufled'"):
        drawn("shufled")
    with pytest.raises(UnknownName, match="no kind of estimates"):
        drawn(estimates="cubical")
