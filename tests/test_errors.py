import pickle

import pytest

from ungrid import errors
from ungrid.errors import MissingExtra, UngridError, UnknownName, nearest

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UngridError)]


@pytest.mark.parametrize(
    ("kind", "exit_code", "builtin"),
    [
        (errors.InputError, 2, ValueError),
        (errors.ShapeError, 2, ValueError),
        (errors.UnknownName, 2, KeyError),
        (errors.MissingFile, 2, FileNotFoundError),
        (errors.FormatError, 4, Exception),
        (errors.UnreadableInput, 2, errors.FormatError),
        (errors.MissingExtra, 3, ImportError),
        (errors.TargetNotMet, 5, Exception),
        (errors.MachineError, 6, OSError),
        (errors.Diverged, 7, ArithmeticError),
        (errors.Interrupted, 130, Exception),
    ],
)
def test_every_error_has_its_exit_code_and_the_builtin_it_stands_for(kind, exit_code, builtin):
    assert kind.exit_code == exit_code
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_an_ungrid_error_and_none_means_a_bug(kind):
    assert issubclass(kind, UngridError)
    assert kind.exit_code not in (0, 1)


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not MissingExtra])
def test_every_error_shows_its_message_without_quotes(kind):
    assert str(kind("what was 'found'")) == "what was 'found'"


def test_a_missing_extra_has_the_install_line():
    error = MissingExtra("OpenEXR", "image", "reading EXR")
    assert (
        str(error)
        == "reading EXR needs the package 'OpenEXR', which is not installed; install it with: pip install 'ungrid[image]'"
    )


def test_the_nearest_name_is_offered_only_when_one_is_near():
    assert nearest("sirn", ["siren", "mlp"]) == "; did you mean 'siren'?"
    assert nearest("hash", ["siren", "mlp"]) == ""


def test_an_error_survives_pickling():
    assert str(pickle.loads(pickle.dumps(UnknownName("no 'x'")))) == "no 'x'"
