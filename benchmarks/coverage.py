"""Do intervals cover what they say? Fields with uncertainty on photographs, judged on pixels that they never saw.

    python benchmarks/coverage.py [--quick] [--preset fast] [--members 5] [-o benchmarks/results/coverage.json]

For each picture and method: a tenth of the pixels is hidden from the whole fit, calibration included, and the fraction of
their values inside the 50 % and 90 % intervals is counted; the same in the quietest and the busiest third of them (by the
picture's own gradient), and for three simpler rules: one Gaussian deviation for all, calibrated to the mean squared error;
the spread as deviation of a Gaussian; and for Laplace the posterior as it is, before calibration.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import torch
from skimage import data

import ungrid as ug
from ungrid.fit.calibrate import samples_at
from ungrid.signals.image import from_array

PHOTOGRAPHS = ("camera", "astronaut", "coffee", "chelsea")
COVERAGES = (0.5, 0.9)
GAUSSIAN = {0.5: 0.6745, 0.9: 1.6449}
QUICK_SIZE = 128


def measure(name: str, signal: ug.Signal, method: str, given: argparse.Namespace) -> dict:
    """One row: coverages and widths at the hidden pixels."""
    rng = torch.Generator().manual_seed(7)
    known = torch.rand(signal.grid.shape, generator=rng) >= 0.1
    start = time.perf_counter()
    field = ug.uncertainty(signal, method, preset=given.preset, steps=given.steps, mask=known, n_members=given.members)
    seconds = time.perf_counter() - start
    hidden = (~known).flatten().nonzero().squeeze(-1)
    coords, truth = samples_at(signal, hidden, field)
    with torch.no_grad():
        terms, values = field.terms(coords), field(coords)
        calibration = field.calibration
        spread, deviation = calibration.spread(terms), field.deviation(coords)
        error = (values - truth).abs()
        constant = torch.full_like(error, float(error.square().mean().sqrt()))  # as good as one number can be
        plain = terms[..., :2].sum(dim=-1).sqrt()  # noise and model's variance as the posterior has them
        busy = _gradient(signal).flatten()[hidden]
    thirds = busy.quantile(torch.tensor([1 / 3, 2 / 3]))
    row = {
        "picture": name,
        "method": method,
        "n_hidden": len(hidden),
        "psnr_hidden": float(-10 * torch.log10(error.square().mean())),
        "seconds": round(seconds, 1),
        "terms": field.record.fit["uncertainty"]["shares"],
    }
    for coverage in COVERAGES:
        half = calibration.factor(coverage) * spread
        inside = (error <= half).float()
        row[f"coverage_{coverage:g}"] = {
            "all": float(inside.mean()),
            "quiet_third": float(inside[busy <= thirds[0]].mean()),
            "busy_third": float(inside[busy > thirds[1]].mean()),
            "mean_width": float(2 * half.mean()),
            "constant_gaussian": float((error <= GAUSSIAN[coverage] * constant).float().mean()),
            "constant_gaussian_mean_width": float(2 * GAUSSIAN[coverage] * constant.mean()),
            "scaled_gaussian": float((error <= GAUSSIAN[coverage] * deviation).float().mean()),
            "uncalibrated": float((error <= GAUSSIAN[coverage] * plain).float().mean()),
        }
    return row


def _gradient(signal: ug.Signal) -> torch.Tensor:
    """Size of the picture's gradient [*shape], by central differences."""
    gray = signal.values.mean(dim=-1)
    return torch.stack(torch.gradient(gray)).square().sum(dim=0).sqrt()


def main() -> None:
    """Measure, print a table, write JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="the middle 128×128 pixels, 300 steps, three members")
    options.add_argument("--preset", default="fast")
    options.add_argument("--members", type=int, default=5)
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    given.steps = 300 if given.quick else None
    given.members = 3 if given.quick else given.members
    rows = []
    for name in PHOTOGRAPHS:
        picture = getattr(data, name)()
        if given.quick:
            top, left = ((n - QUICK_SIZE) // 2 for n in picture.shape[:2])
            picture = picture[top : top + QUICK_SIZE, left : left + QUICK_SIZE]
        for method in ("laplace", "ensemble"):
            row = measure(name, from_array(picture), method, given)
            rows.append(row)
            half, most = row["coverage_0.5"], row["coverage_0.9"]
            print(
                f"{name:<10} {method:<9} 50 %: {half['all']:.3f} (quiet {half['quiet_third']:.3f}, busy {half['busy_third']:.3f})"
                f"  90 %: {most['all']:.3f} (quiet {most['quiet_third']:.3f}, busy {most['busy_third']:.3f})"
                f"  one Gaussian: {half['constant_gaussian']:.3f} {most['constant_gaussian']:.3f}"
                f"  uncalibrated: {half['uncalibrated']:.3f} {most['uncalibrated']:.3f}  {row['seconds']} s",
                flush=True,
            )
    machine = {"system": platform.platform(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    settings = {"quick": given.quick, "preset": given.preset, "members": given.members, "steps": given.steps}
    result = {"settings": settings, "rows": rows, "machine": machine, "torch": str(torch.__version__)}
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
