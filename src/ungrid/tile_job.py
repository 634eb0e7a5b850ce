"""The job of one tile: read its samples, fit its field, write what it found."""

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ungrid.fields.base import Field
from ungrid.fields.packing import save_tile
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fit.problem import Judge
from ungrid.fitting import carry_out
from ungrid.presets.plan import Plan
from ungrid.presets.tiles import TilePlan
from ungrid.signals.base import OWN_PEAKS, Signal
from ungrid.signals.large import LargeSignal
from ungrid.tasks.represent import represent
from ungrid.tile_parts import COARSE, tile_path
from ungrid.verbs import load_as_field


@dataclass(frozen=True)
class TileFit:
    """The job of one tile: read, fit, write its tensors into the folder. Can be pickled.

    Args:
        signal: what is fitted.
        plan: what all tiles have in common.
        limits: of one tile.
        folder: `OUT.ung.parts`.
        device: where to compute.
        max_memory: bytes that a tile's fit may take.
    """

    signal: LargeSignal
    plan: TilePlan
    limits: Limits
    folder: Path
    device: str
    max_memory: int | None

    def __call__(self, flat: int) -> dict[str, Any]:
        """Fit tile number `flat`; plain values about it."""
        begin, clock = time.monotonic(), time.process_time()
        tiling = self.plan.tiling(self.signal.grid.box)
        local, where = tiling.cell(self.signal.grid, tiling.index(flat))
        values = self.signal.read(where)
        if self.plan.cut.coarse_factor:
            values = values - load_as_field(self.folder / COARSE).sample(self.signal.grid.part(where))
        outline = self.signal.outline
        rest = Signal(values, local, outline.kind, outline.channels, {"sample_format": "float"})
        field = self.plan.tile()
        self.plan.own.begin(field, rest)
        order = field.recipe.order if field.recipe else "shuffled"
        estimates = "none" if rest.kind in OWN_PEAKS else self.plan.estimates  # there values do not count alike
        problem = represent(
            rest,
            order=order,
            estimates=estimates,
            heldout=self.plan.own.heldout,
            seed=self.plan.seed,
            max_memory=self.max_memory,
        )
        if problem.judge is not None and not self.plan.own.judged_whole:
            problem = replace(problem, judge=QuickJudge(problem.judge))
        plan = Plan(field, problem, self.plan.effort, "float16", "")
        fitted = carry_out(plan, self.limits, seed=self.plan.seed, device=self.device, guard=Guard(), max_memory=self.max_memory)
        assert fitted.record is not None
        said = {
            "flat": flat,
            "steps": fitted.record.fit["steps"],
            "stopped_by": fitted.record.fit["stopped_by"],
            "heldout": fitted.metrics["heldout"],
            "peak": None if rest.kind in OWN_PEAKS else rest.peak,
            "psnr": fitted.metrics["quality"]["psnr"],
            "notes": fitted.record.fit["notes"],
            "seconds": round(time.monotonic() - begin, 3),
            "cpu_seconds": round(time.process_time() - clock, 3),
            "samples": math.prod(local.shape),
        }
        save_tile(fitted, tile_path(self.folder, flat), said)
        return said


class QuickJudge:
    """A judge that knows a tile by a few thousand samples: the whole is measured when all tiles are there.

    Args:
        judge: of the tile.
    """

    def __init__(self, judge: Judge):
        self._judge = judge
        self.monitor, self.heldout, self.give_back = judge.monitor, judge.heldout, judge.give_back

    def quality(self, field: Field) -> dict[str, Any]:
        """PSNR at the samples that are watched during the fit; None for an exact match."""
        psnr = self._judge.monitor(field)
        return {"psnr": psnr if math.isfinite(psnr) else None}
