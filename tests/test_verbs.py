import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.errors import FormatError, InputError, MissingFile, TargetNotMet, UnknownName
from ungrid.testing.toys import pixel_box, tiny_picture
from ungrid.verbs import PARTS, as_signal, load_as_field, make_plan


@pytest.fixture(autouse=True)
def _as_for_a_user(unchecked_types):
    """Fits of several steps, at their own speed."""


@pytest.fixture
def fitted():
    return ug.fit(tiny_picture(), preset="fast", steps=3, callbacks=[])


def test_a_signal_becomes_a_field_becomes_a_file_becomes_the_same_field(tmp_path, fitted):
    fitted.save(tmp_path / "a.ung")
    loaded = ug.load(tmp_path / "a.ung")
    coords = [[4.5, 3.25], [0.0, 16.0]]
    assert torch.equal(loaded(coords), fitted(coords))
    assert loaded.metrics == fitted.metrics
    assert loaded.box == pixel_box(12, 16)
    assert os.listdir(tmp_path) == ["a.ung"]


def test_a_file_is_known_by_its_content_and_not_by_its_name(tmp_path, fitted):
    ug.save(fitted, tmp_path / "a.png")
    assert isinstance(ug.load(str(tmp_path / "a.png")), ug.Field)
    (tmp_path / "b.ung").write_bytes(b"nonsense, and not short")
    with pytest.raises(FormatError):
        ug.load(tmp_path / "b.ung")
    with pytest.raises(FormatError):
        load_as_field(tmp_path / "b.ung")
    with pytest.raises(MissingFile):
        ug.load(tmp_path / "c.ung")


def test_a_given_field_is_fitted_to_a_given_problem():
    picture = tiny_picture()
    field = ug.presets.siren(picture.box, 3, width=8, depth=1)
    fitted = ug.fit(field, ug.tasks.represent(picture), steps=3, callbacks=[])
    assert fitted is field
    assert fitted.metrics["quality"]["psnr"] > 0


@pytest.mark.parametrize("arguments", [("signal", "problem"), ("field", None)])
def test_a_field_goes_with_a_problem_and_a_signal_without(arguments):
    picture = tiny_picture()
    field, problem = ug.presets.siren(picture.box, 3, width=8), ug.tasks.represent(picture)
    things = {"signal": picture, "field": field, "problem": problem, None: None}
    with pytest.raises(InputError, match="give"):
        make_plan(*(things[name] for name in arguments))


def test_the_same_seed_gives_the_same_file(tmp_path):
    contents = []
    for seed in (1, 1, 2):
        field = ug.fit(tiny_picture(), preset="fast", steps=3, seed=seed, callbacks=[])
        contents.append([p.tolist() for p in field.parameters()])
    assert contents[0] == contents[1] != contents[2]


def test_a_target_that_is_missed_carries_the_best_field():
    with pytest.raises(TargetNotMet) as caught:
        ug.fit(tiny_picture(), preset="fast", steps=2, target_psnr=90.0, callbacks=[])
    assert isinstance(caught.value.field, ug.Field)


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["siren"], ["kingma2015adam", "sitzmann2020siren"]),
        (["Siren"], ["sitzmann2020siren"]),
        (["HashGrid", "FourierFeatures", "Siren"], ["mueller2022instant", "sitzmann2020siren", "tancik2020fourier"]),
        (["tancik2020fourier"], ["tancik2020fourier"]),
        (["Identity"], []),
    ],
)
def test_cited_are_exactly_the_papers_of_what_is_named(names, keys):
    text = ug.cite(*names)
    assert [line.split("{")[1].rstrip(",") for line in text.splitlines() if line.startswith("@")] == keys


def test_a_fitted_field_can_be_cited_and_a_wrong_name_cannot(fitted):
    assert isinstance(ug.cite(fitted), str)
    with pytest.raises(UnknownName, match="did you mean"):
        ug.cite("sitzman2020siren")


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
def test_arrays_are_signals(make):
    values = tiny_picture().values.numpy()
    signal = as_signal(make(values))
    assert signal.grid.shape == (12, 16)
    assert_close(signal.values, torch.as_tensor(values))
    assert as_signal(make(values[..., 0])).out_dim == 1


