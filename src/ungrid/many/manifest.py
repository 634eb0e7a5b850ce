"""What is kept in OUT/.fit-many while a job runs, so that it can go on after a kill; and the report."""

import csv
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ungrid.errors import FormatError, InputError
from ungrid.files import write_beside, writing_error
from ungrid.many.items import Item
from ungrid.many.jobs import Job, Settings
from ungrid.many.work import BELOW, COLUMNS, DONE, FAILED, FOLDER, Row

PLAN, LINES = "manifest.json", "done.jsonl"
REPORT_JSON, REPORT_CSV = "report.json", "report.csv"
FREE = ("device", "max_memory")  # settings that may change when a job goes on


@dataclass(frozen=True)
class Report:
    """What became of many items.

    Args:
        output: folder of the fields.
        rows: one for each item, in order: `COLUMNS` of `ungrid.many.work`.
        seconds: of wall time that this run took.
        n_before: items that were done before this run.
    """

    output: Path
    rows: list[Row]
    seconds: float
    n_before: int = 0

    @property
    def done(self) -> int:
        """Items that have a field."""
        return sum(row["status"] in (DONE, BELOW) for row in self.rows)

    @property
    def failed(self) -> int:
        """Items that have none."""
        return sum(row["status"] == FAILED for row in self.rows)

    @property
    def below_target(self) -> int:
        """Items with a field that does not reach the target."""
        return sum(row["status"] == BELOW for row in self.rows)

    def plain(self) -> dict[str, Any]:
        """The sums, as JSON has them."""
        found = [row["psnr"] for row in self.rows if row["psnr"] is not None]
        return {
            "output": str(self.output),
            "items": len(self.rows),
            "done": self.done,
            "failed": self.failed,
            "below_target": self.below_target,
            "done_before": self.n_before,
            "seconds": round(self.seconds, 3),
            "bytes": sum(row["bytes"] or 0 for row in self.rows),
            "mean_psnr": round(sum(found) / len(found), 3) if found else None,
            "report": str(self.output / REPORT_JSON),
        }

    def write(self) -> None:
        """Write report.json and report.csv into the output.

        Raises:
            MachineError: not writable, disk full.
        """
        with write_beside(self.output / REPORT_JSON) as temporary:
            temporary.write_text(json.dumps(self.plain() | {"rows": self.rows}, indent=1) + "\n", encoding="utf-8")
        with write_beside(self.output / REPORT_CSV) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(row | {"shape": "×".join(map(str, row["shape"] or ()))} for row in self.rows)


class Manifest:
    """The plan of a job and what of it is done, on disk.

    Args:
        output: folder of the fields.
        source: the input, in words.
        settings: of the fits.
        resume: whether to go on with what is there; if not, it is begun anew.

    Raises:
        InputError: what is there is of another input or other settings.
        FormatError: it cannot be read.
        MachineError: not writable.
    """

    def __init__(self, output: Path, source: dict[str, Any], settings: Settings, *, resume: bool):
        self.output, self.folder = output, output / FOLDER
        fixed = {key: value for key, value in asdict(settings).items() if key not in FREE}
        self.identity = json.loads(json.dumps({"source": source, **fixed}))
        self.planned: dict[str, Any] = {}
        self.rows: dict[str, Row] = {}
        if resume and (self.folder / PLAN).is_file():
            self._read()
        else:
            self._begin()

    def is_done(self, item: Item) -> bool:
        """Whether an item was fitted, is as it was, and its field is there."""
        row = self.rows.get(item.name)
        if row is None or row["status"] == FAILED or self._stamp(item) != self.planned.get(item.name, {}).get("stamp"):
            return False
        return bool((self.output / str(row["output"])).is_file())

    def left(self, items: Sequence[Item]) -> tuple[list[Job], list[Item]]:
        """Jobs for the items that were planned and are not done, in the stacks of then; and items that are to be planned."""
        jobs: dict[int, list[Item]] = {}
        new = []
        for item in items:
            known = self.planned.get(item.name)
            if known is None or known["stamp"] != self._stamp(item) or known["job"] is None:
                new.append(item)
            elif not self.is_done(item):
                jobs.setdefault(known["job"], []).append(item)
        return [Job(tuple(group), self.planned[group[0].name]["is_stack"]) for group in jobs.values()], new

    def plan(self, jobs: Iterable[Job], items: Sequence[Item]) -> None:
        """Keep which items are fitted together; those in no job cannot be read, and are tried again when the job goes on."""
        first = 1 + max((known["job"] for known in self.planned.values() if known["job"] is not None), default=-1)
        numbers = {item.name: (first + number, job.is_stack) for number, job in enumerate(jobs) for item in job.items}
        for item in items:
            number, is_stack = numbers.get(item.name, (None, False))
            self.planned[item.name] = {"stamp": self._stamp(item), "job": number, "is_stack": is_stack}
        with write_beside(self.folder / PLAN) as temporary:
            temporary.write_text(json.dumps({"identity": self.identity, "items": self.planned}) + "\n", encoding="utf-8")

    def add(self, rows: Sequence[Row]) -> None:
        """Keep what became of some items.

        Raises:
            MachineError: not writable, disk full.
        """
        self.rows |= {row["name"]: row for row in rows}
        try:
            with open(self.folder / LINES, "a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        except OSError as error:
            raise writing_error(self.folder / LINES, error) from None

    def _begin(self) -> None:
        try:
            if self.folder.is_dir():
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise writing_error(self.output, error) from None

    def _read(self) -> None:
        path = self.folder / PLAN
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            identity, self.planned = dict(kept["identity"]), dict(kept["items"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path} cannot be read ({error}); start again without --resume") from None
        if identity != self.identity:
            differs = sorted(key for key in self.identity if identity.get(key) != self.identity[key])
            raise InputError(
                f"cannot resume: {self.output} is of a job with another {', '.join(differs)}; start without --resume"
            )
        lines = self.folder / LINES
        for line in lines.read_text(encoding="utf-8").splitlines() if lines.is_file() else ():
            try:
                row = dict.fromkeys(COLUMNS) | dict(json.loads(line))
                self.rows[str(row["name"])] = row
            except (ValueError, TypeError):  # the line that a kill cut off: its items are fitted again
                continue

    @staticmethod
    def _stamp(item: Item) -> list[Any]:
        return [item.file, item.index, item.bytes, item.modified]
