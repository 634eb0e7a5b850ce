"""`ungrid render`: a field drawn at any size, whole or in part."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ungrid.cli.command import Command
from ungrid.cli.options import parse_region, parse_size
from ungrid.errors import InputError


@dataclass(kw_only=True)
class Render(Command):
    """Draw a field into a picture of any size."""

    field: tyro.conf.Positional[Path]
    """The .ung file."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """The picture; its ending says which format: png jpg webp avif jp2 tif exr npy."""
    size: Annotated[str | None, tyro.conf.arg(metavar="WxH|N")] = None
    """Pixels, or one number for the longer side."""
    scale: float | None = None
    """Pixels of the result for each pixel of the source."""
    region: Annotated[str | None, tyro.conf.arg(metavar="y=0:100,x=20:80")] = None
    """The part to draw, in the source's pixels."""
    encoded: bool = False
    """Average encoded values when shrinking, instead of linear light."""

    def run(self) -> dict[str, Any]:
        """Draw."""
        from ungrid import fitting, verbs

        if self.size is not None and self.scale is not None:
            raise InputError("give --size or --scale, not both")
        start = time.monotonic()
        field = verbs.load_as_field(self.field).to(fitting.choose_device(self.device))
        region = parse_region(self.region, field.box.axes) if self.region else None
        size = self._height_and_width(field, region)
        shape = verbs.render(
            field,
            self.output,
            size=size,
            scale=1.0 if self.scale is None else self.scale,
            region=region,
            encoded=self.encoded,
            max_memory=self.memory,
            progress=None if self.quiet else _percent(start),
        )
        return {"output": self.output, "shape": list(shape), "seconds": round(time.monotonic() - start, 3)}

    def _height_and_width(self, field: Any, region: Any) -> tuple[int | None, int | None] | None:
        """`--size`; one number is the longer side of what is drawn."""
        if self.size is None:
            return None
        height, width = parse_size(self.size)
        if height is None:
            box = field.box.crop(region) if region else field.box
            return (None, width) if box.extent[1] >= box.extent[0] else (width, None)
        return height, width


def _percent(start: float) -> Any:
    """A progress bar on standard error, for a drawing that takes longer than a second."""
    import sys

    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("rendering", total=1.0)

    def update(fraction: float) -> None:
        if time.monotonic() - start > 1 and sys.stderr.isatty():
            bar.start()
            bar.update(task, completed=fraction)
        if fraction >= 1 and bar.live.is_started:
            bar.stop()

    return update
