"""Slices and a volume from few views: `ug.tomography` beside filtered back projection, SIRT and total variation on pixels.

    python benchmarks/tomography.py DATA -o benchmarks/results/tomography.json [--slices 10 --views 20,60,180]
    python benchmarks/tomography.py DATA -o benchmarks/results/tomography_cone.json --cone 64

Truth is the mean over pixels of a picture that is finer: a Shepp–Logan head of 512², and axial slices of 256² of
volumes/head_ct_promed0051.npz within the circle that the detector sees, both at 128². So the data are made on a grid four times
as fine for the phantom and twice for the slices, which there is the lattice of the field. Noise is that of 10^4 photons. The
rivals' settings are chosen by the truth, for each case its own; ours are found without it.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.classical.filtered_back_projection import filtered_back_projection
from ungrid.classical.iterative_ct import sirt
from ungrid.domain import Box, ConeBeam, Geometry, Grid, ParallelBeam
from ungrid.fit.convex_solver import ConvexSolver
from ungrid.measurements import LineIntegral
from ungrid.reconstructing import Scan, pixels_of, reconstruct, scan_of
from ungrid.signals.phantoms import shepp_logan

N, FINER, PHOTONS = 128, 4, 1e4
ATTENUATION = 0.114  # of the value 1 per pixel, so that a head lets a hundredth of the photons through
TV_SHARES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # of the strength at which the prior weighs as much as the data
TV_STEPS, SIRT_STEPS = 300, 300


def truths(data: Path, n_slices: int) -> dict[str, Tensor]:
    """Fine pictures by name, values in [0, 1]."""
    pictures = {"shepp_logan": shepp_logan(4 * N).values[..., 0].float()}
    with np.load(data / "volumes" / "head_ct_promed0051.npz") as arrays:
        volume = next(arrays[name] for name in arrays.files if arrays[name].ndim == 3)
    y, x = np.mgrid[:256, :256] + 0.5
    seen = (y - 129) ** 2 + (x - 129) ** 2 < 124**2
    for z in np.linspace(10, 98, n_slices).round().astype(int):
        values = np.clip((volume[z].astype(np.float32) + 1000) / 3000, 0, 1) * seen
        pictures[f"head_{z}_of_256"] = torch.from_numpy(values.astype(np.float32))
    return pictures


def means(values: Tensor, n: int) -> Tensor:
    """Block means [n, …, n]."""
    for axis in range(values.ndim):
        values = values.unflatten(axis, (n, -1)).mean(dim=axis + 1)
    return values


def sinogram_of(picture: Tensor, n_views: int, photons: float | None) -> tuple[Tensor, list[float]]:
    """Line integrals [views, N]: exact, or of counted photons; each detector pixel is the mean of four parts."""
    angles = (np.arange(n_views) * np.pi / n_views).tolist()
    grid = Grid(Box(("y", "x"), ((0.0, float(N)),) * 2), tuple(picture.shape))
    scanner = ParallelBeam(angles, N * FINER, (N // 2 + 0.5,) * 2, 1 / FINER, (N // 2 + 0.5) * FINER)
    parts = (ATTENUATION * LineIntegral(grid, scanner).A(picture[..., None])[..., 0]).unflatten(1, (N, FINER))
    if photons is None:
        return parts.mean(dim=2), angles
    counts = torch.poisson(photons * torch.exp(-parts).mean(dim=2), generator=torch.Generator().manual_seed(0))
    return -(counts.clamp_min(1) / photons).log(), angles


def quality(found: Tensor, truth: Tensor) -> dict[str, float]:
    """PSNR and SSIM of values clipped to [0, 1]."""
    from skimage.metrics import structural_similarity

    seen = (found / ATTENUATION).clamp(0, 1)
    psnr = -10 * float(torch.log10((seen - truth).square().mean()))
    ssim = structural_similarity(seen.numpy(), truth.numpy(), data_range=1.0)
    return {"psnr": round(psnr, 2), "ssim": round(float(ssim), 4)}


def measured(method: Callable[[], Tensor], truth: Tensor) -> dict[str, float]:
    """Quality and CPU seconds of a method."""
    begun = time.process_time()
    found = method()
    return quality(found, truth) | {"seconds": round(time.process_time() - begun, 2)}


def best_sirt(scan: Scan, truth: Tensor) -> dict[str, float]:
    """SIRT, stopped where its PSNR is highest."""
    sensor, best = LineIntegral(scan.pixels, scan.scanner), {"psnr": -1.0}
    begun = time.process_time()

    def watch(iteration: int, values: Tensor) -> bool:
        nonlocal best
        now = quality(values[..., 0], truth) if iteration % 10 == 0 else best
        best = max(best, now | {"iterations": iteration}, key=lambda each: each["psnr"])
        return now["psnr"] < best["psnr"] - 0.5

    sirt(scan.measured, sensor, iterations=SIRT_STEPS, callback=watch)
    return best | {"seconds": round(time.process_time() - begun, 2)}


def best_tv(scan: Scan, unit: float, truth: Tensor) -> dict[str, float]:
    """Total variation on the pixels at the strength of highest PSNR; seconds are of one strength."""
    rows, values = [], None
    for share in TV_SHARES:
        problem = scan.problem(1, share * unit)
        field = ug.fields.LatticeField(scan.pixels.box, scan.pixels.shape, 1)
        if values is not None:
            field = ug.fields.LatticeField.of(scan.pixels.box, values)
        begun = time.process_time()
        solved = ug.verbs.fitting.carry_out(
            ug.verbs.Plan(field, problem, "given", "float32", "", solver=ConvexSolver(max_iterations=TV_STEPS)),
            ug.verbs.fitting.Limits(TV_STEPS),
            seed=0,
            device="cpu",
            guard=ug.verbs.Guard(),
        )
        values = solved.samples.detach()
        found = quality(values.reshape(truth.shape), truth)
        rows.append(found | {"share": share, "seconds": round(time.process_time() - begun, 2)})
        if len(rows) > 1 and rows[-1]["psnr"] < rows[-2]["psnr"]:
            break
    return max(rows, key=lambda each: each["psnr"])


def case(scan: Scan, truth: Tensor) -> dict[str, dict[str, float]]:
    """All methods on one scan."""
    row = {
        f"fbp_{window}": measured(
            lambda window=window: filtered_back_projection(scan.measured[..., 0], scan.scanner, scan.pixels, window=window), truth
        )
        for window in ("ramp", "hann")
    }
    row["sirt"] = best_sirt(scan, truth)
    begun = time.process_time()
    field = reconstruct(scan)
    row["ungrid"] = quality(pixels_of(field), truth) | {"seconds": round(time.process_time() - begun, 2)}
    row["tv_pixels"] = best_tv(scan, field.record.fit["tried"][0][0], truth)
    return row


def cone_case(n: int, n_views: int) -> dict[str, dict[str, float]]:
    """Balls and a shell in n³ voxels, from a volume twice as fine."""
    z, y, x = Grid(Box(("z", "y", "x"), ((0.0, float(n)),) * 3), (2 * n,) * 3).points().sub(n / 2).div(n / 2).unbind(-1)
    volume = ((z**2 + y**2 + x**2).sqrt() < 0.8).float() * 0.3
    for (cz, cy, cx), radius, value in (
        ((0.2, 0.3, 0.1), 0.25, 0.4),
        ((-0.4, -0.2, 0.3), 0.2, 0.7),
        ((0.3, -0.4, -0.2), 0.1, -0.3),
    ):
        volume += value * (((z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2).sqrt() < radius)
    angles = (np.arange(n_views) * 2 * np.pi / n_views).tolist()
    geometry = Geometry("cone", 1.5, None, 3.0 * n, 1.5 * n)
    axis = n // 2 + 0.5
    scanner = ConeBeam(angles, n, (axis, axis), 1.5, None, 3.0 * n, 1.5 * n, n_rows=n, height=n / 2)
    integrals = LineIntegral(Grid(Box(("z", "y", "x"), ((0.0, float(n)),) * 3), (2 * n,) * 3), scanner).A(volume[..., None])
    scan = scan_of(ATTENUATION * integrals[..., 0], angles, geometry, size=n)
    return case(scan, means(volume, n))


def main() -> None:
    """Make, reconstruct, write after each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--views", default="20,60,180")
    parser.add_argument("--cone", type=int, default=0, help="voxels along a side of the volume, such as 64, instead of slices")
    options = parser.parse_args()
    rows: dict[str, dict[str, dict[str, float]]] = {}

    def keep(name: str, row: dict[str, dict[str, float]]) -> None:
        rows[name] = row
        report = {"rows": rows, "photons": PHOTONS, "machine": machine(), "commit": commit()}
        options.output.write_text(json.dumps(report, indent=1) + "\n")
        print(name, {method: found["psnr"] for method, found in row.items()}, flush=True)

    if options.cone:
        keep(f"cone_{options.cone}_50_views", cone_case(options.cone, 50))
        return
    for name, picture in truths(options.data, options.slices).items():
        for n_views in map(int, options.views.split(",")):
            for photons in (None, PHOTONS):
                integrals, angles = sinogram_of(picture, n_views, photons)
                scan = scan_of(integrals, angles, "parallel", photons=photons)
                keep(f"{name}_{n_views}_{'clean' if photons is None else 'noisy'}", case(scan, means(picture, N)))


if __name__ == "__main__":
    main()
