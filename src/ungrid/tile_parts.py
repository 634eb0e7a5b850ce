"""The folder beside the output of a fit in tiles: what is done lies there, until all is, for a killed fit to go on with."""

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ungrid.errors import FormatError, InputError, UngridError
from ungrid.fields.packing import read_tile
from ungrid.files import write_beside, writing_error
from ungrid.fit.limits import Limits
from ungrid.fitting import choose_device
from ungrid.presets.tiles import TilePlan
from ungrid.signals.large import LargeSignal

MANIFEST, COARSE, PACKED = "manifest.json", "coarse.ung", "packed.ung"


def parts_folder(output: Path) -> Path:
    """Where a fit keeps what is done, beside its output."""
    return output.with_name(output.name + ".parts")


def tile_path(folder: Path, flat: int) -> Path:
    """The file of a tile by its number: a thousand in a folder of their own."""
    return folder / f"{flat // 1000:04d}" / f"{flat:07d}.safetensors"


@contextlib.contextmanager
def parts_of(output: Path) -> Iterator[Path]:
    """The folder of a fit's parts; if nothing could be begun in it, it goes away again."""
    folder = parts_folder(output)
    try:
        yield folder
    except UngridError:
        if folder.is_dir() and not any(folder.glob("[0-9]*/*.safetensors")):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def fit_identity(signal: LargeSignal, plan: TilePlan, limits: Limits, device: str) -> dict[str, Any]:
    """What tells one fit from another: only a fit of the same identity may be gone on with."""
    asked = dataclasses.asdict(limits)
    plain: dict[str, Any] = json.loads(
        json.dumps({"input": signal.identity, "plan": dataclasses.asdict(plan), **asked, "device": str(choose_device(device))})
    )
    return plain


def begin_folder(folder: Path, identity: Mapping[str, Any], resume: bool) -> None:
    """Make the folder, or check that what is in it is of this fit; without `resume`, what is done is done again."""
    path = folder / MANIFEST
    if path.exists() and resume:
        try:
            found = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, OSError) as error:
            raise FormatError(f"{path} cannot be read ({error}); start without --resume") from None
        if found != identity:
            differs = sorted(key for key in identity if found.get(key) != identity[key])
            raise InputError(f"cannot resume: {folder} is of a fit with another {', '.join(differs)}; start without --resume")
        return
    try:
        folder.mkdir(exist_ok=True)
        for old in [*folder.glob("[0-9][0-9][0-9][0-9]"), folder / COARSE, folder / PACKED]:
            shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from None
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(identity), encoding="utf-8")


def tiles_done(plan: TilePlan, folder: Path) -> dict[int, dict[str, Any]]:
    """What is said of the tiles that are there; a file that is damaged is removed, and its tile done again."""
    with torch.device("meta"):
        like = plan.tile().state_dict()
    done = {}
    for flat in range(plan.n_tiles):
        path = tile_path(folder, flat)
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            try:
                done[flat] = read_tile(path, like)[1]
            except FormatError:
                path.unlink()
    return done
