"""`ungrid bench`: measurements of this machine as tables, a plot and JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ungrid.cli.command import Command, plain
from ungrid.errors import InputError
from ungrid.spec import lookup

SUITES = {"engine": "training steps, decoding, seconds to a quality, quality between samples"}
OutputFolder = Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")]


@dataclass(kw_only=True)
class Bench(Command):
    """Measure ungrid on this machine: `engine` is steps, decoding, seconds to a quality and quality between samples."""

    suite: tyro.conf.Positional[str]
    """Which suite: engine."""
    output: OutputFolder = None
    """Folder for the suite's .json, .md (tables) and .png (plot)."""
    quick: bool = False
    """Small sizes and one picture, in about half a minute."""
    only: tuple[str, ...] = ()
    """Measurements to make, such as siren_step; all of the suite's by default."""
    images: tuple[Path, ...] = ()
    """Pictures to fit; by default scikit-image's where it is installed, else the one that ships with ungrid."""

    def run(self) -> dict[str, Any]:
        """Measure, write, tell."""
        lookup(self.suite, SUITES, "suite")
        if self.device == "cuda":
            raise InputError("the suite engine measures the processor; leave out --device cuda")
        paths = self._paths()
        from ungrid.bench import engine, machine, pictures

        for name in self.only:
            lookup(name, engine.MEASUREMENTS, "measurement")
        work = engine.Work(engine.QUICK if self.quick else engine.FULL, pictures.pictures(self.images), self.seed)
        described, commit = machine.machine(), machine.commit()  # the load before, not that of the measurements
        self.say(described["kernels"])
        rows = engine.run(work, self.only, tell=self.say)
        result = {"suite": self.suite, "quick": self.quick, "rows": rows, "machine": described, "commit": commit}
        self._write(result, paths)
        return result | {"output": None if self.output is None else str(self.output)}

    def show(self, result: dict[str, Any]) -> None:
        """The tables."""
        from ungrid.bench.report import markdown

        print(markdown(f"ungrid bench {self.suite}", result["rows"], result["machine"], result["commit"]), end="")

    def _paths(self) -> dict[str, Path]:
        """Where each result goes, once it is sure that it can."""
        if self.output is None:
            return {}
        from ungrid.bench.report import check_plot
        from ungrid.files import check_writable, writing_error

        check_plot()
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise writing_error(self.output, error) from None
        paths = {kind: self.output / f"{self.suite}.{kind}" for kind in ("json", "md", "png")}
        for path in paths.values():
            check_writable(path)
        return paths

    def _write(self, result: dict[str, Any], paths: dict[str, Path]) -> None:
        if not paths:
            return
        from ungrid.bench.report import markdown, plot
        from ungrid.files import write_beside

        title = f"ungrid bench {self.suite}" + (" --quick" if self.quick else "")
        text = markdown(title, result["rows"], result["machine"], result["commit"])
        for kind, content in (("json", json.dumps(plain(result), indent=1) + "\n"), ("md", text)):
            with write_beside(paths[kind]) as temporary:
                temporary.write_text(content, encoding="utf-8")
        plot(result["rows"], paths["png"])
