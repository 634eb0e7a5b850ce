import subprocess
import sys

import pytest


def loaded_after(code, module):
    """Whether a module is loaded in a fresh interpreter after some code."""
    check = f"{code}\nimport sys; sys.exit(10 if {module!r} in sys.modules else 0)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 10), done.stderr
    return done.returncode == 10


@pytest.mark.parametrize("module", ["torch", "numpy", "PIL", "tyro"])
def test_importing_ungrid_imports_nothing_heavy(module):
    assert not loaded_after("import ungrid", module)


def test_help_is_shown_without_torch():
    assert not loaded_after("from ungrid.cli.main import main\nmain(['--help'])", "torch")


def test_what_a_file_is_can_be_read_without_torch():
    assert not loaded_after("import ungrid.files, ungrid.spec, ungrid.papers, ungrid.errors", "torch")


def test_public_names_are_listed_and_an_unknown_one_is_an_attribute_error():
    import ungrid

    assert {"load", "fit", "save", "Box", "gradient", "presets", "errors"} <= set(dir(ungrid))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ungrid.nothing  # noqa: B018  # looked up for its error
