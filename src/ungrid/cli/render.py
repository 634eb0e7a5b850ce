"""`ungrid render`: a field drawn at any size, whole or in part."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ungrid.cli.command import Command
from ungrid.cli.options import parse_region, parse_size
from ungrid.cli.percent import percent
from ungrid.errors import InputError


@dataclass(kw_only=True)
class Render(Command):
    """Draw a field into a file of its kind, at any size, rate or spacing."""

    field: tyro.conf.Positional[Path]
    """The .ung file."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """The file; its ending says which format: png jpg webp avif jp2 tif exr, that of the field's own kind, npy, csv."""
    size: Annotated[str | None, tyro.conf.arg(metavar="WxH|N")] = None
    """Pixels, or one number for the longer side."""
    scale: float | None = None
    """Samples of the result for each sample of the source; of a film, of its pixels."""
    region: Annotated[str | None, tyro.conf.arg(metavar="y=0:100,x=20:80")] = None
    """The part to draw, in the units of the box: a picture's pixels, seconds, mm."""
    rate: Annotated[float | None, tyro.conf.arg(metavar="HZ")] = None
    """Samples a second."""
    fps: Annotated[float | None, tyro.conf.arg(metavar="R")] = None
    """Frames a second."""
    spacing: Annotated[float | None, tyro.conf.arg(metavar="MM")] = None
    """Distance between samples along axes of space, in their unit."""
    plane: Annotated[str | None, tyro.conf.arg(metavar="z=12.5|z=1,y=2,x=3;normal z=1,y=1")] = None
    """A slice of a volume: across an axis, or through a place with a normal and, after another ;, up, size or world."""
    project: Annotated[str | None, tyro.conf.arg(metavar="z=max|z=mean")] = None
    """The highest or mean value of a volume along an axis."""
    encoded: bool = False
    """Average encoded values when shrinking, instead of linear light."""
    encoder: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Of a film: libsvtav1 libvpx-vp9 ffv1 mpeg4 libx264 libx265, as far as the ending takes it and PyAV has it."""

    def run(self) -> dict[str, Any]:
        """Draw."""
        from ungrid import fitting, verbs

        self._check_slice()
        for first, second in (("size", "scale"), ("size", "spacing"), ("scale", "spacing"), ("rate", "fps")):
            if getattr(self, first) is not None and getattr(self, second) is not None:
                raise InputError(f"give --{first} or --{second}, not both")
        start = time.monotonic()
        field = verbs.load_as_field(self.field).to(fitting.choose_device(self.device))
        if self.plane is not None or self.project is not None:
            return self._slice(field) | {"seconds": round(time.monotonic() - start, 3)}
        region = parse_region(self.region, field.box.axes) if self.region else None
        size = self._height_and_width(field, region)
        shape = verbs.render(
            field,
            self.output,
            size=size,
            scale=1.0 if self.scale is None else self.scale,
            region=region,
            rate=self.rate if self.fps is None else self.fps,
            spacing=self.spacing,
            encoded=self.encoded,
            encoder=self.encoder,
            max_memory=self.memory,
            progress=None if self.quiet else percent(start, "rendering"),
        )
        return {"output": self.output, "shape": list(shape), "seconds": round(time.monotonic() - start, 3)}

    def _check_slice(self) -> None:
        if self.plane is not None and self.project is not None:
            raise InputError("give --plane or --project, not both")
        for option in ("size", "scale", "region", "rate", "fps"):
            if self.plane is not None and getattr(self, option) is not None:
                raise InputError(f"--{option} does not go with --plane; say its size in it, and --spacing")

    def _slice(self, field: Any) -> dict[str, Any]:
        """A plane or projection of a volume."""
        from ungrid.cli.planes import parse_plane, parse_projection
        from ungrid.render.draw import drawing_grid
        from ungrid.render.slices import project, slice_through
        from ungrid.render.volume_picture import write_slice

        if self.plane is not None:
            plane, size = parse_plane(self.plane, field)
            seen = slice_through(field, plane, size=size, spacing=self.spacing, max_memory=self.memory)
        else:
            axis, how = parse_projection(self.project or "")
            region = parse_region(self.region, field.box.axes) if self.region else None
            scale = 1.0 if self.scale is None else self.scale
            grid = drawing_grid(field, scale=scale, spacing=self.spacing, region=region)
            seen = project(field, axis, how, grid=grid, max_memory=self.memory)
        write_slice(seen, self.output)
        return {"output": self.output, "shape": [*seen.grid.shape, seen.out_dim]}

    def _height_and_width(self, field: Any, region: Any) -> tuple[int | None, int | None] | None:
        """`--size`; one number is the longer side of what is drawn."""
        if self.size is None:
            return None
        height, width = parse_size(self.size)
        if height is None and field.box.dim > 1:
            box = field.box.crop(region) if region else field.box
            return (None, width) if box.extent[-1] >= box.extent[-2] or box.units[-1] != "px" else (width, None)
        return height, width
