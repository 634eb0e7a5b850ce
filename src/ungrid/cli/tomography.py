"""`ungrid tomography`: a sinogram in, the slice or volume that gave it out."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ungrid.cli.command import Command
from ungrid.errors import InputError, nearest

ENDINGS = (".npy", ".nii.gz", ".nii", ".png", ".ung")


@dataclass(kw_only=True)
class Tomography(Command):
    """Reconstruct a slice, or of a cone beam a volume, from its line integrals."""

    sinogram: tyro.conf.Positional[Path]
    """Line integrals [angle, detector], of a cone beam [angle, row, column]: .npy, .tif or .h5."""
    angles_degrees: Annotated[str, tyro.conf.arg(metavar="A.npy|START:STOP:N")]
    """Angle of each view in degrees, turning as scikit-image's radon; START:STOP:N leaves STOP out."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """The picture or volume, .npy .nii.gz .png, or the field, .ung."""
    geometry: Annotated[str, tyro.conf.arg(metavar="parallel|fan|cone")] = "parallel"
    """How the rays run."""
    size: int | None = None
    """Pixels along y and x; what the detector sees if not given. A volume keeps the detector's proportions along z."""
    pixel_size: float = 1.0
    """Side of a pixel. All lengths have one unit, and values are per unit."""
    unit: str = "px"
    """What that unit is called, such as mm."""
    detector_spacing: float = 1.0
    """Distance between detector pixels."""
    center: float | None = None
    """Where the detector sees the axis of rotation, in pixels, the first one's center at 0.5; N // 2 + 0.5 if not given."""
    source_distance: float | None = None
    """From the source to the axis of rotation; of fan and cone."""
    detector_distance: float | None = None
    """From the axis of rotation to the detector; of fan and cone."""
    photons: float | None = None
    """That leave the source toward a detector pixel; counts that are less sure then weigh less."""
    strength: float | None = None
    """Of total variation on the pixels; found by views that are kept out if not given."""
    water: float | None = None
    """Value of water, with --air: the result is in Hounsfield units."""
    air: float | None = None
    """Value of air, with --water."""
    compare_classical: bool = False
    """Also measure the classical methods, by every fifth view, which none of them then sees."""

    def run(self) -> dict[str, Any]:
        """Reconstruct, write, report."""
        import numpy as np

        from ungrid import reconstructing
        from ungrid.domain.scanners import Geometry
        from ungrid.files import check_writable
        from ungrid.fit.callbacks import Callback
        from ungrid.fit.progress import ProgressBar
        from ungrid.signals.sinogram import read_angles, read_sinogram

        begun = time.monotonic()
        self._check()
        geometry = Geometry(self.geometry, self.detector_spacing, self.center, self.source_distance, self.detector_distance)
        angles, sinogram = np.deg2rad(read_angles(self.angles_degrees)), read_sinogram(self.sinogram)
        scan = reconstructing.scan_of(
            sinogram, angles, geometry, size=self.size, pixel=self.pixel_size, unit=self.unit, photons=self.photons
        )
        reconstructing.check_memory(scan, self.memory)
        check_writable(self.output)
        watchers: list[Callback] = [] if self.quiet else [ProgressBar()]
        field = reconstructing.reconstruct(scan, strength=self.strength, callbacks=watchers)
        self._write(field)
        fit = field.record.fit if field.record is not None else {}
        result: dict[str, Any] = {
            "output": self.output,
            "shape": list(scan.pixels.shape),
            "seconds": round(time.monotonic() - begun, 3),
            "residual": field.metrics["quality"]["residual"],
            "strength": fit["strength"],
            "strength_by": fit["strength_by"],
        }
        if self.compare_classical:
            from ungrid.comparing_scans import compare_classical

            result["heldout_views"] = compare_classical(scan, callbacks=watchers)
        return result

    def _check(self) -> None:
        if not self.output.name.lower().endswith(ENDINGS):
            raise InputError(
                f"cannot write {self.output.name}; expected a name ending in {' '.join(ENDINGS)}"
                f"{nearest(self.output.suffix, ENDINGS)}"
            )
        if self.output.resolve() == self.sinogram.resolve():
            raise InputError(f"cannot write to {self.output}: that is the input; give another name with -o")
        if (self.water is None) != (self.air is None):
            raise InputError("Hounsfield units need both --water and --air")
        water, air = (1.0, 0.0) if self.water is None or self.air is None else (self.water, self.air)
        if not (math.isfinite(water) and math.isfinite(air) and water > air):
            raise InputError(f"--water {water:g} and --air {air:g}: expected two finite numbers, water's the larger")

    def _write(self, field: Any) -> None:
        from ungrid import reconstructing, verbs
        from ungrid.cli.reconstruction_files import write_pixels

        if self.water is not None and self.air is not None:
            reconstructing.to_hounsfield(field, self.water, self.air)
        if self.output.suffix.lower() == ".ung":
            verbs.save(field, self.output)
        else:
            write_pixels(self.output, reconstructing.pixels_of(field), self.pixel_size)
