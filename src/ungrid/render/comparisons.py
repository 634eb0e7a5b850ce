"""Which picture compares two signals of a kind."""

from collections.abc import Callable
from pathlib import Path

from ungrid.render.comparison import draw_comparison
from ungrid.render.film_sheet import draw_film_comparison
from ungrid.render.sound_picture import draw_sound_comparison
from ungrid.render.volume_picture import compare_volumes
from ungrid.signals.base import Signal

# kind → one picture of two signals of it
COMPARISONS: dict[str, Callable[[Signal, Signal, Path], None]] = {
    "image": draw_comparison,
    "audio": draw_sound_comparison,
    "video": draw_film_comparison,
    "volume": compare_volumes,
}
