"""Field → arrays, pictures."""

from ungrid.render.evaluate import bands, footprint
from ungrid.render.picture import picture_grid, write_field_picture

__all__ = ["bands", "footprint", "picture_grid", "write_field_picture"]
