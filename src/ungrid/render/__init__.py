"""Field → arrays, pictures."""

from ungrid.render.animation import check_animation, write_animation
from ungrid.render.contact_sheet import contact_sheet, thumbnail
from ungrid.render.evaluate import bands, footprint
from ungrid.render.picture import picture_grid, write_field_picture

__all__ = [
    "bands",
    "check_animation",
    "contact_sheet",
    "footprint",
    "picture_grid",
    "thumbnail",
    "write_animation",
    "write_field_picture",
]
