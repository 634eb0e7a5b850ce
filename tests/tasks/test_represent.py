import math

import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, UnknownName
from ungrid.fit.orders import ORDERS
from ungrid.fit.tiles import TileSampler
from ungrid.metrics.error import psnr
from ungrid.signals.base import Signal
from ungrid.tasks.represent import represent
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import tiny_picture


def a_field(picture):
    return FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0)


def sampler_of(problem):
    return problem.terms[0].sampler


def test_the_observations_are_the_samples_at_their_centers():
    picture = tiny_picture()
    batch = sampler_of(represent(picture, heldout=0.0)).sample(torch.Generator(), None)
    assert torch.equal(batch.query, picture.grid.points().flatten(0, 1))
    assert torch.equal(batch.target, picture.values.flatten(0, 1))


@pytest.mark.parametrize("masked", [False, True])
def test_known_and_withheld_samples_part_what_is_known(masked):
    picture = tiny_picture(20, 20)
    mask = torch.zeros(20, 20, dtype=torch.bool)
    mask[:, :10] = True
    sampler = sampler_of(represent(picture, mask=mask if masked else None, heldout=0.1))
    kept, withheld = set(sampler._known.tolist()), set(sampler.withheld.tolist())
    expected = set(mask.flatten().nonzero()[:, 0].tolist()) if masked else set(range(400))
    assert kept | withheld == expected
    assert not kept & withheld
    assert len(withheld) == len(expected) // 10


def test_what_is_held_out_follows_the_seed():
    picture = tiny_picture(20, 20)
    first, again, other = (sampler_of(represent(picture, heldout=0.1, seed=seed)).withheld for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_more_than_twenty_thousand_samples_are_held_out():
    assert len(sampler_of(represent(tiny_picture(300, 300), heldout=0.5)).withheld) == 20_000


def test_the_quality_is_the_psnr_of_the_clamped_picture():
    picture = tiny_picture()
    field, judge = a_field(picture), represent(picture).judge
    expected = psnr(field.sample(picture.grid).clamp(0, 1), picture.values)
    assert judge.quality(field)["psnr"] == pytest.approx(expected)
    float_judge = represent(
        type(picture)(picture.values, picture.grid, "image", picture.channels, {"sample_format": "float"})
    ).judge
    assert float_judge.quality(field)["psnr"] == pytest.approx(psnr(field.sample(picture.grid), picture.values))


def test_the_quality_under_a_mask_is_that_of_the_known_samples():
    picture = tiny_picture()
    mask = torch.zeros(12, 16, dtype=torch.bool)
    mask[:6] = True
    field = a_field(picture)
    judged = represent(picture, mask=mask, heldout=0.0).judge.quality(field)["psnr"]
    assert judged == pytest.approx(psnr(field.sample(picture.grid).clamp(0, 1)[:6], picture.values[:6]), rel=1e-5)


def test_alpha_is_left_out_of_the_judgement():
    picture = tiny_picture(channels=("r", "g", "b", "a"))
    field = FIELD_EXAMPLES["EncodedField"](picture.box, 4, 0)
    other = picture.with_values(torch.cat([picture.values[..., :3], 1 - picture.values[..., 3:]], dim=-1))
    assert represent(picture).judge.monitor(field) == represent(other).judge.monitor(field)


def test_an_exact_match_is_infinite_to_the_monitor_and_no_number_in_the_record():
    picture = tiny_picture()
    white = picture.with_values(torch.ones_like(picture.values))
    field = a_field(picture)
    field.value_offset = (100.0,)
    judge = represent(white, heldout=0.1).judge
    assert judge.monitor(field) == math.inf
    assert judge.quality(field)["psnr"] is None
    assert judge.heldout(field) == {"psnr": None, "n_samples": 19}


@pytest.mark.parametrize("order", ORDERS)
def test_batches_are_drawn_in_the_order_asked_for(order):
    assert type(sampler_of(represent(tiny_picture(), order=order)).order) is ORDERS[order]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heldout": -0.1}, "a fraction from 0 to 0.5"),
        ({"heldout": 0.6}, "a fraction from 0 to 0.5"),
        ({"mask": torch.ones(3, 3, dtype=torch.bool)}, "the mask has shape"),
        ({"mask": torch.zeros(12, 16, dtype=torch.bool)}, "leaves no sample to fit"),
    ],
)
def test_what_cannot_be_represented_is_refused(wrong, message, unchecked_types):
    with pytest.raises(InputError, match=message):
        represent(tiny_picture(), **wrong)


def test_an_unknown_order_gives_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'shuffled'"):
        represent(tiny_picture(), order="shufled")


