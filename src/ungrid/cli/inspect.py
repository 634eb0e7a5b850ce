"""`ungrid inspect`: what is right and wrong with a surface, before it is fitted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ungrid.cli.command import Command


@dataclass(kw_only=True)
class Inspect(Command):
    """Say whether a surface is closed, how many pieces and handles it has, how large it is, and what is wrong with it."""

    source: tyro.conf.Positional[Path]
    """The surface's file: PLY, OBJ, STL, OFF or GLB."""

    def run(self) -> dict[str, Any]:
        """Read, measure."""
        from ungrid import surfacing

        return surfacing.inspect(self.source)

    def show(self, result: dict[str, Any]) -> None:
        """The findings last, a line each."""
        super().show({key: value for key, value in result.items() if key != "findings" and value != []})
        for finding in result["findings"]:
            print(finding)
