"""`ungrid blend`: a part of one picture into another, without a seam."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ungrid.cli.command import Command
from ungrid.errors import InputError, nearest


@dataclass(kw_only=True)
class Blend(Command):
    """Put a part of one picture into another by its gradients, so that no seam shows (Poisson image editing)."""

    source: tyro.conf.Positional[Path]
    """The picture that is put in."""
    target: tyro.conf.Positional[Path]
    """The picture that it is put into."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """A picture of the target's bit depth and profile, or the field as .ung."""
    at: Annotated[str, tyro.conf.arg(metavar="y=40,x=60")]
    """Where in the target the source's first pixel goes, in whole pixels."""
    mask: Annotated[Path | None, tyro.conf.arg(metavar="MASK")] = None
    """A picture of the source's size, white where it is taken; left out, where its alpha is, or all of it."""
    mixed: bool = False
    """Keep the target's gradients where they are larger."""

    def run(self) -> dict[str, Any]:
        """Blend, write, report."""
        from ungrid import blending, verbs
        from ungrid.files import check_writable

        self._check_output()
        at = self._place()
        check_writable(self.output)
        field = blending.blend(self.source, self.target, at=at, mask=self.mask, mixed=self.mixed)
        if self.output.suffix.lower() == ".ung":
            verbs.save(field, self.output)
        else:
            verbs.render(field, self.output, max_memory=self.memory)
        assert field.record is not None
        keys = ("reason", "at", "pixels", "steps", "residual", "seconds")
        told = {key: field.record.fit[key] for key in keys}
        return {"output": self.output, "shape": [*field.grid().shape, field.out_dim], **told}

    def _place(self) -> dict[str, float]:
        place = {}
        for part in self.at.split(","):
            axis, equals, number = part.partition("=")
            try:
                place[axis.strip()] = float(number)
            except ValueError:
                equals = ""
            if not equals or axis.strip() not in ("y", "x"):
                raise InputError(f"--at is {self.at!r}; expected something like y=40,x=60")
        return place

    def _check_output(self) -> None:
        from ungrid.signals.image_write import FORMATS

        endings, ending = [".ung", *FORMATS], self.output.suffix.lower()
        if ending not in endings:
            raise InputError(
                f"cannot write {self.output.name}: a blended picture is written to {' '.join(endings)}{nearest(ending, endings)}"
            )
        inputs = [each.resolve() for each in (self.source, self.target, self.mask) if each is not None]
        if self.output.resolve() in inputs:
            raise InputError(f"cannot write to {self.output}: that is an input; give another name with -o")
