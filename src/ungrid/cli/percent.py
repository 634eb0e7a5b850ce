"""A progress bar for what says only how much of it is done."""

import sys
import time
from collections.abc import Callable


def percent(start: float, what: str) -> Callable[[float], None]:
    """Told the fraction done, it shows a bar on standard error once a second has passed since `start` (of `time.monotonic`)."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=1.0)

    def update(fraction: float) -> None:
        if time.monotonic() - start > 1 and sys.stderr.isatty():
            bar.start()
            bar.update(task, completed=fraction)
        if fraction >= 1 and bar.live.is_started:
            bar.stop()

    return update
