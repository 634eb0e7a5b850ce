"""`ungrid diagnose`: what is wrong with a fit, the evidence in numbers, and what to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ungrid.cli.command import Command, describe


@dataclass(kw_only=True)
class Diagnose(Command):
    """Say what is wrong with a fit, if anything is, and what to do about it."""

    field: tyro.conf.Positional[Path]
    """The .ung file."""
    signal: tyro.conf.Positional[Path | None] = None
    """The picture that it was fitted to: only then can the residual be looked at."""

    def run(self) -> dict[str, Any]:
        """Look."""
        from ungrid import fitting, judging, verbs

        field = verbs.load_as_field(self.field).to(fitting.choose_device(self.device))
        findings = judging.diagnose(field, self.signal)
        return {"findings": [finding.plain() for finding in findings], "metrics": field.metrics}

    def show(self, result: dict[str, Any]) -> None:
        """A paragraph for each finding."""
        if not result["findings"]:
            print("nothing wrong was found" + ("" if self.signal else "; give the picture, too, and its residual is looked at"))
        for finding in result["findings"]:
            print(f"{finding['severity']}: {finding['name'].replace('_', ' ')}")
            print(f"  evidence  {describe(finding['evidence'])}")
            print(f"  remedy    {finding['remedy']}")
