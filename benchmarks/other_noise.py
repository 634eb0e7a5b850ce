"""Rician noise and speckle taken out: ours beside total variation and non-local means, all on the stabilized picture.

    OMP_NUM_THREADS=1 python benchmarks/other_noise.py [DATA] [--side 128] [-o RESULTS.json]

DATA holds `volumes/mni152_t1.nii.gz`, whose axial slices 57 and 83 get Rician noise of 8 and 20 levels, and `images/set14`, of
which five pictures in gray get speckle of 1, 4 and 16 looks. The middle SIDE × SIDE pixels. All methods are told the level; the
last column is the level that `ungrid restore` estimates where it is not told.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ungrid.bench.machine import commit, machine
from ungrid.bench.pictures import center
from ungrid.bench.restore import Sizes, denoise
from ungrid.measurements.noise import LEVELS, Rician, Speckle
from ungrid.restoration.degradation import parse_noise
from ungrid.signals.base import Signal
from ungrid.signals.image import picture_signal

SLICES = (57, 83)
PICTURES = ("barbara", "flowers", "foreman", "man", "pepper")
RICIAN = (Rician(8 / LEVELS), Rician(20 / LEVELS))
SPECKLE = (Speckle(1.0), Speckle(4.0), Speckle(16.0))


def heads(data: Path) -> dict[str, Signal]:
    """Slices of the average head by name, magnitudes in 0 to 1."""
    import nibabel

    volume = nibabel.load(data / "volumes/mni152_t1.nii.gz").get_fdata()
    return {f"mni152_{z}": gray(volume[:, :, z].T[::-1] / volume.max()) for z in SLICES}


def photographs(data: Path) -> dict[str, Signal]:
    """Set14's pictures by name, in gray."""
    return {name: gray(np.asarray(Image.open(data / f"images/set14/{name}.png").convert("L")) / 255) for name in PICTURES}


def gray(values: np.ndarray) -> Signal:
    """A picture of one channel."""
    return picture_signal(torch.from_numpy(values.astype(np.float32))[..., None], {"bit_depth": 8, "transfer": "srgb"}, {})


def estimated(pictures: dict[str, Signal], side: int) -> None:
    """Print what the level is taken for where it is not told."""
    for noise in RICIAN if pictures.keys() <= {f"mni152_{z}" for z in SLICES} else SPECKLE:
        noisy = [noise.simulate(center(each, side).values, torch.Generator().manual_seed(0)) for each in pictures.values()]
        name = noise.describe().partition(":")[0]
        print(noise.describe(), "estimated as", [parse_noise(name, each).describe() for each in noisy], flush=True)


def main() -> None:
    """Measure, print means, write JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    options.add_argument("--side", type=int, default=128)
    options.add_argument("-o", "--output", type=Path)
    given, rows = options.parse_args(), []
    for pictures, noises in ((heads(given.data), RICIAN), (photographs(given.data), SPECKLE)):
        estimated(pictures, given.side)
        rows += denoise(pictures, Sizes(given.side, noises), 0, lambda text: None)
        for row in rows:
            if row["measurement"] == "denoise" and row["noise"] in {noise.describe() for noise in noises}:
                print(json.dumps(row), flush=True)
    if given.output:
        given.output.write_text(json.dumps({"machine": machine(), "commit": commit(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
