import pytest

from ungrid.encodings import ENCODINGS
from ungrid.fields import FIELDS
from ungrid.measurements import MEASUREMENTS
from ungrid.networks import NETWORKS
from ungrid.papers import bibtex
from ungrid.terms import TERMS

PARTS = {**ENCODINGS, **NETWORKS, **FIELDS, **MEASUREMENTS, **TERMS}


@pytest.mark.parametrize("name", PARTS)
def test_the_paper_of_every_part_is_in_the_bibliography(name):
    paper = getattr(PARTS[name], "paper", None)
    assert paper is None or paper in bibtex([paper])
