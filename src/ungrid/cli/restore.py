"""`ungrid restore`: a degraded picture in, what was there out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command
from ungrid.errors import InputError, nearest


@dataclass(kw_only=True)
class Restore(Command):
    """Take the noise out of a picture: by a fitted field, a classical estimate, or the mean of both."""

    source: tyro.conf.Positional[Path]
    """The picture's file."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """A picture of the source's bit depth and profile, or the field as .ung."""
    denoise: Annotated[str, tyro.conf.arg(metavar="NOISE")] = "auto"
    """gaussian:SIGMA (levels of 0 to 255), poisson:PEAK (photons of white), poisson-gaussian:PEAK,SIGMA; gaussian and poisson
    alone estimate their number, auto takes the noise as Gaussian."""
    method: Literal["auto", "field", "classical"] = "auto"
    """auto averages a fitted field and a classical estimate, which is best on the mean; or one of the two alone."""

    def run(self) -> dict[str, Any]:
        """Restore, write, report."""
        from ungrid import fitting, restoring, verbs
        from ungrid.files import check_writable

        device = str(fitting.choose_device(self.device))
        self._check_output()
        signal = restoring.as_picture(self.source)
        check_writable(self.output)
        field = restoring.restore(signal, denoise=self.denoise, method=self.method, seed=self.seed, device=device)
        if self.output.suffix.lower() == ".ung":
            verbs.save(field, self.output)
        else:
            verbs.render(field, self.output, max_memory=self.memory)
        assert field.record is not None
        fit = field.record.fit
        told = ("noise", "method", "shares", "seconds", "candidate_seconds", "stopped_by", "device")
        return {"output": self.output, "shape": [*field.record.shape, field.out_dim]} | {key: fit[key] for key in told}

    def _check_output(self) -> None:
        from ungrid.signals.image_write import FORMATS

        endings = [".ung", *FORMATS]
        ending = self.output.suffix.lower()
        if ending not in endings:
            raise InputError(
                f"cannot write {self.output.name}: a restored picture is written to {' '.join(endings)}{nearest(ending, endings)}"
            )
        if self.output.resolve() == self.source.resolve():
            raise InputError(f"cannot write to {self.output}: that is the input; give another name with -o")
