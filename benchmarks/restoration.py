"""Enlarging, filling in and deblurring beside the classical ways, on pictures that none of the settings was chosen on.

    OMP_NUM_THREADS=1 python benchmarks/restoration.py [DATA] [--only upscale inpaint deblur] [--side 320] [--pictures 13]
        [--siren] [-o RESULTS.json]

DATA is a folder with `images/set5` and `images/kodak`: the middle 320×320 pixels (or what there is, in whole multiples of four)
of Set5's five pictures and of eight of Kodak's, in gray. Pixels of small pictures are means of the large one's; missing pixels
are drawn at random, lie under text, or under scratches; blurred
pictures are the part that the whole blur saw, with 1 % of noise, which every method is told.
`ungrid.restore` is called as a user does, by `auto`, by the field alone, and by each classical candidate. `--siren` also fits a
SIREN of the published setting to the known pixels for 500 steps, which takes minutes a picture. PSNR counts all pixels,
of fillings those that were missing. Nothing sees the truth.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.bench.masks import random_mask, scratch_mask, text_mask
from ungrid.bench.rebuilders import back_projection, lanczos, plain_siren
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.measurements.footprint import Footprint
from ungrid.metrics.image import ssim
from ungrid.restoring import as_psf

KODAK = ("kodim01", "kodim03", "kodim07", "kodim12", "kodim16", "kodim20", "kodim22", "kodim23")
SIDE = 320
RIVALS = {"lanczos": lanczos, "back_projection": back_projection}
METHODS = {
    "upscale": ("cubic", "lanczos", "back_projection", "total_variation", "field", "auto"),
    "inpaint": ("biharmonic", "total_variation", "auto"),
    "deblur": ("total_variation", "field", "auto"),
}


def pictures(data: Path, side: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Names and gray pictures [y, x]."""
    paths = sorted((data / "images/set5").glob("*.png")) + [data / f"images/kodak/{name}.png" for name in KODAK]
    for path in paths:
        values = torch.from_numpy(np.asarray(Image.open(path).convert("L")).astype(np.float32)) / 255
        height, width = (min(n, side) // 4 * 4 for n in values.shape)
        top, left = (values.shape[0] - height) // 2, (values.shape[1] - width) // 2
        yield path.stem, values[top : top + height, left : left + width].contiguous()


def cases(kind: str, picture: torch.Tensor) -> Iterator[tuple[str, dict[str, Any], torch.Tensor, torch.Tensor, torch.Tensor]]:
    """What is asked, how, the picture that is seen, the truth, and which pixels of it count."""
    rng = torch.Generator().manual_seed(0)
    everywhere = torch.ones_like(picture, dtype=torch.bool)
    if kind == "upscale":
        for factor in (2, 4):
            small = picture.unflatten(0, (-1, factor)).unflatten(2, (-1, factor)).mean(dim=(1, 3))
            yield f"x{factor}", {"upscale": factor}, small, picture, everywhere
    elif kind == "inpaint":
        for name, known in (
            ("10% known", random_mask(tuple(picture.shape), 0.1)),
            ("30% known", random_mask(tuple(picture.shape), 0.3, seed=1)),
            ("text", text_mask(tuple(picture.shape))),
            ("scratches", scratch_mask(tuple(picture.shape))),
        ):
            yield name, {"inpaint": known}, picture * known, picture, ~known
    else:
        for psf in ("gaussian:2", "motion:15,30"):
            kernel = as_psf(psf)
            reach = len(kernel) // 2
            inside = picture[reach:-reach, reach:-reach]
            box = Box(("y", "x"), ((0.0, float(inside.shape[0])), (0.0, float(inside.shape[1]))))
            seen = Footprint(Grid(box, tuple(inside.shape)), 1, kernel).A(picture[..., None])[..., 0]
            seen = seen + 0.01 * torch.randn(seen.shape, generator=rng)
            yield psf, {"deblur": psf, "denoise": "gaussian:2.55"}, seen, inside, torch.ones_like(inside, dtype=torch.bool)


def restored(method: str, seen: torch.Tensor, asked: dict[str, Any]) -> torch.Tensor:
    """What a method makes of a picture [y, x]."""
    factor, observed = asked.get("upscale", 1), seen[..., None]
    if method == "siren":
        return plain_siren(observed, factor, asked.get("inpaint"))[..., 0]
    if method in RIVALS:
        return RIVALS[method](observed, factor)[..., 0]
    field = ug.restore(seen.numpy(), method=method, **asked)
    return field.sample(field.grid())[..., 0]


def rows(kind: str, name: str, picture: torch.Tensor, siren: bool) -> Iterator[dict[str, Any]]:
    """One row for each case and method."""
    for what, asked, seen, truth, counts in cases(kind, picture):
        for method in METHODS[kind] + (("siren",) if siren and kind != "deblur" else ()):
            clock = time.process_time()
            values = restored(method, seen, asked)
            clock, values = time.process_time() - clock, values.clamp(0, 1)
            psnr = float(-10 * torch.log10((values - truth)[counts].double().square().mean()))
            similar = float(ssim(values[..., None], truth[..., None]))
            yield {"task": kind, "case": what, "picture": name, "method": method, "psnr": psnr, "ssim": similar, "seconds": clock}


def summary(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the pictures, and how many each method won, by case."""
    lines = []
    for task, case in dict.fromkeys((row["task"], row["case"]) for row in found):
        own = [row for row in found if (row["task"], row["case"]) == (task, case)]
        best = {name: max(row["psnr"] for row in own if row["picture"] == name) for name in {row["picture"] for row in own}}
        for method in dict.fromkeys(row["method"] for row in own):
            mine = [row for row in own if row["method"] == method]
            means = {key: statistics.fmean(row[key] for row in mine) for key in ("psnr", "ssim", "seconds")}
            won = sum(row["psnr"] >= best[row["picture"]] for row in mine)
            lines.append({"task": task, "case": case, "method": method, **means, "won": won, "pictures": len(mine)})
    return lines


def main() -> None:
    """Measure, print means, write JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    options.add_argument("--only", nargs="+", choices=list(METHODS), default=list(METHODS))
    options.add_argument("--side", type=int, default=SIDE)
    options.add_argument("--pictures", type=int, help="so many of them, the first")
    options.add_argument("--siren", action="store_true")
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    found: list[dict[str, Any]] = []
    for name, picture in itertools.islice(pictures(given.data, given.side), given.pictures):
        for kind in given.only:
            found += rows(kind, name, picture, given.siren)
        print(name, flush=True)
    for line in summary(found):
        print(json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in line.items()}), flush=True)
    if given.output:
        result = {"suite": "restoration", "machine": machine(), "commit": commit(), "means": summary(found), "rows": found}
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