def test_a_tiny_signal_holds_nothing_out():
    problem = represent(tiny_picture(4, 4))
    assert sampler_of(problem).withheld is None
    assert_close(torch.tensor(len(sampler_of(problem))), torch.tensor(16))


def test_a_signal_of_a_kind_without_measures_of_its_own_is_judged_by_psnr():
    box = Box(("t",), ((0.0, 2.0),), ("s",))
    values = torch.sin(torch.linspace(0, 6, 40))[:, None].mul(0.4).add(0.5)
    series = Signal(values, Grid(box, (40,)), "series", ("value",))
    field = ug.fit(ug.presets.siren(box, 1, width=16, depth=2), represent(series), steps=30, callbacks=())
    assert set(field.metrics["quality"]) == {"psnr", "rmse", "max_abs_error"}
    peak = values.max() - values.min()
    error = (field(series.grid.points()) - values).detach().square().mean()
    assert field.metrics["quality"]["psnr"] == pytest.approx(float(10 * torch.log10(peak**2 / error)), abs=0.05)


def checkered(picture):
    y, x = torch.meshgrid(*(torch.arange(n) for n in picture.grid.shape), indexing="ij")
    return (y + x) % 3 > 0


def test_estimates_stand_beside_the_known_samples_and_hide_the_withheld_ones():
    picture = tiny_picture(24, 20)
    mask = checkered(picture)
    problem = represent(picture, mask=mask, estimates="samples", heldout=0.1)
    sampler, judge = sampler_of(problem), problem.judge
    batch = sampler.sample(torch.Generator(), None)
    values = batch.target.reshape(24, 20, 3)
    held = torch.zeros(24 * 20, dtype=torch.bool).index_fill_(0, judge.withheld, True).reshape(24, 20)
    assert torch.equal(values[mask & ~held], picture.values[mask & ~held])
    assert not torch.isclose(values[held], picture.values[held]).all(dim=-1).any()
    assert float((values - picture.values).abs().max()) < 0.3, "an estimate is far from the truth on a smooth picture"
    judge.give_back()
    values = sampler.sample(torch.Generator(), None).target.reshape(24, 20, 3)
    assert torch.equal(values[mask], picture.values[mask])
    assert judge.quality(a_field(picture))["psnr"] is not None


@pytest.mark.parametrize("estimates", ["cubic", "between"])
def test_the_lattice_between_the_samples_is_fitted_and_the_truth_comes_back(estimates):
    picture = tiny_picture(16, 12)
    problem = represent(picture, estimates=estimates, heldout=0.05)
    sampler = sampler_of(problem)
    before = sampler.sample(torch.Generator(), None)
    assert before.target.shape == (31 * 23, 3)
    assert torch.equal(before.query, picture.grid.with_midpoints().points().flatten(0, 1))
    problem.judge.give_back()
    problem.judge.give_back()
    after = sampler.sample(torch.Generator(), None).target.reshape(31, 23, 3)
    assert torch.equal(after[::2, ::2], picture.values)
    changed = (after.flatten(0, 1) != before.target).any(dim=-1)
    assert 0 < int(changed.sum()) <= len(problem.judge.withheld)


def test_a_signal_that_is_all_known_needs_no_estimates_of_samples():
    picture = tiny_picture()
    assert sampler_of(represent(picture, estimates="samples")).truth is None


def test_an_unknown_kind_of_estimates_is_refused():
    with pytest.raises(UnknownName, match="between"):
        represent(tiny_picture(), estimates="betwen")


def test_a_resumed_sampler_knows_the_truth_again():
    picture = tiny_picture(16, 12)
    problem, again = (represent(picture, estimates="between", heldout=0.05) for _ in range(2))
    problem.judge.give_back()
    sampler_of(again).restore(sampler_of(problem).state())
    one, other = (sampler_of(p).sample(torch.Generator(), None).target for p in (problem, again))
    assert torch.equal(one, other)


def test_tiles_are_blocks_of_the_samples_and_take_no_estimates():
    assert type(represent(tiny_picture(), order="tiles").terms[0].sampler) is TileSampler
    with pytest.raises(InputError, match="tiles"):
        represent(tiny_picture(), order="tiles", estimates="cubic")


def test_lattices_are_drawn_across_the_grid_and_tiles_from_one_place():
    rng, signal = torch.Generator().manual_seed(0), tiny_picture(12, 16)
    widths = {}
    for order in ("tiles", "lattices"):
        box = represent(signal, order=order, heldout=0.0).terms[0].sampler.sample(rng, 12).query.grid.box
        widths[order] = box.extent[1]
    assert widths["tiles"] <= 4
    assert widths["lattices"] >= 12