def test_a_fitted_field_is_no_signal(tmp_path, fitted):
    fitted.save(tmp_path / "a.ung")
    with pytest.raises(InputError, match="is a fitted field already; expected a signal"):
        as_signal(tmp_path / "a.ung")


def test_a_rendering_goes_through_a_file_and_compares_to_its_field(tmp_path, fitted):
    path: Path = tmp_path / "a.png"
    assert ug.render(fitted, path, scale=2.0) == (24, 32, 3)
    assert ug.load(path).grid.shape == (24, 32)
    ug.render(fitted, path)
    assert ug.compare(fitted, path)["psnr"] > 45  # rounding to eight bits


def test_every_part_of_the_tables_can_be_named_in_a_file():
    assert {"Box", "Siren", "HashGrid", "EncodedField"} <= set(PARTS)


def test_a_field_fitted_to_another_picture_keeps_the_record_of_that_one(fitted):
    other = dataclasses.replace(tiny_picture(10, 20), source={"format": "TIFF"})
    small = ug.presets.siren(other.box, 3, width=8, depth=1)
    small.record = fitted.record
    again = ug.fit(small, ug.tasks.represent(other), steps=2, callbacks=[])
    assert (again.record.shape, again.record.source) == ((10, 20), {"format": "TIFF"})
    assert again.grid().shape == (10, 20)


def test_what_cannot_apply_to_a_given_field_is_refused(fitted):
    problem = ug.tasks.represent(tiny_picture())
    for options in ({"preset": "siren"}, {"max_bytes": 10_000}):
        with pytest.raises(InputError, match="a given field has its own settings"):
            ug.fit(fitted, problem, **options)
    with pytest.raises(InputError, match="this one has no judge"):
        ug.fit(fitted, ug.Problem(problem.terms), target_psnr=30.0)


def test_a_given_field_is_fitted_by_the_loss_of_its_recipe():
    photo = tiny_picture()
    field = ug.presets.fourier_mlp(photo.box, 3, n_frequencies=4, width=8, depth=1)
    term = ug.tasks.represent(photo, heldout=0.0).terms[0]
    batch = term.sample(torch.Generator(), field, None)
    error = (field(batch.query) - batch.target).square().mean()
    assert_close(term(field, batch), 0.5 * error)


def test_a_seed_that_no_file_could_hold_is_refused_when_saving(tmp_path):
    field = ug.presets.siren(pixel_box(), 1, width=4, depth=1, seed=2**60)
    with pytest.raises(FormatError, match=r"beyond 2\^53"):
        field.save(tmp_path / "a.ung")
    assert not list(tmp_path.iterdir())


def test_a_mask_says_which_samples_are_known_and_the_rest_is_estimated():
    picture = tiny_picture(32, 32)
    mask = torch.rand(32, 32, generator=torch.Generator().manual_seed(0)) < 0.5
    broken = picture.with_values(torch.where(mask[..., None], picture.values, 0.0))
    known = ug.fit(broken, mask=mask, preset="balanced", steps=300, callbacks=[])
    error = (known.sample(picture.grid) - picture.values)[~mask].square().mean()
    blind = ug.fit(broken, preset="balanced", steps=300, callbacks=[])
    worse = (blind.sample(picture.grid) - picture.values)[~mask].square().mean()
    assert 10 * error < worse
    assert error < 1e-3


@pytest.mark.parametrize("mask", [torch.ones(3, 3, dtype=torch.bool), torch.zeros(32, 32, dtype=torch.bool)])
def test_a_mask_of_another_size_or_of_nothing_is_refused(mask):
    with pytest.raises(InputError, match="mask"):
        ug.fit(tiny_picture(32, 32), mask=mask, callbacks=[])


def test_a_mask_does_not_go_with_a_problem(fitted):
    picture = tiny_picture(8, 8)
    with pytest.raises(InputError, match="goes with a signal"):
        ug.fit(fitted, ug.tasks.represent(picture), mask=torch.ones(8, 8, dtype=torch.bool))
