import sys

from ungrid.fields.record import Recipe
from ungrid.fit import progress
from ungrid.fit.loop import Budget, run
from ungrid.fit.progress import ProgressBar
from ungrid.fit.state import FitState
from ungrid.tasks.represent import represent
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import tiny_picture


def a_state():
    picture = tiny_picture()
    return FitState(FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0), represent(picture), Recipe(batch_size=32), 0)


def test_a_short_fit_without_a_terminal_says_nothing(capsys):
    run(a_state(), Budget(3), [ProgressBar()])
    assert capsys.readouterr() == ("", "")


def test_a_long_fit_without_a_terminal_says_a_plain_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    state = a_state()
    state.psnr = 12.345
    run(state, Budget(2), [ProgressBar()])
    out, err = capsys.readouterr()
    assert out == ""
    assert "12.35 dB  step 2" in err.replace("12.34 dB", "12.35 dB")
    assert "s left" in err


def test_what_happened_on_the_way_is_said_at_the_end(capsys):
    state = a_state()
    state.notes.append("step 7: something")
    run(state, Budget(1), [ProgressBar()])
    assert "step 7: something" in capsys.readouterr().err


def test_a_terminal_gets_a_bar_that_is_taken_away(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = ProgressBar()
    run(a_state(), Budget(2), [bar])
    assert not bar._bar.live.is_started
