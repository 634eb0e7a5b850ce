"""SIREN on the camera picture, as in its authors' notebook: PSNR against steps.

    python benchmarks/papers/siren_image.py [--steps 500] [--seed 0] [-o results.json]

The picture is `skimage.data.camera()` of scikit-image ≥ 0.18, reduced to 256×256 by Pillow's bilinear filter (the
notebook's own picture was withdrawn for its license). Four sine layers of 256, omega 30, Adam at 1e-4, all 65,536 pixels
every step, values in [-1, 1], the notebook's settings. The reference value is 36.4 dB after 500 steps, one seed, from the
authors' code on the same picture; ours must be within 0.5 dB.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.data import camera

from ungrid.fit.callbacks import Callback
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.presets.published import siren
from ungrid.signals.image import from_array
from ungrid.tasks.represent import represent

REFERENCE_PSNR = 36.4


class Curve(Callback):
    """PSNR on all pixels now and then, unclipped, as the notebook has it."""

    def __init__(self, truth: torch.Tensor, every: int = 50):
        self.truth, self.every, self.points = truth, every, []

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Measure every few steps."""
        if state.step % self.every == 0:
            with torch.no_grad():
                error = state.field.sample(self.grid(state)) - self.truth
            self.points.append((state.step, float(-10 * torch.log10(error.square().mean()))))
            print(f"step {state.step}: {self.points[-1][1]:.2f} dB after {state.seconds:.0f} s", flush=True)

    @staticmethod
    def grid(state: FitState):
        """The picture's own grid."""
        return state.problem.terms[0].sampler.observations.grid


def main() -> None:
    """Run and write the curve."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--steps", type=int, default=500)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    picture = np.asarray(Image.fromarray(camera()).resize((256, 256), Image.Resampling.BILINEAR))
    signal = from_array(picture)
    field = siren(signal.box, 1, seed=given.seed)
    curve = Curve(signal.values)
    start = time.process_time()
    state = FitState(field, represent(signal, heldout=0.0), field.recipe, given.seed)
    run(state, Budget(steps=given.steps), [curve])
    result = {
        "paper": "sitzmann2020siren",
        "picture": "skimage.data.camera, 256×256, Pillow bilinear",
        "seed": given.seed,
        "steps": given.steps,
        "psnr": curve.points[-1][1] if curve.points else None,
        "reference_psnr_at_500": REFERENCE_PSNR,
        "curve": curve.points,
        "cpu_seconds": time.process_time() - start,
        "torch": str(torch.__version__),
    }
    print(json.dumps(result))
    if given.output:
        given.output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
