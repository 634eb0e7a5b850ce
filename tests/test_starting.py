import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, UnknownName
from ungrid.presets.published import siren
from ungrid.testing.toys import pixel_box, tiny_picture


def pictures(n, size=8):
    return [torch.full((size, size), 0.2 + 0.1 * i) for i in range(n)]


def a_field(channels=1):
    return siren(pixel_box(8, 8), channels, width=8, depth=2)


def test_a_start_is_an_ordinary_file_that_a_fit_begins_from(tmp_path):
    start = ug.learn_start(pictures(3), a_field(), steps=2, inner_steps=3, callbacks=())
    start.save(tmp_path / "start.ung")
    field = ug.fit(pictures(1)[0], start=tmp_path / "start.ung", steps=0, callbacks=())
    assert torch.equal(field.network.layers[0].weight, start.network.layers[0].weight)
    assert field.record.fit["start"]["method"] == "reptile"
    assert ug.load(tmp_path / "start.ung").record.fit["n_signals"] == 3


def test_the_record_says_what_the_start_is_worth():
    start = ug.learn_start(pictures(3), a_field(), method="maml", steps=30, inner_steps=2, callbacks=())
    learned = start.record.fit
    assert (learned["method"], learned["steps"], learned["compared_after"]) == ("maml", 30, 2)
    assert learned["psnr_from_start"] > learned["psnr_from_random"]


def test_a_start_from_pictures_of_different_sizes_fits_one_of_another_size():
    start = ug.learn_start([*pictures(1), *pictures(1, size=6)], a_field(), steps=1, inner_steps=1, callbacks=())
    field = ug.fit(torch.rand(5, 7, generator=torch.Generator().manual_seed(0)), start=start, steps=1, callbacks=())
    assert field.box.extent == (5.0, 7.0)


def test_a_published_setting_is_built_by_name():
    start = ug.learn_start([tiny_picture(), tiny_picture()], "cppn", steps=1, inner_steps=1, callbacks=())
    assert start.out_dim == 3


def test_signals_of_different_kinds_and_unknown_names_are_refused():
    with pytest.raises(InputError, match="signal 1 has channels r g b"):
        ug.learn_start([*pictures(1), tiny_picture()], a_field())
    with pytest.raises(InputError, match="got none"):
        ug.learn_start([])
    with pytest.raises(InputError, match="got 1, expected at least 2"):
        ug.learn_start(pictures(1), a_field(), callbacks=())
    with pytest.raises(UnknownName, match="did you mean 'siren'"):
        ug.learn_start(pictures(2), "sirem")
    with pytest.raises(UnknownName, match="no method of learning a start"):
        ug.learn_start(pictures(2), method="magic")
