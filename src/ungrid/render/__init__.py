"""Field → arrays, pictures."""

from ungrid.render.animation import check_animation, write_animation
from ungrid.render.contact_sheet import sheet_layout, thumbnail
from ungrid.render.evaluate import bands, footprint
from ungrid.render.picture import picture_grid, write_field_picture

__all__ = [
    "bands",
    "check_animation",
    "footprint",
    "picture_grid",
    "sheet_layout",
    "thumbnail",
    "write_animation",
    "write_field_picture",
]
