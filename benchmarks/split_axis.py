"""CoordX beside the same network unsplit: seconds of drawing and of a training step, and PSNR after the same steps.

    OMP_NUM_THREADS=1 python benchmarks/split_axis.py [DATA] [--only image film volume] [--quick] [-o RESULTS.json]

DATA is a folder with `images/classic/camera.png` (512², the picture of the authors' script), `video/bikes.mp4` (a film of
64×128×128 is cut from it; `video/bikes_48x68x160.npz` serves where PyAV is not installed) and `volumes/embryo.npz` (256³,
averaged to 128³). A signal whose file is missing is named under `not_measured`.

Networks have four sine layers of 256: all at every point, or three along the axes and one behind their product, of one term and
of two. They take turns on one thread, and seconds are of the processor. All are fitted by Adam at the same rates, to the same
number of samples a step: random ones unsplit, a lattice split, which is the whole grid where it fits. The best rate of each
counts.
"""

import argparse
import dataclasses
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.bench.measure import Candidate, Row, compared, threads
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import UngridError
from ungrid.fields.base import Field
from ungrid.fit.state import FitState
from ungrid.metrics.error import psnr
from ungrid.presets.factored import coordx
from ungrid.presets.published import siren
from ungrid.signals.base import Signal
from ungrid.signals.image import read_picture
from ungrid.tasks.draws import LATTICES
from ungrid.tasks.represent import represent

FIELDS: dict[str, Callable[[Signal], Field]] = {
    "unsplit": lambda signal: siren(signal.box, signal.out_dim),
    "split": lambda signal: coordx(signal.box, signal.out_dim),
    "split, two terms": lambda signal: coordx(signal.box, signal.out_dim, n_terms=2),
}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured: turns of each, samples of a timed step, and the fits' samples a step, steps and rates."""

    rounds: int
    step_samples: int
    batch_size: int
    steps: int
    rates: tuple[float, ...]


FULL = Sizes(rounds=7, step_samples=2**18, batch_size=2**18, steps=500, rates=(1e-4, 3e-4, 1e-3))
QUICK = Sizes(rounds=2, step_samples=2**18, batch_size=2**16, steps=40, rates=(1e-3,))


def image(data: Path) -> Signal:
    """The authors' picture, 512²."""
    return read_picture(data / "images/classic/camera.png")


def film(data: Path) -> Signal:
    """The middle 128² of the first 64 frames, after averaging by two; a smaller copy of the film without PyAV."""
    if importlib.util.find_spec("av") is None:
        with np.load(data / "video/bikes_48x68x160.npz") as file:
            return of_values(torch.from_numpy(file["video"]).float() / 255, ("t", "y", "x"), "video", ("r", "g", "b"))
    import av

    with av.open(str(data / "video/bikes.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24") for _, frame in zip(range(64), file.decode(video=0), strict=False)]
    halved = torch.from_numpy(np.stack(frames)).float().unflatten(1, (-1, 2)).unflatten(3, (-1, 2)).mean(dim=(2, 4)) / 255
    top, left = (halved.shape[1] - 128) // 2, (halved.shape[2] - 128) // 2
    values = halved[:, top : top + 128, left : left + 128].contiguous()
    return of_values(values, ("t", "y", "x"), "video", ("r", "g", "b"))


def volume(data: Path) -> Signal:
    """A CT of a turtle's embryo, 256³ averaged to 128³."""
    with np.load(data / "volumes/embryo.npz") as file:
        whole = torch.from_numpy(file["volume"]).float() / 255
    values = whole.unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).mean(dim=(1, 3, 5))
    return of_values(values[..., None].contiguous(), ("z", "y", "x"), "volume", ("density",))


SIGNALS = {"image": image, "film": film, "volume": volume}


