"""Field → arrays, files, pictures."""

from collections.abc import Callable

from ungrid.render.animation import check_animation, write_animation
from ungrid.render.contact_sheet import sheet_layout, thumbnail
from ungrid.render.draw import draw, drawing_grid, outline_of
from ungrid.render.evaluate import bands, footprint
from ungrid.render.film_sheet import draw_film_sheet
from ungrid.render.line_plot import draw_series
from ungrid.render.map_plot import draw_map
from ungrid.render.shape_picture import draw_shape
from ungrid.render.slices import Plane, project, slice_through
from ungrid.render.sound_picture import draw_sound
from ungrid.render.volume_picture import draw_planes, write_slice

# kind → the picture of a field of it, for those that are no pictures: (field, path, grid, *, max_memory)
VIEWS: dict[str, Callable[..., None]] = {
    "audio": draw_sound,
    "sdf": draw_shape,
    "series": draw_series,
    "sphere": draw_map,
    "video": draw_film_sheet,
    "volume": draw_planes,
}

__all__ = [
    "VIEWS",
    "Plane",
    "bands",
    "check_animation",
    "draw",
    "drawing_grid",
    "footprint",
    "outline_of",
    "project",
    "sheet_layout",
    "slice_through",
    "thumbnail",
    "write_animation",
    "write_slice",
]
