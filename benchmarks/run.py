"""The default's frontier on freely licensed photographs, JPEG at the same bytes beside it.

    python benchmarks/run.py [PICTURE …] [--presets fast balanced best] [-o benchmarks/results/pictures.json]

Without pictures, scikit-image's camera, astronaut, coffee and chelsea. For each: PSNR on the pixels and on held-out ones,
seconds of fitting and of CPU, bytes of the file, megapixels per second of drawing it; and the PSNR of the JPEG that fits
into the same bytes, which a field that is not entropy-coded does not reach.
"""

import argparse
import io
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data

import ungrid as ug
from ungrid.signals.image import from_array

PHOTOGRAPHS = ("camera", "astronaut", "coffee", "chelsea")


def jpeg_psnr(signal: ug.Signal, most_bytes: int) -> float | None:
    """PSNR of the best JPEG (optimized, 4:4:4) of at most so many bytes; None for pictures that JPEG does not hold."""
    pixels = (signal.values.numpy() * 255).round().astype(np.uint8)
    if pixels.shape[-1] not in (1, 3):
        return None
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    best = None
    for quality in range(5, 101, 5):
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=quality, subsampling=0, optimize=True)
        if buffer.tell() <= most_bytes:
            decoded = np.asarray(Image.open(buffer), dtype=np.float64).reshape(pixels.shape) / 255
            best = float(-10 * np.log10(np.mean((decoded - signal.values.numpy()) ** 2)))
    return best


def measure(name: str, signal: ug.Signal, preset: str) -> dict:
    """One row of the table."""
    cpu = time.process_time()
    field = ug.fit(signal, preset=preset, callbacks=())
    cpu = time.process_time() - cpu
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.ung"
        field.save(path)
        n_bytes = path.stat().st_size
    grid = field.grid(2)
    start = time.perf_counter()
    field.sample(grid)
    drawing = grid.size / (time.perf_counter() - start) / 1e6
    return {
        "picture": name,
        "preset": preset,
        "psnr": field.metrics["quality"]["psnr"],
        "heldout_psnr": field.metrics["heldout"]["psnr"],
        "params_per_value": field.n_params / signal.values.numel(),
        "bytes": n_bytes,
        "jpeg_psnr_at_these_bytes": jpeg_psnr(signal, n_bytes),
        "fit_seconds": field.record.fit["seconds"],
        "cpu_seconds": round(cpu, 2),
        "drawing_megapixels_per_second": round(drawing, 2),
    }


def main() -> None:
    """Fit, print a table, write JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("pictures", nargs="*", type=Path)
    options.add_argument("--presets", nargs="+", default=["fast", "balanced", "best"])
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    signals = {path.name: ug.load(path) for path in given.pictures}
    signals = signals or {name: from_array(getattr(data, name)()) for name in PHOTOGRAPHS}
    rows = []
    for name, signal in signals.items():
        for preset in given.presets:
            row = measure(name, signal, preset)
            rows.append(row)
            jpeg = row["jpeg_psnr_at_these_bytes"]
            print(
                f"{name:<14} {preset:<9} {row['psnr']:6.2f} dB  held out {row['heldout_psnr']:6.2f} dB  "
                f"{row['bytes']:>9,} bytes  {row['cpu_seconds']:6.1f} s of CPU  JPEG {'-' if jpeg is None else f'{jpeg:.2f} dB'}",
                flush=True,
            )
    machine = {"system": platform.platform(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    result = {"rows": rows, "machine": machine, "torch": str(torch.__version__)}
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
