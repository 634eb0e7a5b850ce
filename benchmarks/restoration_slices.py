"""Thick slices of MNI152's head made a volume again: interpolation, total variation, oriented fields, three stacks.

    OMP_NUM_THREADS=1 python benchmarks/restoration_slices.py [DATA] [--side 64] [-o RESULTS.json]

DATA is a folder with `volumes/mni152_t1.nii.gz` (1 mm). Its middle columns, side × side, over its height are averaged by fours
along one axis, as slices that touch; stacks along all three axes serve together. PSNR is of the volume's peak, over the voxels
above a fifth of it, which are the head; SSIM a mean over all horizontal slices. Nothing sees the truth, but the slices are made
by the sensor that the candidates know, and are without noise. CPU seconds are of the process.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.metrics.image import ssim
from ungrid.signals.volume import from_array

FACTOR, ABOVE = 4, 0.2
SINGLE = ("auto", "smooth_slices", "cubic_slices", "linear_slices", "nearest_slices")
SEVERAL = ("auto", "smooth_slices", "cubic_slices", "linear_slices")


def stack(truth: torch.Tensor, axis: int) -> ug.Signal:
    """The volume [z, y, x] as slices along an axis."""
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = float(FACTOR)
    return from_array(truth.unflatten(axis, (-1, FACTOR)).mean(dim=axis + 1), spacing=spacing)


def main() -> None:
    """Measure all, print as it goes, write the rows."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    options.add_argument("--side", type=int, default=64)
    options.add_argument("-o", "--output", type=Path)
    asked = options.parse_args()
    whole = ug.load(asked.data / "volumes/mni152_t1.nii.gz").values[..., 0]
    down, *middle = (
        slice((n - m) // 2 // FACTOR * FACTOR, (n - m) // 2 // FACTOR * FACTOR + m)
        for n, m in zip(whole.shape, (whole.shape[0] // FACTOR * FACTOR, asked.side, asked.side), strict=True)
    )
    truth = whole[down, middle[0], middle[1]] / whole.max()
    cases = [
        ("along z", SINGLE, 0, ()),
        ("along y", SINGLE, 1, ()),
        ("along x", SINGLE, 2, ()),
        ("three stacks", SEVERAL, 0, (1, 2)),
    ]
    rows = []
    for case, methods, axis, others in cases:
        loss = ug.ThickSlices(1.0, stacks=tuple(stack(truth, other) for other in others))
        for method in methods:
            start = time.process_time()
            field = ug.restore(stack(truth, axis), loss, method=method)
            found = field.sample(field.grid())[..., 0]
            error = float((found - truth)[truth > ABOVE].square().mean())
            alike = sum(ssim(a[..., None], b[..., None]) for a, b in zip(found, truth, strict=True)) / len(truth)
            row = {
                "case": case,
                "method": method,
                "psnr": round(-10 * math.log10(error), 2),
                "ssim": round(float(alike), 4),
                "taken": next(iter(field.record.fit["shares"])),
                "heldout": field.record.fit["heldout"],
                "cpu_seconds": round(time.process_time() - start, 1),
            }
            rows.append(row)
            print(*row.values(), flush=True)
    if asked.output:
        asked.output.write_text(json.dumps({"rows": rows, "machine": machine(), "commit": commit()}, indent=1))


if __name__ == "__main__":
    main()
