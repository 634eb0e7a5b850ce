"""Steps that a random start needs for what a learned one reaches in ten, on small pictures of many kinds.

    python benchmarks/starts.py DATA > benchmarks/results/starts.json        # about two minutes of one core

DATA holds families/cifar10_sample.npz. A SIREN of three layers of 64 learns its start from forty pictures of 32×32 and is then
fitted to four others. Both fits are by the preset `siren`'s recipe, Adam at 1e-4 on all pixels, but for the start of MAML, whose
ten steps are of plain gradient descent, as it was learned.
"""

import argparse
import copy
import json
from pathlib import Path

import numpy as np

from ungrid.bench.machine import commit, machine
from ungrid.fields.base import Field
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.presets.published import siren
from ungrid.signals.base import Signal
from ungrid.signals.image import from_array
from ungrid.starting import learn_start, on_box

LEARNED_FROM, TRIED_ON = slice(0, 40), slice(500, 504)
STEPS = 10  # from the learned start
MOST = 200  # from the random one
METHODS = {
    "reptile": {"steps": 100, "inner_steps": 10, "members": 3},
    "maml": {"steps": 150, "members": 3},
    "strainer": {"steps": 150},
}


def curve(field: Field, signals: list[Signal], most: int) -> list[float]:
    """Mean PSNR [dB] over the signals after 0, 1, … steps from the field's weights."""
    curves = []
    for signal in signals:
        problem = on_box(signal, field)
        state = FitState(copy.deepcopy(field), problem, field.recipe, 0)
        psnr = [problem.judge.monitor(state.field)]
        for step in range(1, most + 1):
            state.stopped_by = None
            run(state, Budget(step))
            psnr.append(problem.judge.monitor(state.field))
        curves.append(psnr)
    return [float(value) for value in np.mean(curves, axis=0)]


def main() -> None:
    """Learn, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    images = np.load(parser.parse_args().data / "families" / "cifar10_sample.npz")["images"]
    known, unseen = ([from_array(image) for image in images[part]] for part in (LEARNED_FROM, TRIED_ON))
    field = siren(known[0].box, 3, width=64, depth=3)
    random = curve(field, unseen, MOST)
    report = {"random": {step: round(random[step], 2) for step in (0, 10, 50, 100, 200)}}
    for method, settings in METHODS.items():
        taught = known[:10] if method == "strainer" else known
        start = learn_start(taught, copy.deepcopy(field), method=method, callbacks=(), **settings)
        reached = curve(start, unseen, STEPS)
        needed = next((step for step, psnr in enumerate(random) if psnr >= reached[STEPS]), None)
        report[method] = settings | {
            "seconds": start.record.fit["seconds"],
            "psnr": round(reached[STEPS], 2),
            "random_needs": needed,
        }
    print(json.dumps(report | {"machine": machine(), "commit": commit()}, indent=1))


if __name__ == "__main__":
    main()
