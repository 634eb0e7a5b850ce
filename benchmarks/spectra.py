"""What a distance of short-time spectra in the loss gives a sound of few parameters: SNR and log-spectral distance.

    python benchmarks/spectra.py DATA -o benchmarks/results/spectra.json      # about five minutes of one core
    python benchmarks/spectra.py DATA --quick

DATA holds audio/gt_bach.wav and gt_counting.wav, of which 2^15 samples in the middle are fitted by a SIREN and by a
multiresolution grid with a network, with a tenth as many parameters as samples, with and without the term in the same steps, and
without it in five times the steps.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ungrid.bench.machine import commit, machine
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fit.loop import Budget, run
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState
from ungrid.metrics.audio import sound_metrics
from ungrid.presets.published import dense_grid, siren_audio
from ungrid.presets.recording import recording_field
from ungrid.signals.audio import read_sound
from ungrid.signals.base import Signal
from ungrid.tasks.represent import represent
from ungrid.terms.spectra import SpectralMisfit

N, STEPS, BATCH, SHARE = 2**15, 600, 2**12, 0.1
WEIGHTS = (0.0, 1e-4, 1e-3, 1e-2)
LONGER = 5  # times as many steps, for about the seconds that the term takes
OMEGA = 3000.0  # of the whole recording


def cut(path: Path, n: int) -> tuple[Signal, float]:
    """n samples of the middle, and what share of the recording they are."""
    whole = read_sound(path)
    first = (whole.grid.size - n) // 2
    where = (slice(first, first + n),)
    return replace(whole, values=whole.values[where], grid=whole.grid.part(where)), n / whole.grid.size


def fields(signal: Signal, share: float) -> dict[str, Field]:
    """A SIREN and a grid with a network of about a tenth as many parameters as samples."""
    width = 32
    while siren_audio(signal.box, 1, width=width + 1, depth=3).n_params < SHARE * signal.grid.size:
        width += 1
    sine = siren_audio(signal.box, 1, width=width, depth=3, first_omega=OMEGA * share)
    grid = dense_grid(signal.box, 1, shape=signal.grid.shape, params_per_value=SHARE, interpolation="cubic")
    sine.recipe = Recipe(learning_rate=1e-3, schedule="cosine", steps=STEPS, batch_size=BATCH)
    grid.recipe = replace(grid.recipe or Recipe(), schedule="cosine", steps=STEPS, batch_size=BATCH)
    return {"SIREN": sine, "grid and network": grid}


def fitted(signal: Signal, field: Field, weight: float, steps: int) -> dict[str, Any]:
    """One fit and its measures."""
    problem: Problem = represent(signal, heldout=0.0)
    if weight:
        problem = replace(problem, terms=(*problem.terms, SpectralMisfit(signal, weight=weight)))
    begin = time.process_time()
    run(FitState(field, problem, field.recipe or Recipe(), 0), Budget(steps))
    return {"cpu_seconds": round(time.process_time() - begin, 1), **measured(field, signal)}


def measured(field: Field, signal: Signal) -> dict[str, Any]:
    """SNR and log-spectral distance [dB], and parameters a sample."""
    found = sound_metrics(field.sample(signal.grid).clamp(-1, 1), signal.values)
    share = round(field.n_params / signal.grid.size, 3)
    return {"snr": found["snr"], "log_spectral_distance": found["log_spectral_distance"], "params_per_value": share}


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    options.add_argument("-o", "--output", type=Path)
    options.add_argument("--quick", action="store_true", help="one recording, 20 steps")
    given = options.parse_args()
    rows = []
    for name in ("gt_bach.wav", "gt_counting.wav")[: 1 if given.quick else 2]:
        signal, share = cut(given.data / "audio" / name, N)
        for model in fields(signal, share):
            for weight, times in (*((weight, 1) for weight in WEIGHTS), (0.0, LONGER)):
                steps = 20 if given.quick else times * STEPS
                found = fitted(signal, fields(signal, share)[model], weight, steps)
                rows.append({"sound": name, "model": model, "weight": weight, "steps": steps, **found})
                print(json.dumps(rows[-1]), flush=True)
        spline = recording_field(signal, cells_per_sample=SHARE)[0]
        problem = represent(signal, heldout=0.0, order="sums")
        run(FitState(spline, problem, spline.recipe or Recipe(), 0), Budget(40))
        rows.append({"sound": name, "model": "spline", "weight": 0.0, **measured(spline, signal)})
        print(json.dumps(rows[-1]), flush=True)
    if given.output is not None:
        result = {"suite": "spectra", "rows": rows, "machine": machine(), "commit": commit()}
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
