"""`ungrid learn-start`: a folder of pictures in, weights to begin from out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command
from ungrid.errors import InputError, MissingFile


@dataclass(kw_only=True)
class LearnStart(Command):
    """Learn from pictures of one kind where fits begin: then ungrid fit photo.png --start START.ung takes few steps."""

    folder: tyro.conf.Positional[Path]
    """Folder of pictures with the same channels, at least two; nothing else may be in it but folders and hidden files."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="START.ung")]
    """The start's file."""
    method: Literal["reptile", "maml", "strainer"] = "reptile"
    """reptile: the mean of where short fits end; maml: descent through a few steps of plain descent; strainer: first layers
    fitted to all pictures at once."""
    preset: str = "siren"
    """A published setting: siren, sine, wire, finer, fourier_mlp …"""
    steps: int | None = None
    """Steps of the start; the method's own number if not given."""
    inner_steps: int | None = None
    """Steps of each picture's own fit from the start."""
    inner_rate: float | None = None
    """Learning rate of these."""
    members: int | None = None
    """Pictures in a step."""

    def run(self) -> dict[str, Any]:
        """Learn, save, report."""
        from ungrid import starting, verbs
        from ungrid.files import check_writable
        from ungrid.fit.progress import ProgressBar

        paths = self._pictures()
        check_writable(self.output)
        signals = [verbs.as_signal(path) for path in paths]
        self.say(f"{self.folder}: {len(paths)} pictures")
        start = starting.learn_start(
            signals,
            self.preset,
            method=self.method,
            steps=self.steps,
            inner_steps=self.inner_steps,
            inner_rate=self.inner_rate,
            members=self.members,
            seed=self.seed,
            device=self.device,
            callbacks=[] if self.quiet else [ProgressBar()],
        )
        verbs.save(start, self.output)
        assert start.record is not None
        learned = start.record.fit
        return {
            "output": self.output,
            "preset": self.preset,
            "n_params": start.n_params,
            "bytes": self.output.stat().st_size,
            **learned,
        }

    def show(self, result: dict[str, Any]) -> None:
        """The result, without what was said before."""
        super().show({key: value for key, value in result.items() if key != "notes"})

    def _pictures(self) -> list[Path]:
        if not self.folder.is_dir():
            if self.folder.exists():
                raise InputError(f"{self.folder} is a file; expected a folder of pictures")
            raise MissingFile(f"no such folder: {self.folder}")
        paths = sorted(path for path in self.folder.iterdir() if path.is_file() and not path.name.startswith("."))
        paths = [path for path in paths if path.resolve() != self.output.resolve()]
        if len(paths) < 2:
            raise InputError(f"{self.folder} holds {len(paths)} pictures; a start is learned from at least 2")
        return paths
