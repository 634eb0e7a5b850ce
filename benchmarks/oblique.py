"""Oblique slices of volumes at half their spacing: a field's values and gradients against the cubic resampling of the source.

    python benchmarks/oblique.py mni152_t1.nii.gz head_ct.npz > oblique.json        # one after another, each with the default
    python benchmarks/oblique.py embryo.npz --preset best

Three planes through the middle of the volume, none along an axis, are sampled at half the least spacing. The truth is SciPy's
cubic spline through all samples (`map_coordinates`, order 3) and its gradient, by central differences of 10⁻³ of a sample in
float64; linear interpolation of all samples is measured beside the field. PSNR is of the values by the source's peak to peak,
and of the gradient's magnitude by its largest on the plane. Seconds are of the processor, of the whole fit.
"""

import argparse
import json
import math
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.fields.base import Field
from ungrid.signals.base import Signal

NORMALS = ((1.0, 0.6, 0.3), (0.4, 1.0, -0.5), (-0.3, 0.5, 1.0))
BORDER = 2.0  # samples: where the spline's ends are felt
STEP = 1e-3  # of a sample


def planes(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Iterator[np.ndarray]:
    """Points [n, 3] of each plane, in samples from the first."""
    middle, reach = (np.array(shape) - 1) / 2, np.linalg.norm(np.array(shape) * spacing) / 2
    along = np.arange(-reach, reach, min(spacing) / 2)
    for normal in NORMALS:
        first = np.cross(normal, (0.0, 0.0, 1.0) if abs(normal[2]) < 0.9 else (0.0, 1.0, 0.0))
        first /= np.linalg.norm(first)
        second = np.cross(np.array(normal) / np.linalg.norm(normal), first)
        points = (along[:, None, None] * first + along[:, None] * second).reshape(-1, 3) / spacing + middle
        yield points[((points >= BORDER) & (points <= np.array(shape) - 1 - BORDER)).all(axis=1)]


def interpolated(nodes: np.ndarray, points: np.ndarray, spacing: tuple[float, ...], order: int) -> tuple[np.ndarray, np.ndarray]:
    """Values [n] and the gradient's magnitude [n] of SciPy's spline of an order."""

    def at(where: np.ndarray) -> np.ndarray:
        found: np.ndarray = ndimage.map_coordinates(nodes, where.T, order=order, prefilter=False, mode="mirror")
        return found

    slopes = [(at(points + STEP * axis) - at(points - STEP * axis)) / (2 * STEP) for axis in np.eye(3)]
    return at(points), np.linalg.norm(np.stack(slopes, axis=-1) / spacing, axis=-1)


def of_field(field: Field, signal: Signal, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values [n] and the gradient's magnitude [n] of a field."""
    first = np.array([float(signal.grid.axis_coords(axis)[0]) for axis in range(3)])
    coords = torch.from_numpy(points * signal.grid.spacing + first).float()
    values, slopes = [], []
    for part in coords.split(2**16):
        with torch.no_grad():
            values.append(field(part)[:, 0])
            slopes.append(ug.gradient(field, part)[:, 0].norm(dim=-1))
    return torch.cat(values).double().numpy(), torch.cat(slopes).double().numpy()


def decibels(found: np.ndarray, truth: np.ndarray, peak: float) -> float:
    """PSNR [dB]."""
    return round(20 * math.log10(peak / max(float(np.sqrt(np.mean((found - truth) ** 2))), 1e-30)), 2)


def measure(path: Path, preset: str) -> dict[str, Any]:
    """Fit a volume of one channel, and look at its planes."""
    signal = ug.load(path)
    if signal.box.dim != 3 or signal.out_dim != 1:
        raise SystemExit(f"{path}: expected a volume of three axes and one channel, found {signal.box.axes}, {signal.channels}")
    before = time.process_time()
    field = ug.fit(signal, preset=preset, callbacks=[])
    seconds = time.process_time() - before
    source = signal.values[..., 0].double().numpy()
    nodes, peak = ndimage.spline_filter(source, 3, mode="mirror"), float(np.ptp(source))
    found = []
    for points in planes(signal.grid.shape, signal.grid.spacing):
        truth, slope = interpolated(nodes, points, signal.grid.spacing, 3)
        others = {
            "field": of_field(field, signal, points),
            "linear": interpolated(source, points, signal.grid.spacing, 1),
        }
        row: dict[str, Any] = {"n_points": len(points)}
        for name, (values, slopes) in others.items():
            row[name] = {"values": decibels(values, truth, peak), "gradient": decibels(slopes, slope, float(slope.max()))}
        found.append(row)
    return {
        "volume": path.name,
        "preset": preset,
        "shape": list(signal.grid.shape),
        "parameters_per_value": round(field.n_params / signal.values.numel(), 3),
        "cpu_seconds": round(seconds, 1),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "psnr": field.metrics["quality"]["psnr"],
        "heldout_psnr": field.metrics["heldout"]["psnr"],
        "planes": found,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("volumes", nargs="+", type=Path)
    parser.add_argument("--preset", default="auto")
    given = parser.parse_args()
    rows = []
    for path in given.volumes:
        rows.append(measure(path, given.preset))
        print(json.dumps(rows[-1]), file=sys.stderr)
    print(json.dumps({"suite": "oblique", "machine": machine(), "commit": commit(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
