"""`ungrid fit-many`: a folder or a stack of signals in, a folder of .ung files and a report out."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command
from ungrid.errors import ItemsFailed

LINE_SECONDS = 10.0


@dataclass(kw_only=True)
class FitMany(Command):
    """Fit a field to every signal of a folder or a stack; small ones of one shape together."""

    source: tyro.conf.Positional[Path]
    """A folder of files, or many arrays in one: an idx file (MNIST's, also .gz), .npy, .npz, a Zarr store."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    """Folder for one .ung of each, report.json and report.csv."""
    preset: str = "auto"
    """auto, fast, balanced, best: together where that is faster; or an architecture, one by one: siren, hash_grid …"""
    as_kind: Annotated[str | None, tyro.conf.arg(name="as", metavar="KIND")] = None
    """What the files or arrays hold, where that is open: image, audio, series, video, volume, sphere."""
    array: str | None = None
    """Which array of an .npz file or a Zarr group, where several could be meant."""
    steps: int | None = None
    """Steps of the optimizer, at most."""
    max_seconds: float | None = None
    """Seconds of fitting for each, at most."""
    target_psnr: float | None = None
    """Stop each at this many dB; exit code 5 if one does not reach it."""
    engine: Literal["local", "dask", "slurm"] = "local"
    """Where it runs: on this machine, on a Dask cluster (extra `scale`), or as a Slurm array."""
    workers: int = 1
    """Processes at work, which share the cores."""
    resume: bool = False
    """Fit what is not yet done, of a job that was killed or whose input has grown."""

    def run(self) -> dict[str, Any]:
        """Fit all, report."""
        from ungrid.many.fit_many import fit_many

        self._said = time.monotonic()
        report = fit_many(
            self.source,
            self.output,
            preset=self.preset,
            steps=self.steps,
            max_seconds=self.max_seconds,
            target_psnr=self.target_psnr,
            seed=self.seed,
            device=self.device,
            max_memory=self.memory,
            kind=self.as_kind,
            array=self.array,
            workers=self.workers,
            engine=self.engine,
            resume=self.resume,
            progress=self._progress,
        )
        result = report.plain()
        if report.failed or report.below_target:
            first = next(row for row in report.rows if row["error"])
            what = [f"{report.failed} failed"] * bool(report.failed)
            what += [f"{report.below_target} are below the target"] * bool(report.below_target)
            error = ItemsFailed(
                f"{' and '.join(what)} of {len(report.rows)} items, the others are written; the first: {first['file']}: "
                f"{first['error']}; all are in {result['report']}"
            )
            error.report = result
            raise error
        return result

    def _progress(self, done: int, failed: int, n_items: int) -> None:
        """A line now and then."""
        if time.monotonic() >= self._said + LINE_SECONDS:
            self._said = time.monotonic()
            self.say(f"{done:,} of {n_items:,} done" + (f", {failed:,} failed" if failed else ""))
