"""COIN on Kodak: small sine networks whose weights, two bytes each, are the file; beside them JPEG 2000 of as many bytes.

All sine, omega 30, Adam at 2e-4 on all pixels, 50,000 steps, weights rounded to float16. Sizes are depth × width.
"""

import io
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import torch
from PIL import Image, features

from ungrid.bench.equal import BALANCED, balanced
from ungrid.bench.measure import Stopwatch, Timing
from ungrid.bench.papers.descent import decibels, descend
from ungrid.bench.papers.files import KODAK
from ungrid.bench.papers.setting import (
    CLASSICAL,
    FULL,
    OURS,
    PAPERS,
    QUICK,
    REDUCED,
    Case,
    Outcome,
    Published,
    Scale,
    Setting,
    Work,
)
from ungrid.bench.pictures import center, color_only
from ungrid.bench.sizes import solve
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.presets.published import siren
from ungrid.signals.base import Signal
from ungrid.signals.image import read_picture
from ungrid.tasks.represent import represent

SOURCE = "results.json of the authors' repository, mean over Kodak's 24 pictures, {} bits a pixel"
SIZES = {  # depth and width, with the point of the published curve
    "COIN 5×20": (5, 20, Published(23.205, SOURCE.format(".0736"))),
    "COIN 5×30": (5, 30, Published(24.641, SOURCE.format(".1604"))),
    "COIN 10×28": (10, 28, Published(26.412, SOURCE.format(".3074"))),
    "COIN 10×40": (10, 40, Published(28.408, SOURCE.format(".6109"))),
    "COIN 13×49": (13, 49, Published(30.644, SOURCE.format("1.209"))),
}
ATTEMPTS = 12  # at a JPEG 2000 of no more bytes


def cases(work: Work) -> Iterator[Case]:
    """Each size of COIN, our default's field with as many weights in its seconds, JPEG 2000 of as many bytes."""
    for name, path in work.paths.items():
        picture = center(color_only(read_picture(path)), work.scale.side)
        for method, (depth, width, _) in SIZES.items():
            n_params = siren(picture.box, 3, width=width, depth=depth).n_params
            yield Case(name, method, PAPERS, partial(_coin, picture, depth, width, work))
            yield Case(name, f"cubic grid, as {method}", OURS, partial(_grid, picture, n_params, method, work.seed))
            if features.check("jpg_2000"):
                yield Case(name, f"JPEG 2000, as {method}", CLASSICAL, partial(_jpeg2000, picture, 2 * n_params))


def _coin(picture: Signal, depth: int, width: int, work: Work, earlier: Mapping[str, float]) -> Outcome:
    field = siren(picture.box, 3, width=width, depth=depth, seed=work.seed)
    recipe = Recipe(learning_rate=2e-4, steps=work.scale.steps, batch_size=work.scale.batch)
    spent, steps = descend(field, represent(picture, heldout=0.0), recipe, work.seed)
    return _stored(picture, field, spent, steps)


def _grid(picture: Signal, n_params: int, method: str, seed: int, earlier: Mapping[str, float]) -> Outcome:
    sized = solve(BALANCED, balanced, picture.grid, picture.out_dim, n_params)
    field = balanced(picture.box, picture.out_dim, seed=seed, **sized.arguments)
    assert field.recipe is not None
    problem = represent(picture, order=field.recipe.order, heldout=0.0)
    spent, steps = descend(field, problem, field.recipe, seed, seconds=earlier[method])
    return _stored(picture, field, spent, steps)


def _stored(picture: Signal, field: Field, spent: Timing, steps: int) -> Outcome:
    """Judged with weights as they are stored, clipped."""
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.copy_(parameter.half())
    reached = decibels(field.sample(picture.grid).clamp(0, 1), picture.values)
    return Outcome(reached, spent, field.n_params, steps, _rate(2 * field.n_params, picture))


def _jpeg2000(picture: Signal, n_bytes: int, earlier: Mapping[str, float]) -> Outcome:
    watch = Stopwatch()
    pixels = np.round(picture.values.clamp(0, 1).numpy() * 255).astype(np.uint8)
    found, asked = compressed(pixels, n_bytes), n_bytes
    for _ in range(ATTEMPTS):  # the encoder keeps to a rate only about, and not at all below its headers
        if len(found) <= n_bytes:
            break
        asked = max(1, round(0.9 * asked))
        found = compressed(pixels, asked)
    shown = np.asarray(Image.open(io.BytesIO(found)).convert("RGB"), dtype=np.float32) / 255
    note = _rate(len(found), picture) + ("" if len(found) <= n_bytes else ", more than the network's")
    return Outcome(decibels(torch.from_numpy(shown), picture.values), watch.spent(), note=note)


def compressed(pixels: np.ndarray, n_bytes: int) -> bytes:
    """An irreversible JPEG 2000 of about so many bytes."""
    buffer = io.BytesIO()
    ratio = pixels.size / n_bytes
    options = {"quality_mode": "rates", "quality_layers": [ratio], "irreversible": True, "no_jp2": True}
    Image.fromarray(pixels).save(buffer, "JPEG2000", **options)
    return buffer.getvalue()


def _rate(n_bytes: int, picture: Signal) -> str:
    return f"{n_bytes:,} bytes, {8 * n_bytes / picture.grid.size:.4f} bits a pixel"


SETTING = Setting(
    title="COIN on Kodak: PSNR at so many float16 weights",
    paper="dupont2021coin",
    psnr="-10 log10 of the mean square error over all pixels and channels, clipped",
    published={method: published for method, (_, _, published) in SIZES.items()},
    tolerance=0.3,
    scales={
        QUICK: Scale("32² crop, 10 steps", 10, 32),
        REDUCED: Scale("256² crop, 1,000 steps of 4,096 pixels", 1000, 256, 4096),
        FULL: Scale("768 × 512 pixels, 50,000 steps of all pixels: a day each", 50_000, None, None, True),
    },
    cases=cases,
    files=KODAK,
    remarks=(
        "The published values are means over 24 pictures, so that single ones are not comparable.",
        "COIN keeps the best step of the second half; here the last one counts. Our SIREN adds 0.5 to its last layer, halved.",
        "The size of COIN's sixth point, .0368 bits a pixel and 22.408 dB, was not read; it is left out.",
    ),
)
