"""Undersampled MRI of an average head: our automatic choice beside zero-filling, wavelet compressed sensing and total variation.

    python benchmarks/magnetic_resonance.py DATA -o benchmarks/results/magnetic_resonance.json [--slices 10] [--coils 1 8]
        [--patterns lines radial] [--noises 0 0.02] [--volume]

DATA holds volumes/mni152_t1.nii.gz. Ten axial slices of 208×176, none of those that settings were chosen on (50, 70, 95), get a
smooth phase, and are sampled at 25 % and 12.5 %: by lines of random density with a full middle, or along radial readouts, by one
coil or by eight whose sensitivities are then estimated, without noise and with a standard deviation of 2 % of the range in real
and imaginary part. PSNR (peak 1, magnitudes clipped to it), SSIM, seconds of CPU. Along
readouts zero-filling counts samples by their density.
"""

import argparse
import json
import math
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ungrid.bench.machine import commit, machine
from ungrid.classical.compressed_sensing import WAVELET_STRENGTH, wavelet_sensing, zero_filled
from ungrid.fit.convex import conjugate_gradients
from ungrid.magnetic_resonance import improved, refined, total_variation
from ungrid.measurements.fourier import FourierSamples, to_complex
from ungrid.measurements.kspace import KSpace
from ungrid.metrics.image import ssim
from ungrid.tasks.magnetic_scan import grid_of, read_scan, scan_of
from ungrid.testing.linear import adjoint_gap

SLICES = (40, 47, 57, 63, 77, 83, 90, 103, 110, 118)
SHAPE = (208, 176)
WEAKER_STRONGER = (
    0.3,
    1.0,
    3.0,
)  # times the wavelets' strength; under noise, times the noise too: the best, by the truth, counts
NOISE = 0.02


def pictures(data: Path, count: int) -> list[np.ndarray]:
    """Slices of the head, magnitudes in [0, 1]."""
    import nibabel

    volume = nibabel.load(data / "volumes" / "mni152_t1.nii.gz").get_fdata()
    return [volume[10:-11, 12:-13, z].T[::-1].copy() / volume.max() for z in SLICES[:count]]


def smooth_phase(shape: tuple[int, int], seed: int) -> np.ndarray:
    """A phase of the second order in y and x."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    a = np.random.default_rng(seed).normal(size=6)
    return np.exp(0.6j * (a[0] + a[1] * y + a[2] * x + a[3] * x * y + a[4] * x * x + a[5] * y * y))


def coil_maps(count: int, shape: tuple[int, int], seed: int) -> np.ndarray:
    """Coils around the head, each bright near itself, with a phase of its own; their squares sum to 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    rng = np.random.default_rng(seed)
    maps = []
    for angle in 2 * np.pi * np.arange(count) / count:
        size = np.exp(-((y - 1.1 * np.sin(angle)) ** 2 + (x - 1.1 * np.cos(angle)) ** 2) / 1.28)
        maps.append(size * np.exp(1j * (rng.uniform(-np.pi, np.pi) + 0.8 * (y * rng.normal() + x * rng.normal()))))
    stack = np.stack(maps)
    return stack / np.sqrt((np.abs(stack) ** 2).sum(axis=0))


