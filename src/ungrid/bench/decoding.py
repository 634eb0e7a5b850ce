"""Megapixels per second of drawing a field at 3840×2160: a SIREN, and the default field of a photograph and of a 4K picture.

A strip of the picture is drawn, as many rows as a given number of points fills, and the frame's seconds are scaled from it.
"""

from collections.abc import Callable

import torch

from ungrid.bench.eager import eager
from ungrid.bench.measure import Candidate, Row, beside_gemm
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.encoded import EncodedField
from ungrid.kernels.native_library import library, torch_only
from ungrid.presets.auto import EFFORTS
from ungrid.presets.published import dense_grid, siren

FRAME = (2160, 3840)
SOURCES = {"default, of 768x512": (512, 768), "default, of 3840x2160": (2160, 3840)}
Run = Callable[[], object]


def decode(
    n_points: int,
    rounds: int,
    *,
    frame: tuple[int, int] = FRAME,
    peers: Callable[[EncodedField, Grid], dict[str, Run]] | None = None,
) -> list[Row]:
    """Drawing a strip of a frame: eager in one call, our torch path, our native path, each on one thread.

    Args:
        n_points: points of the strip, about.
        rounds: turns of each.
        frame: rows and columns of the whole picture.
        peers: (SIREN, strip) → further ways to draw it, by name.
    """
    rows = []
    for name, field in _fields().items():
        grid = Grid(field.box, frame)
        strip = grid.part((slice(0, min(frame[0], max(1, n_points // frame[1]))), slice(0, frame[1])))
        runs = {
            "eager": _eager(field, strip),
            **(peers(field, strip) if peers and name == "SIREN" else {}),
            **_ours(field, strip),
        }
        # the products of a SIREN's layers; a grid's gathers are no such thing, and have no such rate
        work = 2e-9 * strip.size * sum(p.numel() for p in field.network.parameters() if p.ndim == 2)
        for row in beside_gemm([Candidate(key, run, work) for key, run in runs.items()], rounds):
            pixels = strip.size / row["cpu_seconds"]
            scaled = {"megapixels_per_second": pixels / 1e6, "frame_seconds": grid.size / pixels}
            settings = f"{name}, {strip.shape[0]} of {frame[0]} rows of {frame[1]}, scaled"
            rows.append({"measurement": "decode", "settings": settings, "field": name, **row, **scaled})
    return rows


def _fields() -> dict[str, EncodedField]:
    fields = {"SIREN": siren(Box(("y", "x"), ((0.0, 512.0), (0.0, 768.0))), 3)}
    for name, shape in SOURCES.items():
        box = Box(("y", "x"), tuple((0.0, float(n)) for n in shape))
        most = EFFORTS["balanced"].params_per_value  # what the default gives to a picture that is not smooth
        fields[name] = dense_grid(box, 3, shape=shape, params_per_value=most, interpolation="cubic")
    return {name: field.eval() for name, field in fields.items() if isinstance(field, EncodedField)}


def _eager(field: EncodedField, strip: Grid) -> Run:
    coords, values = field.box.normalize(strip.points()), eager(field)

    def run() -> None:
        with torch.no_grad():
            values(coords)

    return run


def _ours(field: EncodedField, strip: Grid) -> dict[str, Run]:
    def torch_path() -> None:
        with torch_only():
            field.sample(strip)

    has_native = library() is not None
    return {"torch": torch_path, **({"native": lambda: field.sample(strip)} if has_native else {})}
