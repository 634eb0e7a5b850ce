from pathlib import Path

import numpy as np
import pytest

from ungrid.errors import InputError, MissingFile, UnreadableInput
from ungrid.many.items import Folder, StackFile, distinct_names, open_source
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.png", "b.jpg"], ["a", "b"]),
        (["a.png", "a.jpg", "b.png"], ["a.png", "a.jpg", "b"]),
        (["a.png", "A.jpg"], ["a.png", "A.jpg"]),
        (["a.png", "A.png"], ["a.png", "A.png-2"]),
        (["one/a.png", "two/a.png"], ["one/a", "two/a"]),
        (["a.tar.gz", "a.tar"], ["a.tar", "a"]),
        (["a.png", "a.jpg", "a.png.tif"], ["a.png", "a.jpg", "a.png-2"]),
        (["a.png", "A.png", "A.png-2.x"], ["a.png", "A.png-3", "A.png-2"]),
    ],
)
def test_every_file_has_a_name_of_its_own(files, names):
    found = distinct_names([Path(file) for file in files])
    assert found == names
    assert len({name.casefold() for name in found}) == len(files)


def test_a_folder_gives_its_files_at_any_depth_but_none_that_are_hidden_or_its_own(tmp_path):
    for name in ("b.png", "in/a.png", ".hidden.png", ".git/c.png", "out/old.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_picture(tmp_path / name, tiny_picture(4, 5))
    source = Folder(tmp_path, tmp_path / "out")
    assert [(item.name, item.file) for item in source.items()] == [("b", "b.png"), ("in/a", "in/a.png")]
    assert source.signal(source.items()[1]).grid.shape == (4, 5)


def test_the_items_of_a_stack_are_numbered_and_know_where_they_are_from(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4))
    source = StackFile(tmp_path / "a.npy")
    items = source.items()
    assert [item.name for item in items] == ["00000", "00001", "00002"]
    signal = source.signal(items[2])
    assert signal.source["file"] == "a.npy"
    assert signal.source["index"] == 2
    assert float(signal.values[0, 0, 0]) == pytest.approx(32 / 255)


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no files"):
        Folder(tmp_path, tmp_path / "out").items()


@pytest.mark.parametrize(
    ("path", "output", "array", "kind", "message"),
    [
        ("nothing", "out", None, MissingFile, "no folder or file"),
        (".", ".", None, InputError, "that is the input"),
        (".", "out", "images", InputError, "leave --array out"),
        ("text", "out", None, UnreadableInput, "expected many signals"),
        ("rows.npy", "out", None, InputError, "holds an array"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path, path, output, array, kind, message):
    (tmp_path / "text").write_text("hello")
    np.save(tmp_path / "rows.npy", np.zeros((3, 4)))
    with pytest.raises(kind, match=message):
        open_source(tmp_path / path, tmp_path / output, array=array)
