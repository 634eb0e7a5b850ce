"""Field → arrays, files, pictures."""

from collections.abc import Callable

from ungrid.render.animation import check_animation, write_animation
from ungrid.render.contact_sheet import sheet_layout, thumbnail
from ungrid.render.draw import draw, drawing_grid, outline_of
from ungrid.render.evaluate import bands, footprint
from ungrid.render.line_plot import draw_series
from ungrid.render.map_plot import draw_map

# kind → the picture of a field of it, for those that are no pictures: (field, path, grid, *, max_memory)
VIEWS: dict[str, Callable[..., None]] = {"series": draw_series, "sphere": draw_map}

__all__ = [
    "VIEWS",
    "bands",
    "check_animation",
    "draw",
    "drawing_grid",
    "footprint",
    "outline_of",
    "sheet_layout",
    "thumbnail",
    "write_animation",
]
