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
    """What it was fitted to: only then can the residual be looked at. Of a series, samples that do not fit are listed."""

    def run(self) -> dict[str, Any]:
        """Look."""
        from ungrid import fitting, judging, verbs

        field = verbs.load_as_field(self.field).to(fitting.choose_device(self.device))
        lists = self.signal is not None and field.record is not None and field.record.kind == "series"
        findings = judging.diagnose(field, None if lists else self.signal)
        result: dict[str, Any] = {"findings": [finding.plain() for finding in findings], "metrics": field.metrics}
        return result | ({"anomalies": [vars(one) for one in judging.anomalies(field, self.signal)]} if lists else {})

    def show(self, result: dict[str, Any]) -> None:
        """A paragraph for each finding."""
        if not result["findings"]:
            print("nothing wrong was found" + ("" if self.signal else "; give the picture, too, and its residual is looked at"))
        for one in result.get("anomalies", []):
            where = "  ".join(f"{at:.10g}" for at in one["coords"])
            off = f"expected {one['expected']:.6g} ({one['deviations']:+.1f} deviations)"
            print(f"{where}  {one['channel']}  {one['value']:.6g}, {off}")
        for finding in result["findings"]:
            print(f"{finding['severity']}: {finding['name'].replace('_', ' ')}")
            print(f"  evidence  {describe(finding['evidence'])}")
            print(f"  remedy    {finding['remedy']}")
