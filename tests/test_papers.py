import re

import pytest

from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.identity import Identity
from ungrid.errors import UnknownName
from ungrid.fields.encoded import EncodedField
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.papers import bibtex, keys_of
from ungrid.testing.toys import pixel_box


def test_a_field_rests_on_the_papers_of_exactly_its_parts():
    assert keys_of(EncodedField(pixel_box(), FourierFeatures(2, 4), Mlp(8, 1, 4))) == {"tancik2020fourier"}
    assert keys_of(EncodedField(pixel_box(), Identity(2), Siren(2, 1, 4))) == {"sitzmann2020siren"}
    assert keys_of(Identity(2)) == set()


def test_a_class_rests_on_its_paper():
    assert keys_of(Siren) == {"sitzmann2020siren"}
    assert keys_of(Mlp) == set()


def test_a_name_is_a_key():
    assert keys_of("tancik2020fourier") == {"tancik2020fourier"}


def test_entries_are_whole_and_in_the_order_asked_for():
    text = bibtex(["tancik2020fourier", "sitzmann2020siren"])
    assert re.findall(r"^@\w+\{(\w+),", text, flags=re.MULTILINE) == ["tancik2020fourier", "sitzmann2020siren"]
    assert text.count("{") == text.count("}")
    assert "author" in text
    assert bibtex([]) == ""


def test_an_unknown_key_gives_the_nearest():
    with pytest.raises(UnknownName, match=r"no paper is known by 'sitzman2020siren'.*did you mean 'sitzmann2020siren'"):
        bibtex(["sitzman2020siren"])
