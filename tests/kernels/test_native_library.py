import re
import shutil

import pytest

from ungrid.errors import InputError
from ungrid.kernels import native_library
from ungrid.kernels.build import NATIVE, NOTE
from ungrid.kernels.native_library import available, describe, library, torch_only

BUILT = available()
needs_kernels = pytest.mark.skipif(not BUILT, reason="no native kernels are built here")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of libraries in place of the package's, empty."""
    monkeypatch.setattr(native_library, "NATIVE", tmp_path)
    monkeypatch.delenv("UNGRID_KERNELS", raising=False)
    return tmp_path


@needs_kernels
@pytest.mark.parametrize("name", BUILT)
def test_the_environment_forces_each_instruction_set_that_is_there(monkeypatch, name):
    monkeypatch.setenv("UNGRID_KERNELS", name)
    assert library()._name.endswith(f"ungrid_{name}.so")
    assert describe() == f"native kernels: {native_library.SETS[name]}"


@needs_kernels
def test_the_best_instruction_set_is_taken_and_loaded_once(monkeypatch):
    monkeypatch.delenv("UNGRID_KERNELS", raising=False)
    assert library()._name.endswith(f"ungrid_{BUILT[-1]}.so")
    assert library() is library()


def test_the_environment_turns_native_kernels_off(monkeypatch):
    monkeypatch.setenv("UNGRID_KERNELS", "torch")
    assert library() is None
    assert describe() == "no native kernels (UNGRID_KERNELS is torch); the torch path serves"


def test_an_unknown_kernel_is_an_error_that_names_what_there_is(monkeypatch):
    monkeypatch.setenv("UNGRID_KERNELS", "neon")
    with pytest.raises(InputError, match=re.escape(f"'neon', expected one of {', '.join([*BUILT[::-1], 'torch'])}")):
        library()


def test_a_kernel_that_was_not_built_cannot_be_forced(folder, monkeypatch):
    monkeypatch.setenv("UNGRID_KERNELS", "base")
    with pytest.raises(InputError, match="'base', expected one of torch"):
        library()


@needs_kernels
def test_torch_only_hides_the_library_also_when_nested(monkeypatch):
    monkeypatch.delenv("UNGRID_KERNELS", raising=False)
    with torch_only():
        with torch_only():
            assert library() is None
        assert library() is None
    assert library() is not None


@needs_kernels
def test_libraries_of_another_version_are_not_used_and_the_description_says_so(folder, monkeypatch):
    shutil.copy(NATIVE / "ungrid_base.so", folder)
    monkeypatch.setattr(native_library, "ABI", native_library.ABI + 1)
    assert library() is None
    assert describe() == ("no native kernels (built for another version of ungrid: install it again); the torch path serves")


@pytest.mark.parametrize("name", ["ungrid_base.so", "ungrid_avx512.so"])
def test_a_library_that_does_not_load_is_not_used(folder, name):
    (folder / name).write_bytes(b"no library")
    assert library() is None


def test_where_none_was_built_the_description_says_why(folder):
    (folder / NOTE).write_text("no C++ compiler\n")
    assert describe() == ("no native kernels (not built: no C++ compiler when ungrid was installed); the torch path serves")


def test_where_none_was_tried_the_description_says_what_to_do(folder):
    assert "install ungrid again where there is a C++ compiler" in describe()


def test_within_torch_only_the_line_says_so():
    with torch_only():
        assert "the torch path serves" in describe()
