"""What choosing a frequency by the spectrum and by trials costs against the best of a sweep, in dB at held-out samples.

    python benchmarks/bandwidth.py DATA > bandwidth.json        # ten signals, about four minutes of one core
    python benchmarks/bandwidth.py DATA --quick                 # one of each kind, about one minute

DATA holds images/kodak, audio and volumes. The signals are four crops of Kodak's pictures, three half seconds of sound, and three
slices of volumes; the constants of `presets.tune` were chosen on others. A fifth of each signal's samples is held out: neither
the sweep's fits nor the choice see them. The field is the preset `sine`, of three layers of 64, fitted by 400 steps of 2,048
samples, so that the sweep takes minutes. The trials take 200 such steps each, the last two 400, and hold out some of their own.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile

from ungrid.bench.machine import commit, machine
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.record import Recipe
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.presets.published import sine
from ungrid.presets.tune import tune
from ungrid.signals.base import Signal
from ungrid.signals.image import from_array, read_picture
from ungrid.tasks.represent import represent

SIDE, SECONDS = 128, 0.5
PICTURES = {"kodim03": (200, 300), "kodim05": (150, 200), "kodim15": (100, 250), "kodim23": (120, 200)}  # upper left corners
SOUNDS = {"guitar_gc.wav": (3.0, 12.0), "voice_note.wav": (0.4,)}  # seconds at which the pieces begin
SLICES = {"head_ct_promed0051": 50, "embryo": 128, "bolt": 30}  # of the first axis
OPTIONS = {"width": 64, "depth": 3}
RECIPE = Recipe(optimizer="muon", learning_rate=2e-3, schedule="cosine", steps=400, batch_size=2048, betas=(0.9, 0.99))
STEP = 2**0.5
SWEEP = {1: [round(250 * STEP**i) for i in range(7)], 2: [round(7 * STEP**i) for i in range(7)]}  # by the number of axes


def signals(data: Path) -> dict[str, Signal]:
    """The ten signals, in [0, 1]."""
    found = {}
    for name, (top, left) in PICTURES.items():
        values = read_picture(data / "images" / "kodak" / f"{name}.png").values
        found[name] = from_array(values[top : top + SIDE, left : left + SIDE])
    for name, start in ((name, start) for name, starts in SOUNDS.items() for start in starts):
        rate, samples = wavfile.read(data / "audio" / name)
        piece = samples.reshape(len(samples), -1)[int(start * rate) : int((start + SECONDS) * rate), :1].astype(np.float32)
        values = torch.from_numpy(piece / np.abs(piece).max()) / 2 + 0.5
        found[f"{name} {start} s"] = Signal(
            values, Grid(Box(("t",), ((0.0, SECONDS),), ("s",)), (len(values),)), "audio", ("mono",)
        )
    for name, index in SLICES.items():
        values = np.load(data / "volumes" / f"{name}.npz")["volume"][index].astype(np.float32)
        found[name] = from_array(((values - values.min()) / (values.max() - values.min()))[:SIDE, :SIDE])
    return found


def known_of(signal: Signal) -> torch.Tensor:
    """[*shape] four fifths of the samples, at random."""
    rng = torch.Generator().manual_seed(7)
    return (torch.rand(signal.grid.size, generator=rng) >= 0.2).reshape(signal.grid.shape)


def heldout_psnr(signal: Signal, known: torch.Tensor, omega: float) -> float:
    """PSNR [dB] at the samples that are not known, of a fit to the others."""
    field = sine(signal.box, signal.out_dim, first_omega=omega, **OPTIONS)
    field.recipe = RECIPE
    run(FitState(field, represent(signal, mask=known, heldout=0.0), RECIPE, 0), Budget(RECIPE.steps))
    error = (field.sample(signal.grid) - signal.values)[~known].double()
    return float(-10 * error.square().mean().log10())


def measure(signal: Signal) -> dict[str, object]:
    """Of one signal: the sweep, the choice, and what it lost."""
    known = known_of(signal)
    start = time.monotonic()
    chosen = tune(signal, "sine", options=OPTIONS, recipe=RECIPE, mask=known)
    seconds = time.monotonic() - start
    swept = {omega: heldout_psnr(signal, known, float(omega)) for omega in SWEEP[signal.box.dim]}
    best = max(swept.values())
    reached, guessed, default = (heldout_psnr(signal, known, omega) for omega in (chosen.value, chosen.guess, 30.0))
    return asdict(chosen) | {
        "seconds": round(seconds, 2),
        "sweep": {omega: round(psnr, 2) for omega, psnr in swept.items()},
        "psnr": {"best": round(best, 2), "chosen": round(reached, 2), "guess": round(guessed, 2), "omega_30": round(default, 2)},
        "loss_db": round(best - reached, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    chosen = signals(given.data)
    if given.quick:
        chosen = {name: chosen[name] for name in ("kodim05", "guitar_gc.wav 3.0 s", "bolt")}
    rows = {name: measure(signal) for name, signal in chosen.items()}
    losses = [row["loss_db"] for row in rows.values()]
    print(
        json.dumps(
            {"mean_loss_db": round(sum(losses) / len(losses), 3), "signals": rows, "machine": machine(), "commit": commit()},
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
