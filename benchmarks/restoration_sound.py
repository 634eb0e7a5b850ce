"""Clipped peaks and gaps of recordings, told by every candidate beside what `auto` takes.

    OMP_NUM_THREADS=1 python benchmarks/restoration_sound.py [DATA] [--seconds 2] [-o RESULTS.json]

DATA is a folder with `audio/gt_bach.wav`, `gt_counting.wav` and `guitar_gc.wav`. Clipping: two seconds from the second on,
clipped at the level where the signal-to-distortion ratio is 5 or 10 dB; what counts is the gain of that ratio over the whole
stretch. Gaps: eight of 10, 20 and 40 ms, evenly spread over the recording; what counts is the signal-to-noise ratio of all
missing samples together.
CPU seconds are of the process, by one thread where OMP_NUM_THREADS says so. Nothing sees the truth.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.errors import InputError
from ungrid.metrics.audio import snr
from ungrid.signals.audio import sound_signal

NAMES = ("gt_bach", "gt_counting", "guitar_gc")
FIRST = 1.0  # seconds that are left out before a stretch is clipped
GAPS = 8
METHODS = (
    "auto",
    "sparse_mean",
    "sparse_field",
    "sparse_field_long",
    "sparse_field_short",
    "autoregressive",
    "autoregressive_short",
    "cubic_gaps",
    "linear_gaps",
)


def level_of(truth: torch.Tensor, decibels: float) -> float:
    """The clipping level at which the SNR is so many dB, by bisection."""
    low, high = 0.0, float(truth.abs().max())
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if snr(truth.clamp(-middle, middle), truth) < decibels else (low, middle)
    return high


def cases(signal: ug.Signal, seconds: float) -> Iterator[tuple[str, ug.Signal, Any, torch.Tensor, torch.Tensor]]:
    """A name, what is seen, what is to be undone, the truth, and which samples of it count."""
    rate, values = signal.source["sample_rate"], signal.values
    truth = values[int(FIRST * rate) : int((FIRST + seconds) * rate)]
    for decibels in (5, 10):
        level = level_of(truth, decibels)
        everywhere = torch.ones_like(truth, dtype=torch.bool)
        yield f"clipped {decibels} dB", sound_signal(truth.clamp(-level, level), rate), ug.Clipping(), truth, everywhere
    for milliseconds in (10, 20, 40):
        known, n = torch.ones(len(values), dtype=torch.bool), rate * milliseconds // 1000
        for k in range(GAPS):
            start = int((0.15 + 0.7 * k / (GAPS - 1)) * len(values))
            known[start : start + n] = False
        seen = sound_signal(values * known[:, None], rate)
        yield f"gaps {milliseconds} ms", seen, ug.Gaps(known=known), values, ~known[:, None]


def measured(name: str, case: tuple[str, ug.Signal, Any, torch.Tensor, torch.Tensor]) -> Iterator[dict[str, Any]]:
    """A row for each method that serves."""
    kind, seen, loss, truth, counts = case
    before = snr(seen.values[counts][:, None], truth[counts][:, None]) if kind.startswith("clipped") else 0.0
    for method in METHODS:
        start = time.process_time()
        try:
            field = ug.restore(seen, loss, method=method)
        except InputError:  # not for this loss
            continue
        found = field.sample(field.grid())
        decibels = snr(found[counts][:, None], truth[counts][:, None]) - before
        yield {
            "sound": name,
            "case": kind,
            "method": method,
            "db": round(decibels, 2),
            "taken": next(iter(field.record.fit["shares"])),
            "cpu_seconds": round(time.process_time() - start, 2),
        }


def main() -> None:
    """Measure all, print as it goes, write the rows."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("-o", "--output", type=Path)
    asked = options.parse_args()
    rows = []
    for name in NAMES:
        for case in cases(ug.load(asked.data / f"audio/{name}.wav"), asked.seconds):
            for row in measured(name, case):
                rows.append(row)
                print(*row.values(), flush=True)
    if asked.output:
        asked.output.write_text(json.dumps({"rows": rows, "machine": machine(), "commit": commit()}, indent=1))


if __name__ == "__main__":
    main()
