"""What a fit will take and give, said before it starts: seconds, bytes of the file, PSNR.

Seconds are counted from constants of the machine, which `ungrid doctor --calibrate` measures. PSNR follows from how much of
the picture is lost in a reduction by two: that is about what a grid with fewer parameters than the picture has values loses.
"""

import json
import math
import os
import sys
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.fields.base import Field
from ungrid.fields.storage import file_bytes
from ungrid.files import write_beside, writing_error
from ungrid.kernels.native_library import describe
from ungrid.signals.base import Signal

HOW = "ungrid doctor --calibrate"
WINDOW, MOST_SEEN = 128, 2**19  # pixels across the parts of a large picture that are looked at, and pixels in all
SMALLEST = 32  # pixels along an axis: of a smaller picture nothing is known
LEAST_SHARE, MOST_SHARE = 0.25, 4.0  # of the recipe's steps, between which PSNR follows their number
FELT = 5.0  # seconds; what is off by less is not worth a note
LEAST_LOSS = 1e-8  # mean square that counts as nothing lost: 80 dB
# dB, by least squares over 274 fits of 10 of Kodak's and 5 of Set5's pictures, color and gray, whole and reduced, at all efforts,
# some with fewer steps or bytes, and 0.5 dB more since batches are drawn by error: then 1.3 dB RMS over 30 of those fits.
CONSTANT, FIRST, SECOND = -3.71, 1.78, -1.12
A_PASS, A_STEP, A_PARAMETER = 1.20, 0.99, 2.64  # for each doubling of their number
MOST_PASSES = 24  # more teach no more
BY_AXES = {3: 4.0, 4: 14.0}  # a point of a volume sees 64 nodes a level, one that changes 256, where a picture's sees 16


