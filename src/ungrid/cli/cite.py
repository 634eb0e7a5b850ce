"""`ungrid cite`: BibTeX of exactly the parts that a field uses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ungrid.cli.command import Command


@dataclass(kw_only=True)
class Cite(Command):
    """BibTeX of what a .ung file, a part (Siren, HashGrid …) or a preset rests on."""

    what: tyro.conf.Positional[str]
    """A .ung file, or the name of a part or preset."""

    def run(self) -> dict[str, Any]:
        """Find the papers."""
        from ungrid import citing, verbs

        is_file = Path(self.what).exists() or Path(self.what).suffix.lower() == ".ung"
        thing = verbs.load_as_field(self.what) if is_file else self.what
        return {"bibtex": citing.cite(thing)}

    def show(self, result: dict[str, Any]) -> None:
        """The entries themselves, ready for a .bib file."""
        print(result["bibtex"])
