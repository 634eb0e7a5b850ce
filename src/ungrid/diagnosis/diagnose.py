"""All that is looked at: the record, the field itself, and its residual where the signal is given."""

import torch

from ungrid.diagnosis.between import middle, noise_between_samples
from ungrid.diagnosis.finding import Finding, sort_by_severity
from ungrid.diagnosis.history import rollbacks, unfinished
from ungrid.diagnosis.residual import MOST_SAMPLES, compare, residual_findings
from ungrid.diagnosis.units import silent_units
from ungrid.fields.base import Field
from ungrid.signals.base import Signal

FAR_OUT = 0.05  # beyond [0, 1], in a picture of integers
MANY_FAR_OUT = 0.02


def find_faults(field: Field, signal: Signal | None = None) -> list[Finding]:
    """What is wrong with a fit, the worst first; nothing for a healthy one.

    Args:
        field: fitted, with its record.
        signal: what it was fitted to, for what only the residual shows.

    Raises:
        InputError: a signal of another box or number of channels.
    """
    if field.record is None:
        note = "this field was never fitted, so there is no fit to judge; ug.fit(field, problem) gives it a record"
        return [Finding("no_record", "note", {"n_params": field.n_params}, note)]
    values, truth = (_own_values(field), None) if signal is None else compare(field, signal)
    n_bad = int((~torch.isfinite(values)).sum())
    if n_bad:
        remedy = "fit again at a tenth of the learning rate, with clip=1.0"
        return [*rollbacks(field), Finding("not_finite", "error", {"n_values": n_bad}, remedy)]
    findings = rollbacks(field)
    cut_short = unfinished(field)
    findings += cut_short
    if not cut_short:  # else it follows from that
        findings += [] if truth is None else residual_findings(field, values, truth)
        findings += silent_units(field)
    known = {finding.name for finding in findings} | ({"nothing_learned"} if cut_short else set())
    if "nothing_learned" not in {finding.name for finding in findings}:
        findings += [finding for finding in noise_between_samples(field) if finding.name not in known]
    return sort_by_severity(findings + _out_of_range(field, values))


def _own_values(field: Field) -> torch.Tensor:
    """Values [*shape, c] in the middle of the field's own grid; none for a field without one."""
    if field.record is None or not field.record.shape:
        return torch.zeros(0, field.out_dim)
    grid = field.grid()
    return field.sample(grid.part(middle(grid, MOST_SAMPLES))).cpu().double()


def _out_of_range(field: Field, values: torch.Tensor) -> list[Finding]:
    """`out_of_range`: a picture's values far below 0 or above 1, which PSNR does not see since they are clipped."""
    record = field.record
    if record is None or record.kind != "image" or record.source.get("sample_format") == "float" or not values.numel():
        return []
    share = float(((values < -FAR_OUT) | (values > 1 + FAR_OUT)).double().mean())
    if share < MANY_FAR_OUT:
        return []
    remedy = 'values are clipped where they are shown: fit longer, at a lower learning rate, or with output_activation="sigmoid"'
    evidence: dict[str, float | int] = {
        "share_out_of_range": share,
        "lowest": float(values.min()),
        "highest": float(values.max()),
    }
    return [Finding("out_of_range", "warning", evidence, remedy)]
