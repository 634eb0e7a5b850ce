"""What the record of a fit says: rollbacks, a curve that still rises, a fit that was cut short.

The record may come from a file that nobody vouches for, so whatever is not the number it should be counts as missing.
"""

import math
import re
from typing import Any

from ungrid.diagnosis.finding import Finding
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe

GOOD_PSNR = 35.0  # dB from which on a fit that could go on is no fault
STILL_RISING = 2.0  # dB in the last quarter of the steps, at a constant rate
LEAST_CURVE = 8  # points, for a quarter of it to say something
MANY_ROLLBACKS = 3
WENT_BACK = re.compile(r"went back to step \d+, learning rate × ([0-9.e+-]+)")


def rollbacks(field: Field) -> list[Finding]:
    """`unstable`: the loss exploded, and the fit went back and lowered its rate."""
    notes = _fit(field).get("notes")
    found = [WENT_BACK.search(note) for note in notes if isinstance(note, str)] if isinstance(notes, list) else []
    factors = [float(match[1]) for match in found if match is not None]
    if not factors:
        return []
    rate = _recipe(field).learning_rate
    remedy = (
        f"the learning rate is too high: fit with Recipe(learning_rate={rate * factors[-1] / 2:.2g}) or less, or set clip=1.0"
    )
    severity = "warning" if len(factors) >= MANY_ROLLBACKS else "note"
    return [Finding("unstable", severity, {"rollbacks": len(factors), "rate_factor": factors[-1], "learning_rate": rate}, remedy)]


def unfinished(field: Field) -> list[Finding]:
    """`unfinished`: fewer than half of the recipe's steps, or a curve that rises to its end, and a PSNR below 35 dB."""
    fit, recipe = _fit(field), _recipe(field)
    steps, psnr = number(fit.get("steps")), measured(field, "quality")
    if steps is None or psnr is None or psnr >= GOOD_PSNR or fit.get("stopped_by") == "target_psnr":
        return []
    gain = _gain(fit.get("curve")) if recipe.schedule == "constant" else None
    evidence: dict[str, float | int] = {"steps": int(steps), "psnr": psnr}
    if gain is not None:
        evidence["gain_in_last_quarter"] = gain
    if field.recipe is not None and steps < recipe.steps / 2 and not _is_member_sum(fit):
        evidence["steps_of_recipe"] = recipe.steps
        return [Finding("unfinished", "warning", evidence, f"fit longer: --steps {recipe.steps}")]
    if gain is not None and gain > STILL_RISING:
        return [Finding("unfinished", "warning", evidence, f"the PSNR still rises, fit longer: --steps {int(3 * steps)}")]
    return []


def cannot_learn(field: Field, evidence: dict[str, float | int]) -> Finding:
    """`nothing_learned` with its evidence, and the rate to try next."""
    rate = _recipe(field).learning_rate
    remedy = (
        f"nothing was learned, most often for too high a rate: fit with Recipe(learning_rate={rate / 10:.2g}), or warm_up=0.1"
    )
    return Finding("nothing_learned", "error", evidence | {"learning_rate": rate}, remedy)


def measured(field: Field, group: str) -> float | None:
    """The PSNR of a group of the field's metrics, if there is one."""
    measures = field.metrics.get(group)
    return number(measures.get("psnr")) if isinstance(measures, dict) else None


def number(value: Any) -> float | None:
    """A finite number, or None."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63 and math.isfinite(value)
    return float(value) if good else None


def _gain(curve: Any) -> float | None:
    """dB gained in the last quarter of the steps, or None where the curve is too short to say."""
    points = curve if isinstance(curve, list) else []
    pairs = [(number(point[0]), number(point[2])) for point in points if isinstance(point, list) and len(point) == 3]
    known = [(step, psnr) for step, psnr in pairs if step is not None and psnr is not None]
    if len(known) < LEAST_CURVE:
        return None
    last_step, last = known[-1]
    before = [psnr for step, psnr in known if step <= 0.75 * last_step]
    return last - before[-1] if before else None


def _is_member_sum(fit: dict[str, Any]) -> bool:
    """Whether the steps are those of several fits together."""
    uncertainty = fit.get("uncertainty")
    return isinstance(uncertainty, dict) and "n_members" in uncertainty


def _fit(field: Field) -> dict[str, Any]:
    return field.record.fit if field.record is not None else {}


def _recipe(field: Field) -> Recipe:
    return field.recipe or Recipe()