def of_values(values: torch.Tensor, axes: tuple[str, ...], kind: str, channels: tuple[str, ...]) -> Signal:
    """A signal of values [*shape, c] on a box of one unit for each sample."""
    shape = tuple(values.shape[:-1])
    return Signal(values, Grid(Box(axes, tuple((0.0, float(n)) for n in shape)), shape), kind, channels)


def decoding(signal: Signal, sizes: Sizes) -> list[Row]:
    """The whole grid drawn by each field."""
    fields = {name: make(signal) for name, make in FIELDS.items()}
    return compared(
        [Candidate(name, lambda field=field: field.sample(signal.grid)) for name, field in fields.items()], sizes.rounds
    )


def training_step(signal: Signal, sizes: Sizes) -> list[Row]:
    """One step of the package's own loop, of the same number of samples for each field."""
    return compared([Candidate(name, stepper(name, signal, sizes.step_samples)) for name in FIELDS], sizes.rounds)


def stepper(name: str, signal: Signal, n_samples: int) -> Callable[[], object]:
    """Sample, measure, compare, descend."""
    field, problem = FIELDS[name](signal), represent(signal, order=order_of(name), heldout=0.0)
    assert field.recipe is not None
    recipe = dataclasses.replace(field.recipe, batch_size=min(n_samples, signal.grid.size))
    state = FitState(field, problem, recipe, 0)
    return lambda: state.descend({t.name: t.sample(state.rng, field, recipe.batch_size) for t in problem.terms})


def order_of(name: str) -> str:
    """Grids for what is split, random samples for what is not."""
    return "shuffled" if name == "unsplit" else LATTICES


def quality(signal: Signal, sizes: Sizes) -> list[Row]:
    """PSNR of each field after the same steps at each rate, and the best of them against the best unsplit one."""
    rows: list[Row] = []
    for name, make in FIELDS.items():
        for rate in sizes.rates:
            field = make(signal)
            field.recipe = dataclasses.replace(field.recipe, learning_rate=rate, schedule="cosine", batch_size=sizes.batch_size)
            problem = represent(signal, order=order_of(name), heldout=0.0)
            with threads(1):
                field = ug.fit(field, problem, steps=sizes.steps, callbacks=())
                found = psnr(field.sample(signal.grid).clamp(0, 1), signal.values)
            rows.append({"name": name, "rate": rate, "steps": sizes.steps, "batch_size": sizes.batch_size, "psnr": float(found)})
    best = {name: max(row["psnr"] for row in rows if row["name"] == name) for name in FIELDS}
    return [*rows, *({"name": name, "best_psnr": best[name], "gain": best[name] - best["unsplit"]} for name in FIELDS)]


MEASUREMENTS: dict[str, Callable[[Signal, Sizes], list[Row]]] = {
    "decoding": decoding,
    "training_step": training_step,
    "quality": quality,
}


def main() -> None:
    """Measure, print each row, write JSON after every measurement, so that a long run that is stopped leaves what it has."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    options.add_argument("--only", nargs="+", choices=list(SIGNALS), default=list(SIGNALS))
    options.add_argument("--quick", action="store_true", help="two turns, 40 steps at one rate")
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    sizes = QUICK if given.quick else FULL
    result: dict[str, Any] = {"suite": "split_axis", "quick": given.quick, "machine": machine(), "commit": commit()}
    result |= {"sizes": dataclasses.asdict(sizes), "not_measured": {}, "rows": []}
    for name in given.only:
        try:
            signal = SIGNALS[name](given.data)
        except (OSError, UngridError) as error:
            result["not_measured"][name] = str(error)
            print(f"{name} is not measured: {error}", flush=True)
            continue
        for measurement, measure in MEASUREMENTS.items():
            for row in measure(signal, sizes):
                row = {"measurement": measurement, "signal": name, "shape": list(signal.values.shape), **row}
                result["rows"].append(row)
                print(json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()}), flush=True)
            if given.output:
                given.output.parent.mkdir(parents=True, exist_ok=True)
                given.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
