from dataclasses import replace

import pytest

from ungrid.errors import InputError, MissingFile, UnknownName, UnreadableInput
from ungrid.signals.image import IMAGE, write_picture
from ungrid.signals.modality import read_signal
from ungrid.signals.part import Part
from ungrid.testing.toys import tiny_picture


def test_a_file_goes_to_the_first_modality_that_recognizes_it(tmp_path):
    write_picture(tmp_path / "a.dat.png", tiny_picture())
    (tmp_path / "a.dat.png").rename(tmp_path / "a.dat")
    shy = replace(IMAGE, kind="shy", recognizes=lambda path, start: False)
    assert read_signal(tmp_path / "a.dat", {"shy": shy, "image": IMAGE}).kind == "image"


def test_a_kind_that_is_said_is_read_without_being_recognized(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"anything")
    other = replace(IMAGE, kind="other", recognizes=lambda path, start: False, read=lambda path: tiny_picture())
    assert read_signal(tmp_path / "a.raw", {"other": other}, "other").kind == "image"
    with pytest.raises(UnknownName, match=r"no kind is called 'ohter'.*did you mean 'other'"):
        read_signal(tmp_path / "a.raw", {"other": other}, "ohter")


def test_what_no_modality_recognizes_is_named_with_what_would_do(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    with pytest.raises(UnreadableInput, match=r"a.pdf holds a PDF document; expected a picture"):
        read_signal(tmp_path / "a.pdf", {"image": IMAGE})
    with pytest.raises(UnreadableInput, match="is a folder without files of a known kind"):
        read_signal(tmp_path, {"image": IMAGE})
    with pytest.raises(MissingFile, match="there is no file"):
        read_signal(tmp_path / "b", {"image": IMAGE})


def test_a_part_is_read_by_kinds_that_can(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"anything")
    part = Part({"y": (0.0, 4.0)})
    partial = replace(IMAGE, recognizes=lambda path, start: True, read_part=lambda path, part: tiny_picture(4, 8))
    assert read_signal(tmp_path / "a.raw", {"image": partial}, part=part).grid.shape == (4, 8)
    with pytest.raises(InputError, match="of kind image, which is read whole"):
        read_signal(tmp_path / "a.raw", {"image": replace(partial, read_part=None)}, part=part)


def test_an_encoder_is_named_to_kinds_that_have_some():
    opened = replace(IMAGE, encoders=("fine",), open=lambda path, outline, encoder=None: encoder)
    assert opened.by_encoder("fine")(None, None) == "fine"
    with pytest.raises(UnknownName, match="did you mean 'fine'"):
        opened.by_encoder("fin")
    with pytest.raises(InputError, match="a field of kind image is written without an encoder; leave out --encoder fine"):
        IMAGE.by_encoder("fine")
