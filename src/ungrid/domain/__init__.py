"""Where coordinates live."""

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.scanners import ConeBeam, FanBeam, Geometry, ParallelBeam

DOMAINS: dict[str, type] = {"Box": Box, "Grid": Grid}

__all__ = ["DOMAINS", "Box", "ConeBeam", "FanBeam", "Geometry", "Grid", "ParallelBeam"]
