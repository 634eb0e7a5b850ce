"""What a diagnosis says: one thing that is wrong, how sure it is, in numbers, and what to do about it."""

from dataclasses import dataclass
from typing import Any

SEVERITIES = ("note", "warning", "error")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a fit.

    Args:
        name: of the fault, one word or several with underscores.
        severity: "note" (worth knowing), "warning" (quality is lost), "error" (the field is not usable as it is).
        evidence: what was measured, by name: plain numbers.
        remedy: what to do, as a command or setting.
    """

    name: str
    severity: str
    evidence: dict[str, float | int]
    remedy: str

    def plain(self) -> dict[str, Any]:
        """As JSON has it; numbers to four digits."""
        evidence = {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in self.evidence.items()}
        return {"name": self.name, "severity": self.severity, "evidence": evidence, "remedy": self.remedy}


def sort_by_severity(findings: list[Finding]) -> list[Finding]:
    """The worst first; equal ones in their order."""
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))
