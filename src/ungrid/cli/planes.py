"""The small language of `--plane` and `--project`."""

import re
from typing import Any

from ungrid.cli.options import named_numbers
from ungrid.errors import InputError

CLAUSES = ("normal", "up", "size", "world")
HOW = "expected z=12.5, or z=1,y=2,x=3; normal z=1,y=1, and after another ; up z=1, size 100 or 100x80, world"


def parse_plane(text: str, field: Any) -> tuple[Any, tuple[float, float] | None]:
    """ "z=12.5" or "z=1,y=2,x=3; normal z=1,y=1; up x=1; size 120x90; world" → a `Plane`, and (height, width) or None.

    A volume that changes needs t=… beside. What is not named of the place is the middle of the volume.

    Raises:
        InputError: another text, a plane without a normal.
    """
    from ungrid.render.slices import SPACE, Plane, axis_plane

    place_text, *clauses = [clause.strip() for clause in text.split(";")]
    axes = field.box.axes
    center = named_numbers(place_text, axes, "--plane", "12.5")
    said: dict[str, str] = {}
    for clause in clauses:
        word, _, rest = clause.partition(" ")
        if word not in CLAUSES or word in said or (word == "world") != (not rest):
            raise InputError(f"--plane {text}: cannot read {clause!r}; {HOW}")
        said[word] = rest.strip()
    size = None if "size" not in said else _size(said["size"], text)
    across = [axis for axis in SPACE if axis in center]
    if "normal" not in said:
        if len(across) != 1 or "up" in said or "world" in said:
            raise InputError(f"--plane {text} does not say where the plane looks; {HOW}")
        ahead = {axis: at for axis, at in center.items() if axis not in SPACE}
        return axis_plane(field, across[0], center[across[0]], **ahead), size
    normal, up = (named_numbers(said[word], axes, "--plane", "1") if word in said else None for word in ("normal", "up"))
    return Plane(center, normal or {}, up, "world" in said), size


def parse_projection(text: str) -> tuple[str, str]:
    """ "z=max" → ("z", "max").

    Raises: InputError: another text.
    """
    axis, _, how = text.replace(" ", "").partition("=")
    if axis not in ("z", "y", "x") or how not in ("max", "mean"):
        raise InputError(f"--project {text}: expected an axis and max or mean, such as z=max")
    return axis, how


def _size(size: str, text: str) -> tuple[float, float]:
    """(height, width) of "WxH" or one number for both."""
    number = r"(\d{1,9}(?:\.\d{1,9})?)"
    match = re.fullmatch(rf"{number}(?:\s*[x×]\s*{number})?", size)
    if match is None or not all(float(side) > 0 for side in match.groups() if side):
        raise InputError(f"--plane {text}: cannot read the size {size!r}; expected WIDTHxHEIGHT, or one number for both")
    return float(match[2] or match[1]), float(match[1])
