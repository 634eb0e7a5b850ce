import ctypes
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ungrid.kernels import build
from ungrid.kernels.build import NOTE, BuildError, compile_libraries, find_compiler

HOOK = Path(__file__).parents[2] / "hatch_build.py"
SOURCE = 'extern "C" __attribute__((visibility("default"))) int answer() { return 42; }'


@pytest.fixture
def folder(tmp_path):
    """A folder with one source, as `native` has several."""
    native = tmp_path / "native"
    native.mkdir()
    (native / "answer.cpp").write_text(SOURCE)
    (native / "selfcheck.cpp").write_text("int main() { return 0; }")
    return native


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Makes $CXX a script of one's own; `output` is the last argument."""

    def make(body):
        script = tmp_path / "cxx"
        script.write_text(f"#!/bin/sh\nfor output; do :; done\n{body}\n")
        script.chmod(0o755)
        monkeypatch.setenv("CXX", str(script))

    return make


def has_compiler():
    try:
        return bool(find_compiler())
    except BuildError:
        return False


@pytest.mark.skipif(not has_compiler(), reason="no C++ compiler here")
def test_sources_become_a_library_for_each_instruction_set(folder):
    built = compile_libraries(folder)
    assert [path.name for path in built] == [f"ungrid_{name}.so" for name in build.instruction_sets()]
    assert ctypes.CDLL(str(built[0])).answer() == 42
    assert {path.name for path in folder.iterdir()} == {"answer.cpp", "selfcheck.cpp", *(path.name for path in built)}


def test_a_failing_compiler_is_an_error_that_leaves_a_note_and_no_library(folder, compiler):
    (folder / "ungrid_base.so").write_bytes(b"of older sources")
    compiler('echo "answer.cpp:1: error: no such thing" >&2; exit 1')
    with pytest.raises(BuildError, match=r"cxx failed: answer\.cpp:1: error: no such thing"):
        compile_libraries(folder)
    assert {path.name for path in folder.iterdir()} == {"answer.cpp", "selfcheck.cpp", NOTE}
    assert "no such thing" in (folder / NOTE).read_text()


def test_an_instruction_set_that_the_compiler_does_not_know_is_left_out_with_a_warning(folder, compiler, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    compiler('case "$*" in *avx512*) echo "unrecognized option" >&2; exit 1;; esac; echo library > "$output"')
    warnings = []
    built = compile_libraries(folder, warnings.append)
    assert [path.name for path in built] == ["ungrid_base.so", "ungrid_avx2.so"]
    assert len(warnings) == 1
    assert warnings[0].startswith("no avx512 kernels:")
    assert warnings[0].endswith("cxx failed: unrecognized option")


def test_a_build_that_works_again_removes_the_note(folder, compiler):
    (folder / NOTE).write_text("no C++ compiler")
    compiler('echo library > "$output"')
    compile_libraries(folder)
    assert not (folder / NOTE).exists()


def test_without_a_compiler_the_error_and_the_note_say_so(folder, monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"no C\+\+ compiler"):
        compile_libraries(folder)
    assert (folder / NOTE).read_text() == "no C++ compiler\n"


def test_a_compiler_that_is_named_and_not_there_is_an_error(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler --flag")
    with pytest.raises(BuildError, match="'no-such-compiler', which is not there"):
        find_compiler()


def test_a_compilers_name_may_carry_arguments(compiler, monkeypatch):
    compiler("exit 0")
    script = find_compiler()[0]
    monkeypatch.setenv("CXX", f"{script} -stdlib=libc++")
    assert find_compiler() == [script, "-stdlib=libc++"]


@pytest.mark.parametrize(("machine", "sets"), [("x86_64", {"base", "avx2", "avx512"}), ("arm64", {"base"})])
def test_each_kind_of_machine_has_its_instruction_sets(monkeypatch, machine, sets):
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert set(build.instruction_sets()) == sets


def test_the_command_reports_a_failure_in_one_line(folder, compiler, monkeypatch, capsys):
    compiler("exit 1")
    monkeypatch.setattr(sys, "argv", ["build"])
    monkeypatch.setattr(build, "compile_libraries", lambda: compile_libraries(folder))
    assert build.main() == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def hook(tmp_path, monkeypatch):
    """The package's build hook on a copy of its build file, without hatchling."""
    interface = ModuleType("hatchling.builders.hooks.plugin.interface")
    interface.BuildHookInterface = object
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    spec = importlib.util.spec_from_file_location("hatch_build", HOOK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kernels = tmp_path / module.KERNELS
    (kernels / "native").mkdir(parents=True)
    (kernels / "build.py").write_text(Path(build.__file__).read_text())
    hook = module.KernelBuildHook()
    hook.root, hook.warnings = str(tmp_path), []
    hook.app = SimpleNamespace(display_warning=hook.warnings.append)
    return hook


@pytest.mark.skipif(not HOOK.exists(), reason="not in a checkout")
def test_the_install_succeeds_without_kernels_and_warns_once(hook, compiler):
    compiler("exit 1")
    build_data = {"artifacts": []}
    hook.initialize("standard", build_data)
    assert "infer_tag" not in build_data
    assert len(hook.warnings) == 1
    assert "without native kernels" in hook.warnings[0]


@pytest.mark.skipif(not HOOK.exists(), reason="not in a checkout")
def test_a_wheel_with_kernels_has_them_and_is_for_its_platform(hook, compiler):
    compiler('echo library > "$output"')
    build_data = {"artifacts": []}
    hook.initialize("standard", build_data)
    assert build_data["infer_tag"]
    assert not build_data["pure_python"]
    assert "src/ungrid/kernels/native/*.so" in build_data["artifacts"]
    assert hook.warnings == []
