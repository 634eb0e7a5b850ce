import collections

import pytest
import torch

from ungrid.encodings import ENCODINGS
from ungrid.fields.record import Record
from ungrid.fields.storage import load_field, save_field
from ungrid.presets import PUBLISHED
from ungrid.testing.contracts import known_parts
from ungrid.testing.examples import ENCODING_EXAMPLES, PRESET_EXAMPLES, encoded_field, example
from ungrid.testing.mutations import MUTATIONS, attempt, join, mutants, take_apart
from ungrid.testing.toys import pixel_box

TABLES = known_parts()
PER_KIND = 32
MOST_SECONDS = 1.0


def sound_files(folder):
    """One file of each encoding and each preset, with blobs and records of several kinds."""
    fields = [encoded_field(example(name, ENCODING_EXAMPLES, ENCODINGS)(2, 0), 3, box=pixel_box()) for name in ENCODINGS]
    fields += [PUBLISHED[name](pixel_box(), 3, **example(name, PRESET_EXAMPLES)) for name in PUBLISHED]
    contents = []
    for index, field in enumerate(fields):
        field.record = Record(
            "image", (12, 16), ("r", "g", "b"), {"bit_depth": 8}, {"icc": b"1234"}, stored=("float32", "float16")[index % 2]
        )
        save_field(field, folder / "sound.ung", version="0.1.0")
        contents.append((folder / "sound.ung").read_bytes())
    return contents


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sound_files(tmp_path_factory.mktemp("sound"))


def test_sound_files_load(files, tmp_path):
    for content in files:
        assert attempt("none", content, tmp_path / "a.ung", TABLES).result == "loaded"
        assert attempt("rejoined", join(*take_apart(content)), tmp_path / "a.ung", TABLES).result == "loaded"


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_file_loads_or_is_refused_within_a_second(files, tmp_path, name, unchecked_types):
    damaged = [content for kind, content in mutants(files, PER_KIND * len(MUTATIONS)) if kind == name]
    assert len(damaged) == PER_KIND
    outcomes = [attempt(name, content, tmp_path / "a.ung", TABLES) for content in damaged]
    escaped = [outcome.result for outcome in outcomes if outcome.result not in ("loaded", "refused")]
    assert not escaped
    assert max(outcome.seconds for outcome in outcomes) < MOST_SECONDS
    assert max(outcome.grown_bytes for outcome in outcomes) < 64 * 2**20


def test_what_loads_after_damage_gives_finite_weights(files, tmp_path, unchecked_types):
    path = tmp_path / "a.ung"
    for kind, content in mutants(files, 5 * len(MUTATIONS), seed=1):
        if attempt(kind, content, path, TABLES).result == "loaded":
            assert all(bool(torch.isfinite(p).all()) for p in load_field(path, TABLES).parameters())


def test_the_same_seed_damages_in_the_same_way(files):
    first, again, other = (list(mutants(files, 60, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_kind_of_damage_takes_its_turn(files):
    counts = collections.Counter(kind for kind, _ in mutants(files, 3 * len(MUTATIONS)))
    assert counts == dict.fromkeys(MUTATIONS, 3)
