import sys
import time

from ungrid.cli.percent import percent


def test_a_bar_shows_once_a_second_has_passed_and_goes_at_the_end(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    early = percent(time.monotonic(), "drawing")
    early(0.1)
    assert "drawing" not in capsys.readouterr().err
    late = percent(time.monotonic() - 2, "drawing")
    late(0.5)
    late(1.0)
    assert "drawing" in capsys.readouterr().err
