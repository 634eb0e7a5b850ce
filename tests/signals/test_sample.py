import hashlib

from PIL import Image

from ungrid.signals.sample import sample_photo


def test_the_shipped_photograph_is_the_unchanged_file_of_the_license_note():
    note = (sample_photo().parent / "LICENSE.md").read_text()
    assert hashlib.sha256(sample_photo().read_bytes()).hexdigest() in note
    assert "CC0" in note
    assert Image.open(sample_photo()).size == (451, 300)
