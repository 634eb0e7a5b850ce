"""Where coordinates live."""

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid

DOMAINS: dict[str, type] = {"Box": Box, "Grid": Grid}
