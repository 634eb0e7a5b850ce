"""`ungrid bench`: measurements of this machine as tables, a plot, a page and JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command, plain
from ungrid.errors import InputError
from ungrid.spec import lookup

# name → (one line, options that only some suites have)
SUITES: dict[str, tuple[str, frozenset[str]]] = {
    "engine": ("steps, decoding, seconds to a quality, quality between samples", frozenset({"only", "images"})),
    "models": (
        "architectures at equal parameters and seconds",
        frozenset({"what", "models", "params", "seconds", "seeds", "tune", "resume"}),
    ),
    "papers": ("published settings beside our best and the classical", frozenset({"what", "scale", "data", "resume"})),
    "restore": ("restorations beside classical methods", frozenset({"only", "images"})),
}
SHARED = {"suite", "output", "quick", "json", "quiet", "seed", "device", "max_memory"}
Measured = tuple[list[dict[str, Any]], list[str]]  # rows, and how they were measured
KINDS = ("json", "md", "png", "html")
OutputFolder = Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")]


@dataclass(kw_only=True)
class Bench(Command):
    """Measure ungrid on this machine.

    engine: training steps, decoding, seconds to a quality, quality between samples.
    models: architectures on FILEs at equal parameters and equal seconds of the processor.
    papers: published settings by NAME, beside our best method and the classical one.
    restore: pictures spoiled in known ways, restored by ours and by classical methods.
    """

    suite: tyro.conf.Positional[str]
    """Which suite: engine, models, papers or restore."""
    what: tyro.conf.Positional[tuple[str, ...]] = ()
    """models: signals (pictures, .npy, .npz, .wav); papers: names of settings. All by default."""
    output: OutputFolder = None
    """Folder for the suite's .json, .md (tables), .png (plot) and .html (all of it)."""
    quick: bool = False
    """Small sizes, to see that it works."""
    only: tuple[str, ...] = ()
    """engine, restore: measurements to make, such as siren_step or denoise; all by default."""
    images: tuple[Path, ...] = ()
    """engine, restore: pictures; by default scikit-image's where it is installed, else the one that ships with ungrid."""
    models: Annotated[str, tyro.conf.arg(metavar="a,b")] = ""
    """models: presets with commas between; all by default."""
    params: int | None = None
    """models: parameters of each; 200,000 by default."""
    seconds: float | None = None
    """models: of the processor for each fit; 20 by default, 5 while tuning."""
    seeds: int | None = None
    """models: fits of each model on each signal; 3 by default."""
    tune: bool = False
    """models: find each model's learning rate on the FILEs and keep it in ungrid's rates.json."""
    scale: Literal["reduced", "full"] = "reduced"
    """papers: the paper's own size, hours for some, or a smaller one."""
    data: tuple[Path, ...] = ()
    """papers: files, or folders of them, that the settings need."""

    resume: bool = False
    """models, papers: keep the rows that the last run left in the folder, and measure the others."""

    def run(self) -> dict[str, Any]:
        """Measure, write, tell."""
        lookup(self.suite, SUITES, "suite")
        self._check_options()
        if self.device == "cuda":
            raise InputError(f"the suite {self.suite} measures the processor; leave out --device cuda")
        paths = self._paths()
        from ungrid.bench import machine

        described, commit = machine.machine(), machine.commit()  # the load before, not that of the measurements
        suites = {"engine": self._engine, "models": self._models, "papers": self._papers, "restore": self._restore}
        measure = suites[self.suite]
        result = self._result(*measure(described, commit), described, commit)
        self._write(result, paths)
        return result | {"output": None if self.output is None else str(self.output)}

    def show(self, result: dict[str, Any]) -> None:
        """The tables."""
        from ungrid.bench.report import markdown

        print(markdown(f"ungrid bench {self.suite}", *_told(result), result.get("settings", ())), end="")

    def _engine(self, described: dict[str, Any], commit: str) -> Measured:
        from ungrid.bench import engine, pictures

        for name in self.only:
            lookup(name, engine.MEASUREMENTS, "measurement")
        work = engine.Work(engine.QUICK if self.quick else engine.FULL, pictures.pictures(self.images), self.seed)
        self.say(described["kernels"])
        return engine.run(work, self.only, tell=self.say), []

    def _models(self, described: dict[str, Any], commit: str) -> Measured:
        from ungrid.bench import models, rates, sources

        names = models.chosen([name.strip() for name in self.models.split(",") if name.strip()])
        comparison = self._comparison(models.QUICK if self.quick else models.FULL)
        files = [Path(name) for name in self.what]
        if self.tune:
            return self._tuned(names, files, comparison), []
        known = rates.read_rates()
        signals, settings = sources.signals(files), models.settings(comparison, known, names)
        done, keep = self._kept(settings, described, commit)
        rows = models.compare(signals, names, comparison, known, first_seed=self.seed, done=done, keep=keep, tell=self.say)
        return rows, settings

    def _comparison(self, comparison: Any) -> Any:
        for name in ("params", "seconds", "seeds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"--{name} is {value}; expected more than 0")
        given = {"n_params": self.params, "seconds": self.seconds}
        terms = replace(comparison.terms, **{key: value for key, value in given.items() if value is not None})
        return replace(comparison, terms=terms, seeds=self.seeds or comparison.seeds)

    def _tuned(self, names: list[str], files: list[Path], comparison: Any) -> list[dict[str, Any]]:
        from ungrid.bench import rates, sources
        from ungrid.files import check_writable

        check_writable(rates.FILE)
        signals = {
            name: sources.crop(signal, comparison.side or rates.SIDE) for name, signal in sources.tuning_signals(files).items()
        }
        seconds = self.seconds or min(rates.SECONDS, comparison.terms.seconds)
        rows = []
        for name in names:  # each is kept as soon as it is found
            tuned = rates.tune([name], signals, replace(comparison.terms, seconds=seconds), seed=self.seed, tell=self.say)
            rates.write_rates(tuned)
            rows += [
                {"measurement": "rates", "name": name, "factor": entry["factor"], **entry["tried"]} for entry in tuned.values()
            ]
        return rows

    def _papers(self, described: dict[str, Any], commit: str) -> Measured:
        from ungrid.bench.papers import table

        size = "quick" if self.quick else self.scale
        settings = table.told(self.what, size)
        done, keep = self._kept(settings, described, commit)
        return table.reproduce(self.what, size, self.data, seed=self.seed, done=done, keep=keep, tell=self.say), settings

    def _restore(self, described: dict[str, Any], commit: str) -> Measured:
        from ungrid.bench import pictures, restore

        for name in self.only:
            lookup(name, restore.MEASUREMENTS, "measurement")
        sizes = restore.QUICK if self.quick else restore.FULL
        found = pictures.pictures(self.images)
        wanted = self.only or tuple(restore.MEASUREMENTS)
        rows = [row for name in wanted for row in restore.MEASUREMENTS[name](found, sizes, self.seed, self.say)]
        return rows, restore.settings(sizes)

    def _kept(
        self, settings: list[str], described: dict[str, Any], commit: str
    ) -> tuple[list[dict[str, Any]], Callable[[Sequence[dict[str, Any]]], None]]:
        """Rows that an earlier run left, where it is resumed; and what keeps those of this one, so that a stop loses none."""
        path = None if self.output is None else self.output / f"{self.suite}.json"

        def keep(rows: Sequence[dict[str, Any]]) -> None:
            if path is not None:
                _write_text(path, _as_json(self._result(list(rows), settings, described, commit)))

        return (self._rows_before(path, settings) if self.resume else []), keep

    def _rows_before(self, path: Path | None, settings: list[str]) -> list[dict[str, Any]]:
        """Rows that an earlier run wrote on the same terms."""
        if path is None:
            raise InputError("--resume needs the folder of the earlier run; say it with -o")
        if not path.exists():
            return []
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            rows, terms = list(before["rows"]), before.get("settings", settings)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path} holds no rows of an earlier run; leave out --resume") from None
        if terms != settings:
            raise InputError(f"the run in {path} was on other terms ({terms[0]}); leave out --resume, or say them again")
        return rows

    def _result(self, rows: list[dict[str, Any]], settings: list[str], described: dict[str, Any], commit: str) -> dict[str, Any]:
        result = {"suite": self.suite, "quick": self.quick, "rows": rows, "machine": described, "commit": commit}
        return result | ({"settings": settings} if settings else {})

    def _check_options(self) -> None:
        """Raise for an option that the suite does not have."""
        own = SUITES[self.suite][1] | SHARED
        for item in fields(self):
            if item.name not in own and getattr(self, item.name) != item.default:
                said = "takes no names or files" if item.name == "what" else f"has no --{item.name}"
                raise InputError(f"the suite {self.suite} {said}; see ungrid bench --help")

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
        paths = {kind: self.output / f"{self.suite}.{kind}" for kind in KINDS}
        for path in paths.values():
            check_writable(path)
        return paths

    def _write(self, result: dict[str, Any], paths: dict[str, Path]) -> None:
        if not paths:
            return
        from ungrid.bench.page import page
        from ungrid.bench.report import markdown, plot

        title = f"ungrid bench {self.suite}" + (" --quick" if self.quick else "")
        settings = result.get("settings", ())
        _write_text(paths["json"], _as_json(result))
        _write_text(paths["md"], markdown(title, *_told(result), settings))
        plot(result["rows"], paths["png"])
        _write_text(paths["html"], page(title, *_told(result), settings=settings, png=paths["png"].read_bytes()))


def _told(result: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    return result["rows"], result["machine"], result["commit"]


def _as_json(result: dict[str, Any]) -> str:
    return json.dumps(plain(result), indent=1) + "\n"


def _write_text(path: Path, content: str) -> None:
    from ungrid.files import write_beside

    with write_beside(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