@dataclass(frozen=True)
class Machine:
    """Seconds that parts of a fit take here; the defaults are those of one core of a server of 2023, native kernels.

    Args:
        step: one step of the optimizer, apart from the next two.
        parameter: of a step, for each parameter.
        point: of a step, for each sample in its batch.
        cubic: placing one value between samples by cubic convolution.
        solved: estimating one there, or one that is not known, by solving for it.
        measured: drawing one value of the finished field and comparing it.
        origin: where the numbers are from, for the line that is shown.
    """

    step: float = 9.0e-4
    parameter: float = 1.0e-9
    point: float = 3.1e-7
    cubic: float = 2.0e-7
    solved: float = 1.9e-6
    measured: float = 1.15e-7
    origin: str = f"not calibrated: {HOW}"

    @staticmethod
    def here() -> "Machine":
        """This machine as it was calibrated, or the defaults, with the reason in `origin`; never an error."""
        path = Path("calibration.json")
        try:
            path = calibration_path()
            saved = json.loads(path.read_text(encoding="utf-8"))
            costs = {name: float(saved["machine"][name]) for name in COSTS}
            valid = all(math.isfinite(cost) and 0 <= cost < 1 for cost in costs.values())
            threads, kernels = saved["threads"], saved["kernels"]
        except FileNotFoundError:
            return Machine()
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError):
            valid = False
        if not valid:
            return Machine(origin=f"{path} is broken and ignored: {HOW}")
        if threads != torch.get_num_threads() or kernels != describe():
            return Machine(origin=f"calibrated with other threads or kernels: {HOW}")
        return Machine(**costs, origin="calibrated")

    def save(self) -> Path:
        """Write the calibration file for the current threads and kernels.

        Raises:
            MachineError: not writable, disk full.
        """
        path = calibration_path()
        content = {"machine": self.costs(), "threads": torch.get_num_threads(), "kernels": describe()}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise writing_error(path, error) from None
        with write_beside(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path

    def costs(self) -> dict[str, float]:
        """The constants by name."""
        return {name: cost for name, cost in asdict(self).items() if name in COSTS}


COSTS = tuple(item.name for item in fields(Machine) if item.name != "origin")


def calibration_path() -> Path:
    """Where the calibration is kept: `ungrid/calibration.json` in the user's cache folder."""
    if sys.platform == "win32":
        cache = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "ungrid" / "calibration.json"


class Course(NamedTuple):
    """The parts of the predicted seconds: estimating, steps of the loop, each of so many seconds, and looking and measuring."""

    estimating: float
    steps: int
    step: float
    measuring: float

    @property
    def seconds(self) -> float:
        """Of all parts."""
        return self.estimating + self.steps * self.step + self.measuring


@dataclass(frozen=True)
class Prediction:
    """What is expected of a fit.

    Args:
        seconds: of estimating, of the loop and of measuring the result, without reading and writing; None if not known.
        bytes: of the file.
        psnr: dB, at peak 1, as the judge measures it; None if not known.
        course: the parts of the seconds.
        origin: where the machine's constants are from.
    """

    seconds: float | None
    bytes: int
    psnr: float | None
    course: Course | None = None
    origin: str = ""

    def within(self, steps: int | None, max_seconds: float | None, *, device: str = "cpu") -> "Prediction":
        """The prediction where the loop is limited, as `Limits` has it; no seconds where it does not run on the CPU."""
        if self.course is None:
            return self
        planned, n = self.course.steps, self.course.steps if steps is None else steps
        if max_seconds is not None:
            in_time = math.ceil(max_seconds / max(self.course.step, 1e-9))
            n = in_time if steps is None else min(steps, in_time)
        psnr = self.psnr
        if psnr is not None and n != planned:
            share = n / planned
            psnr = None if share < LEAST_SHARE else psnr + (A_PASS + A_STEP) * math.log2(min(share, MOST_SHARE))
        course = self.course._replace(steps=n)
        if device != "cpu":
            return replace(self, seconds=None, psnr=psnr if max_seconds is None else None, course=None)
        return replace(self, seconds=course.seconds, psnr=psnr, course=course)

    def plain(self) -> dict[str, float | int | None]:
        """As reports and records have it."""
        seconds, psnr = self.seconds, self.psnr
        return {
            "seconds": None if seconds is None else round(seconds, 3),
            "bytes": self.bytes,
            "psnr": None if psnr is None else round(psnr, 2),
        }

    def describe(self) -> str:
        """One line for a person."""
        size = f"{self.bytes / 1e6:.3g} MB" if self.bytes >= 1e6 else f"{self.bytes / 1e3:.3g} kB"
        parts = [] if self.seconds is None else [f"{self.seconds:.2g} s" if self.seconds < 10 else f"{self.seconds:,.0f} s"]
        parts += [size] if self.psnr is None else [size, f"{self.psnr:.0f} dB"]
        return f"expects about {', '.join(parts)}" + (f" ({self.origin})" if self.seconds is not None and self.origin else "")

    def misses(self, seconds: float, psnr: float | None) -> list[str]:
        """What came out otherwise: seconds by more than a factor of two and by enough to be felt, PSNR by more than 3 dB."""
        notes = []
        expected = self.seconds
        if expected is not None and abs(seconds - expected) > FELT and not 0.5 <= seconds / max(expected, 1e-9) <= 2:
            notes.append(f"took {seconds:.3g} s where {expected:.3g} s were expected ({self.origin})")
        if self.psnr is not None and psnr is not None and abs(psnr - self.psnr) > 3:
            notes.append(f"reached {psnr:.1f} dB where {self.psnr:.1f} dB were expected")
        return notes


def predict(
    signal: Signal, field: Field, stored: str, estimates: str, machine: Machine, *, n_known: int | None = None
) -> Prediction:
    """What fitting a default preset's field to a signal on the CPU will take and give.

    Args:
        signal: what will be fitted.
        field: with its recipe.
        stored: how the weights will be written.
        estimates: what it is fitted to beside the samples, as `tasks.represent` takes it; "none", as published settings have
            it, for bytes alone.
        machine: its constants.
        n_known: samples that are known; None for all. with a number, PSNR is not predicted.
    """
    size = file_bytes(field, stored)
    recipe = field.recipe
    if estimates == "none" or recipe is None or recipe.batch_size is None:
        return Prediction(None, size, None)
    n, c = signal.grid.size, signal.out_dim
    between = signal.grid.with_midpoints().size - n
    estimating = machine.solved * (0 if n_known is None else n - n_known)
    estimating += between * {"between": machine.solved, "cubic": machine.cubic}.get(estimates, 0.0)
    point = machine.point * BY_AXES.get(len(signal.grid.shape), 1.0)
    step = machine.step + machine.parameter * field.n_params + point * recipe.batch_size
    looking = point * (
        n + {"between": between, "cubic": between, "spline": n}.get(estimates, 0)
    )  # three looks, each a third of a step
    course = Course(estimating * c, recipe.steps, step, looking + machine.measured * n * c)
    psnr = expected_psnr(signal, field) if n_known is None else None
    return Prediction(course.seconds, size, psnr, course, machine.origin)


def expected_psnr(signal: Signal, field: Field) -> float | None:
    """PSNR [dB] of a default preset's field after its recipe, by the linear model.

    None for what is no picture, a picture of a few pixels, or values that are not finite.
    """
    colors, recipe = signal.measured_channels, field.recipe
    if signal.kind != "image" or recipe is None or recipe.batch_size is None or not colors or min(signal.grid.shape) < SMALLEST:
        return None
    first, second, spread, independent = detail(signal.values[..., colors])
    psnr = spread + CONSTANT + FIRST * (first - spread) + SECOND * (second - spread)
    passes = min(MOST_PASSES, recipe.steps * recipe.batch_size / signal.grid.size)
    psnr += A_PASS * math.log2(passes) + A_STEP * math.log2(recipe.steps)
    psnr += A_PARAMETER * math.log2(field.n_params / (signal.grid.size * independent))
    return max(psnr, spread) if math.isfinite(psnr) else None


class Detail(NamedTuple):
    """What decides how well a picture can be fitted.

    Args:
        first: PSNR [dB] at peak 1 of the picture reduced by two and enlarged again: how little its top octave has.
        second: likewise of the reduced picture: the next octave.
        spread: of its mean color.
        independent: 1 to c, how many channels the top octave would need if what they share were kept once.
    """

    first: float
    second: float
    spread: float
    independent: float


@torch.no_grad()
def detail(values: Float[Tensor, "h w c"]) -> Detail:
    """Measures of a picture, of a large one from some windows of it: 20 ms at most."""
    parts = _windows(values).movedim(-1, 1).float()
    half = functional.avg_pool2d(parts, 2)
    quarter = functional.avg_pool2d(half, 2)
    lost, lost_next = parts - _enlarged(half), half - _enlarged(quarter)
    spread = parts - parts.mean(dim=(0, 2, 3), keepdim=True)
    channels = lost.movedim(1, 0).flatten(1)
    shared = channels @ channels.T
    independent = float(shared.trace() ** 2 / shared.square().sum().clamp_min(1e-30)) if shared.any() else 1.0
    return Detail(_decibels(lost), _decibels(lost_next), _decibels(spread), independent)


def _windows(values: Tensor) -> Tensor:
    """[h, w, c] → [n, h2, w2, c]: the whole, cut to multiples of four, or windows spread evenly over a large picture."""
    h, w = values.shape[:2]
    if h * w <= MOST_SEEN:
        return values[None, : h // 4 * 4, : w // 4 * 4]
    high, wide = min(h // 4 * 4, WINDOW), min(w // 4 * 4, WINDOW)
    n = MOST_SEEN // (high * wide)
    rows = max(1, min(h // high, round(math.sqrt(n * (h / high) / (w / wide)))))
    columns = max(1, min(w // wide, n // rows))
    tops = [(h - high) * (2 * i + 1) // (2 * rows) for i in range(rows)]
    lefts = [(w - wide) * (2 * i + 1) // (2 * columns) for i in range(columns)]
    return torch.stack([values[top : top + high, left : left + wide] for top in tops for left in lefts])


def _enlarged(values: Tensor) -> Tensor:
    """[n, c, h, w] → [n, c, 2h, 2w], bilinearly."""
    return functional.interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)


def _decibels(difference: Tensor) -> float:
    return -10 * math.log10(max(float(difference.square().mean()), LEAST_LOSS))
