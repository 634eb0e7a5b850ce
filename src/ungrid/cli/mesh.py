"""`ungrid mesh`: the surface of a field as triangles."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ungrid.cli.command import Command, Output
from ungrid.errors import InputError


@dataclass(kw_only=True)
class Mesh(Command):
    """Write the surface on which a field of distance is zero as triangles, in the frame of its source."""

    source: tyro.conf.Positional[Path]
    """The field's .ung file."""
    output: Output = None
    """The triangles' file: .ply, .obj, .stl, .off or .glb."""
    resolution: int | None = None
    """Cells along the longest side of the box; as many as the field has nodes, at least 256, if not given."""
    level: float = 0.0
    """Value of the field on the surface; of distances, how far outside it lies."""

    def run(self) -> dict[str, Any]:
        """Contour, write, report."""
        from ungrid import surfacing, verbs
        from ungrid.cli.percent import percent
        from ungrid.files import check_writable
        from ungrid.signals.shape_write import check_mesh_path

        if self.output is None:
            raise InputError("mesh needs the name of a file to write, such as -o shape.ply")
        check_mesh_path(self.output)
        check_writable(self.output)
        field = verbs.load_as_field(self.source)
        start = time.monotonic()
        found = surfacing.mesh(
            field,
            self.output,
            resolution=self.resolution,
            level=self.level,
            max_memory=self.memory,
            progress=None if self.quiet else percent(start, "contouring"),
        )
        if found.leaves_box:
            self.say("the surface leaves the box and is cut open there")
        return {"output": self.output, **surfacing.mesh_report(found, time.monotonic() - start)}
