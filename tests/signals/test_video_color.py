import pytest

from ungrid.signals.video_color import MATRICES, PRIMARIES, RANGES, TRANSFERS, matrix_of, name_of, number_of


@pytest.mark.parametrize("table", [RANGES, PRIMARIES, TRANSFERS, MATRICES])
def test_every_tag_has_a_name_of_its_own_and_comes_back(table):
    assert all(number_of(name_of(number, table), table) == number for number in table)


def test_an_unknown_tag_is_named_by_its_number_and_written_as_unspecified():
    assert name_of(77, MATRICES) == "number 77"
    assert MATRICES[number_of("number 77", MATRICES)] == "unspecified"


@pytest.mark.parametrize(("width", "height", "matrix"), [(640, 272, "smpte170m"), (720, 576, "smpte170m"), (1280, 720, "bt709")])
def test_an_untagged_film_has_the_matrix_that_players_take_for_its_size(width, height, matrix):
    assert matrix_of("unspecified", width, height) == matrix
    assert matrix_of("bt2020nc", width, height) == "bt2020nc"
