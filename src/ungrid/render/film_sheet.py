"""A film as one picture: some of its frames on a sheet, alone or beside those of another."""

from pathlib import Path

import torch
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.files import write_beside
from ungrid.metrics.film import even_frames
from ungrid.render.contact_sheet import contact_sheet
from ungrid.render.draw import recorded
from ungrid.render.evaluate import bands
from ungrid.render.light import averaging_curves
from ungrid.signals.base import Signal, color_channels

MOST_FRAMES = 12  # on a sheet of one film
MOST_ROWS = 4  # frames on a sheet of two, each with the error between
MOST_SIDE = 480  # pixels of a frame on a sheet
AMPLIFY = 10.0


def draw_film_sheet(field: Field, path: Path, grid: Grid, *, max_memory: int | None = None) -> None:
    """At most 12 frames of a film at even distances, each with its time, in one picture; frames wider or higher than 480 pixels
    are drawn smaller, as the mean of light.

    Args:
        field: fitted to a film.
        path: of the picture.
        grid: of the film that is shown.
        max_memory: bytes that evaluating may take.

    Raises:
        InputError: a name that no picture has, or too little memory for a frame.
        MachineError: not writable, disk full.
    """
    record, (n_frames, *sides) = recorded(field), grid.shape
    times = grid.axis_coords(0).tolist()
    height, width = (max(1, round(side / max(1.0, max(sides) / MOST_SIDE))) for side in sides)
    to_light, from_light = averaging_curves(record)
    pictures, captions = [], []
    for index in even_frames(n_frames, MOST_FRAMES):
        still = grid.part((slice(index, index + 1), *(slice(0, n) for n in sides)))
        small = Grid(still.box, (1, height, width))
        drawn = torch.cat(list(bands(field, small, max_memory=max_memory, to_light=to_light, from_light=from_light)))
        pictures.append(_as_color(drawn[0].cpu(), record.channels))
        captions.append(f"{times[index]:.3f} s")
    _write(path, contact_sheet(pictures, captions))


def draw_film_comparison(result: Signal, reference: Signal, path: Path) -> None:
    """Four frames at even distances in a row each: original, result, and ten times their difference around mid-gray.

    Raises:
        InputError: films of different sizes or channels, or a name that no picture has.
        MachineError: not writable, disk full.
    """
    if result.values.shape != reference.values.shape:
        sizes = ["×".join(str(n) for n in reversed(film.grid.shape)) for film in (result, reference)]
        raise InputError(f"cannot compare a film of {sizes[0]} with one of {sizes[1]}; expected the same size and channels")
    pictures, captions = [], []
    times = reference.grid.axis_coords(0).tolist()
    for index in even_frames(reference.grid.shape[0], MOST_ROWS):
        first = _as_color(reference.values[index], reference.channels)
        second = _as_color(reference.shown(result.values[index]), reference.channels)
        pictures += [first, second, (0.5 + AMPLIFY * (second - first)).clamp(0, 1)]
        captions += [f"original, {times[index]:.3f} s", "result", f"{AMPLIFY:g} x error"]
    _write(path, contact_sheet(pictures, captions, columns=3))


def _as_color(values: Tensor, channels: tuple[str, ...]) -> Tensor:
    color = values[..., color_channels(channels)].clamp(0, 1)
    return color if color.shape[-1] == 3 else color[..., :1].expand(*color.shape[:-1], 3)


def _write(path: Path, sheet: Tensor) -> None:
    from PIL import Image

    picture = Image.fromarray((sheet * 255).round().byte().numpy())
    with write_beside(path) as temporary:
        try:
            picture.save(temporary)
        except (ValueError, KeyError) as error:
            raise InputError(f"cannot write the sheet as {path.name} ({error}); expected a .png or .jpg name") from None
