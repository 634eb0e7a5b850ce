"""`ungrid combine`: solids from solids."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ungrid.cli.command import Command, Output
from ungrid.errors import InputError


@dataclass(kw_only=True)
class Combine(Command):
    """Unite (+), subtract (-) and intersect (&) fields of distance; ~r after an operator blends over r."""

    formula: tyro.conf.Positional[str]
    """Such as 'a.ung - (b.ung +~0.5 c.ung)'; + and - stand between spaces, names with spaces in quotes."""
    output: Output = None
    """The combined field's .ung file."""

    def run(self) -> dict[str, Any]:
        """Read, combine, save."""
        from ungrid import combining, verbs
        from ungrid.files import check_writable

        if self.output is None:
            raise InputError("combine needs the name of a file to write, such as -o c.ung")
        if self.output.suffix.lower() != ".ung":
            raise InputError(f"cannot write a field to {self.output.name}; expected a name ending in .ung")
        check_writable(self.output)
        names: list[Path] = []

        def load(path: Path) -> Any:
            names.append(path)
            return verbs.load_as_field(path)

        field = combining.from_files(self.formula, load)
        if any(path.resolve() == self.output.resolve() for path in names):
            raise InputError(f"cannot write the result to {self.output}: that is one of the inputs; give another name with -o")
        verbs.save(field, self.output)
        return {
            "output": self.output,
            "kind": "" if field.record is None else field.record.kind,
            "fields": [str(path) for path in names],
            "n_params": field.n_params,
            "bytes": self.output.stat().st_size,
        }