def line_mask(shape: tuple[int, int], share: float, seed: int) -> torch.Tensor:
    """Lines along x: three tenths of them in the middle, the others drawn with a density that falls to the ends."""
    n, rng = shape[0], np.random.default_rng(seed)
    count, lines = round(share * n), np.zeros(n, bool)
    middle = round(0.3 * count)
    lines[n // 2 - middle // 2 : n // 2 - middle // 2 + middle] = True
    density = (1 - np.abs(np.arange(n) - n // 2) / (n / 2)) ** 2 + 0.02
    density[lines] = 0
    lines[rng.choice(n, count - middle, replace=False, p=density / density.sum())] = True
    return torch.from_numpy(np.broadcast_to(lines[:, None], shape).copy())


def radial(shape: tuple[int, int], share: float) -> torch.Tensor:
    """Readouts through frequency 0, from one end of k-space to the other."""
    n = max(shape)
    angles = np.pi * np.arange(round(share * shape[0] * shape[1] / n)) / round(share * shape[0] * shape[1] / n)
    along = np.arange(-n // 2, n // 2) / n
    ends = np.stack([shape[0] * np.sin(angles), shape[1] * np.cos(angles)], axis=-1)
    return torch.from_numpy(along[None, :, None] * ends[:, None])


def simulated(picture: np.ndarray, pattern: str, share: float, coils: int, noise: float, seed: int) -> KSpace:
    """k-space of a slice."""
    scene = torch.from_numpy(picture * smooth_phase(picture.shape, seed))[None]
    if coils > 1:
        scene = scene * torch.from_numpy(coil_maps(coils, picture.shape, seed))
    where: dict[str, Any] = (
        {"trajectory": radial(SHAPE, share)} if pattern == "radial" else {"mask": line_mask(SHAPE, share, seed)}
    )
    sensor = FourierSamples(grid_of(SHAPE), coils=torch.ones(1, *SHAPE, dtype=torch.complex128), **where)
    seen = torch.cat([sensor.A(torch.view_as_real(each)) for each in scene])
    rng = np.random.default_rng(seed)
    seen = seen + noise * torch.from_numpy(rng.normal(size=seen.shape) + 1j * rng.normal(size=seen.shape))
    if pattern == "radial":
        return read_scan(seen.reshape(-1, *where["trajectory"].shape[:-1]), trajectory=where["trajectory"], shape=SHAPE)
    waves = torch.zeros(len(seen), *SHAPE, dtype=seen.dtype)
    waves[:, where["mask"]] = seen
    return read_scan(waves, mask=where["mask"])


def measured(kspace: KSpace, picture: np.ndarray) -> dict[str, Any]:
    """Each method's PSNR, SSIM and seconds."""
    scan, seconds = timed(lambda: scan_of(kspace))
    truth = torch.from_numpy(picture).float()[..., None]

    def judged(values: torch.Tensor, took: float) -> dict[str, float]:
        size = to_complex(values).abs().clamp(0, 1)[..., None]
        error = float((size - truth).double().square().mean())
        return {"psnr": -10 * math.log10(error), "ssim": ssim(size, truth), "seconds": took}

    strength = max(WAVELET_STRENGTH * scan.scale, 0.0 if scan.is_silent else 0.3 * scan.noise)
    waves = [timed(lambda k=k: wavelet_sensing(scan.sensor, scan.measured, k * strength)) for k in WEAKER_STRONGER]
    smooth, took = timed(lambda: total_variation(scan).samples.detach())
    found = {
        "zero_filled": judged(*timed(lambda: zero_filled(scan.sensor, scan.measured))),
        "wavelets": max((judged(*each) for each in waves), key=lambda each: each["psnr"]),
        "total_variation": judged(smooth, took),
    }
    squares = timed(lambda: least_squares(scan.sensor, scan.measured))
    found["least_squares"] = judged(*squares)
    ours, more = timed(lambda: improved(scan, smooth)[0])
    found["ours"] = judged(ours, seconds + took + more)
    return found | {"noise": scan.noise}


def least_squares(sensor: FourierSamples, seen: torch.Tensor) -> torch.Tensor:
    """Thirty steps of conjugate gradients on the misfit alone, which is SENSE where there are several coils."""
    start = sensor.A_adjoint(seen)
    return conjugate_gradients(lambda x: sensor.A_adjoint(sensor.A(x)), start, max_iterations=30, tolerance=1e-4).values


def timed(work: Any) -> tuple[Any, float]:
    """What some work gives, and the CPU's seconds."""
    start = time.process_time()
    with torch.no_grad():
        found = work()
    return found, time.process_time() - start


def mean_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over slices, and on how many ours is the best in PSNR."""
    methods = ("zero_filled", "least_squares", "wavelets", "total_variation", "ours")
    means = {
        name: {key: round(float(np.mean([row[name][key] for row in rows])), 4) for key in ("psnr", "ssim", "seconds")}
        for name in methods
    }
    best = [max(row["wavelets"]["psnr"], row["total_variation"]["psnr"]) for row in rows]
    gains = [row["ours"]["psnr"] - other for row, other in zip(rows, best, strict=True)]
    noise = round(float(np.mean([row["noise"] for row in rows])), 5)
    return means | {
        "gain": round(float(np.mean(gains)), 3),
        "won": sum(gain > 0 for gain in gains),
        "slices": len(rows),
        "noise": noise,
    }


def volume(data: Path) -> dict[str, Any]:
    """The head in 3 mm as a volume, a quarter of k-space's lines along z, one coil with a phase, without noise."""
    import nibabel

    whole = nibabel.load(data / "volumes" / "mni152_t1.nii.gz").get_fdata()
    n = tuple(3 * (side // 3) for side in whole.shape)
    coarse = whole[: n[0], : n[1], : n[2]].reshape(n[0] // 3, 3, n[1] // 3, 3, n[2] // 3, 3).mean(axis=(1, 3, 5)) / whole.max()
    scene = coarse * np.exp(1j * np.linspace(0, 1.5, coarse.shape[0]))[:, None, None]
    rng = np.random.default_rng(0)
    y, x = np.meshgrid(*((np.arange(n) - n // 2) / (n / 2) for n in coarse.shape[:2]), indexing="ij")
    density = (1 - np.minimum(np.hypot(y, x), 1)) ** 2
    lines = (rng.random(y.shape) < 0.2 * density * y.size / density.sum()) | (np.hypot(y, x) < 0.2)
    known = np.broadcast_to(lines[..., None], coarse.shape)
    waves = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(scene), norm="ortho"))
    scan = scan_of(read_scan(torch.from_numpy(waves * known), mask=torch.from_numpy(known.copy())))
    smooth, took = timed(lambda: total_variation(scan).samples.detach())
    ours, more = timed(lambda: refined(scan, smooth))

    def psnr(values: torch.Tensor) -> float:
        return -10 * math.log10(float((to_complex(values).abs().clamp(0, 1) - torch.from_numpy(coarse)).square().mean()))

    found = {
        "shape": list(coarse.shape),
        "sampled": float(known.mean()),
        "zero_filled": psnr(scan.sensor.A_adjoint(scan.measured)),
    }
    found |= {"total_variation": psnr(smooth), "ours": psnr(ours), "total_variation_seconds": took, "ours_seconds": took + more}
    return found | {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def operators() -> list[dict[str, Any]]:
    """Time of A and A_adjoint at their size, and how far they are from being each other's adjoint in float64."""
    rows = []
    for name, coils, where in (
        ("lines", 1, {"mask": line_mask(SHAPE, 0.25, 0)}),
        ("lines", 8, {"mask": line_mask(SHAPE, 0.25, 0)}),
        ("radial, gridding", 1, {"trajectory": radial(SHAPE, 0.25), "method": "gridding"}),
        ("radial, gridding", 8, {"trajectory": radial(SHAPE, 0.25), "method": "gridding"}),
    ):
        maps = torch.from_numpy(coil_maps(coils, SHAPE, 0)) if coils > 1 else None
        sensor = FourierSamples(grid_of(SHAPE), coils=maps, **where)
        values = torch.randn(*SHAPE, 2)
        seen, forth = timed(lambda s=sensor, v=values: s.A(v))
        _, back = timed(lambda s=sensor, y=seen: s.A_adjoint(y))
        rows.append(
            {
                "sensor": name,
                "coils": coils,
                "seconds": round(forth, 4),
                "adjoint_seconds": round(back, 4),
                "gap": adjoint_gap(sensor),
            }
        )
    return rows


def main() -> None:
    """Measure, print, write after each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=len(SLICES))
    parser.add_argument("--coils", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--patterns", nargs="+", default=["lines", "radial"])
    parser.add_argument("--noises", type=float, nargs="+", default=[0.0, NOISE])
    parser.add_argument("--volume", action="store_true", help="the volume alone")
    options = parser.parse_args()
    report: dict[str, Any] = {"machine": machine(), "commit": commit(), "operators": operators(), "cases": []}
    if options.output.exists():  # cases are added to those of other options
        report = json.loads(options.output.read_text()) | {"machine": report["machine"], "commit": report["commit"]}
    if options.volume:
        report["volume"] = volume(options.data)
        print(json.dumps(report["volume"]))
        options.output.write_text(json.dumps(report, indent=1) + "\n")
        return
    for coils in options.coils:
        for noise in options.noises:
            for pattern in options.patterns:
                for share in (0.25, 0.125):
                    rows = [
                        measured(simulated(picture, pattern, share, coils, noise, seed), picture)
                        for seed, picture in enumerate(pictures(options.data, options.slices))
                    ]
                    case = {"coils": coils, "noise": noise, "pattern": pattern, "share": share} | {
                        "mean": mean_of(rows),
                        "rows": rows,
                    }
                    report["cases"].append(case)
                    print(coils, noise, pattern, share, json.dumps(case["mean"]), flush=True)
                    options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
