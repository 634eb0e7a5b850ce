"""`ungrid art`: random pictures to choose from, their children, and walks through the space that they live in."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ungrid.cli.command import MOST_SEED, Command
from ungrid.cli.options import parse_numbers, parse_size
from ungrid.errors import InputError

if TYPE_CHECKING:
    from ungrid.fields.base import Field

THUMBNAIL, FRAME, PICTURE = 160, 320, 512  # pixels of the longer side, where no size is given
MOST_PICTURES = 10_000


@dataclass(kw_only=True)
class Art(Command):
    """Draw random pattern-producing networks: a numbered sheet to pick from, the picks' children, or a walk as an animation.

    The number below a picture is its seed, or the name of its file with --save. Pick what
    you like, look at its children, pick again.
    """

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """The sheet (png jpg webp tif …), with --walk the animation (gif webp png), or one picture as a field (ung)."""
    count: int = 24
    """Pictures on the sheet; the first has the number --seed."""
    size: Annotated[str | None, tyro.conf.arg(metavar="WxH|N")] = None
    """Pixels of each picture (160), of a walk's frames (320) or of a field (512); one number for the longer side."""
    columns: int | None = None
    """Pictures in a row of the sheet."""
    symmetry: str = "any"
    """none, mirror, rotation, kaleidoscope, tile, or any: drawn from the seed."""
    pick: Annotated[str | None, tyro.conf.arg(metavar="3,7")] = None
    """Numbers of the parents of the next sheet: of the first sheet, or of --generation."""
    generation: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Folder that an earlier sheet was saved in, to --pick from."""
    parents: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="A.ung B.ung")] = ()
    """Files of the parents, in place of --pick."""
    amount: float = 0.3
    """How far children are from their parents, 0 (copies) to 1 (hardly related)."""
    save: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Write each picture of the sheet as a field, NUMBER.ung: `ungrid render` draws it at any size."""
    walk: Annotated[int | None, tyro.conf.arg(metavar="FRAMES")] = None
    """Write a loop of this many frames: the picture --seed, or the one picked, moves through its latent space and back."""
    radius: float = 0.15
    """Of the walk: how far the picture changes."""
    fps: float = 25.0
    """Frames a second of the walk, at most 50."""

    def run(self) -> dict[str, Any]:
        """Draw the sheet, the walk or the one picture."""
        from ungrid.files import check_writable

        start = time.monotonic()
        self._check()
        parents = self._parents()
        check_writable(self.output)
        if self.walk is not None:
            result = self._walk(parents)
        elif self.output.suffix.lower() == ".ung":
            result = self._one(parents)
        else:
            result = self._sheet(parents)
        return {"output": self.output, **result, "seconds": round(time.monotonic() - start, 3)}

    def show(self, result: dict[str, Any]) -> None:
        """What was written, the numbers as a range."""
        numbers = result.get("numbers")
        short = {} if numbers is None else {"numbers": f"{numbers[0]} to {numbers[-1]}"}
        super().show({**result, **short, "fields": self.save})

    def _sheet(self, parents: "list[Field]") -> dict[str, Any]:
        """A contact sheet, and its fields if asked."""
        from ungrid import verbs
        from ungrid.presets.art import random_art
        from ungrid.presets.evolve import next_generation
        from ungrid.render.contact_sheet import contact_sheet, sheet_layout, thumbnail
        from ungrid.signals.image import write_picture
        from ungrid.signals.image_write import holds_whole

        holds_whole(self.output)  # refuses a name of no picture format before the work
        numbers = [self.seed + index for index in range(self.count)]
        shape = self._shape(parents, THUMBNAIL)
        sheet_layout(self.count, shape, self.columns)  # likewise a sheet that could not be made
        if parents:
            fields = next_generation(parents, self.count, amount=self.amount, seed=self.seed)
        else:
            fields = [random_art(number, size=_large(shape), symmetry=self.symmetry) for number in numbers]
        device = self._torch_device()
        pictures = [thumbnail(field.to(device), shape, max_memory=self.memory) for field in fields]
        sheet = contact_sheet(pictures, [str(number) for number in numbers], columns=self.columns)
        write_picture(self.output, sheet, bit_depth=8)
        folder = self._folder()
        files = [] if folder is None else [folder / f"{number}.ung" for number in numbers]
        for path, field in zip(files, fields, strict=False):
            verbs.save(field.to("cpu"), path)
        return {"numbers": numbers, "fields": files, "shape": list(sheet.shape)}

    def _walk(self, parents: "list[Field]") -> dict[str, Any]:
        """An animation of one picture."""
        from ungrid.presets.evolve import latent_walk
        from ungrid.render.animation import check_animation, write_animation
        from ungrid.render.contact_sheet import thumbnail

        assert self.walk is not None
        shape = self._shape(parents, FRAME)
        check_animation(self.output, self.walk, shape, self.fps, self.memory)
        places = latent_walk(self._subject(parents, shape), self.walk, radius=self.radius, seed=self.seed)
        self.say(f"{self.walk} frames of {shape[1]}×{shape[0]} pixels")
        device = self._torch_device()
        frames = (thumbnail(place.to(device), shape, max_memory=self.memory) for place in places)
        n_frames = write_animation(self.output, frames, fps=self.fps)
        return {"frames": n_frames, "shape": [*shape, 3]}

    def _one(self, parents: "list[Field]") -> dict[str, Any]:
        """One picture as a field."""
        from ungrid import verbs

        if parents:
            raise InputError("a .ung file holds one picture, and parents have many children; write the sheet, with --save FOLDER")
        shape = self._shape(parents, PICTURE)
        verbs.save(self._subject(parents, shape), self.output)
        return {"numbers": [self.seed], "shape": [*shape, 3]}

    def _parents(self) -> "list[Field]":
        """What was picked: files, numbers of a saved generation, or seeds."""
        from ungrid import verbs
        from ungrid.presets.art import random_art

        if self.parents:
            return [verbs.load_as_field(path) for path in self.parents]
        numbers = [] if self.pick is None else parse_numbers(self.pick, "--pick")
        if self.generation is not None:
            return [verbs.load_as_field(self.generation / f"{number}.ung") for number in numbers]
        size = _large(self._shape([], THUMBNAIL))
        return [random_art(number, size=size, symmetry=self.symmetry) for number in numbers]

    def _subject(self, parents: "list[Field]", shape: tuple[int, int]) -> "Field":
        """The one picture that was picked, or that of the seed."""
        from ungrid.presets.art import random_art

        if len(parents) > 1:
            raise InputError(f"a walk is of one picture, and {len(parents)} were picked; expected one")
        return parents[0] if parents else random_art(self.seed, size=shape, symmetry=self.symmetry)

    def _shape(self, parents: "list[Field]", side: int) -> tuple[int, int]:
        """(height, width) as `--size` says; one number is the longer side, in the proportions of the first parent."""
        height, width = (None, side) if self.size is None else parse_size(self.size)
        if height is not None and width is not None:
            return height, width
        extent = parents[0].box.extent if parents else (1.0, 1.0)
        longer = max(1, width or side)
        return max(1, round(longer * extent[0] / max(extent))), max(1, round(longer * extent[-1] / max(extent)))

    def _folder(self) -> Path | None:
        """The folder of `--save`, made if it is not there."""
        from ungrid.files import writing_error

        if self.save is not None:
            try:
                self.save.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise writing_error(self.save, error) from None
        return self.save

    def _torch_device(self) -> Any:
        from ungrid import fitting

        return fitting.choose_device(self.device)

    def _check(self) -> None:
        """Raise InputError for options that contradict each other or are out of range."""
        if not 1 <= self.count <= MOST_PICTURES or self.seed + self.count > MOST_SEED:
            raise InputError(f"--count is {self.count}; expected 1 to {MOST_PICTURES:,}")
        if self.parents and (self.pick is not None or self.generation is not None):
            raise InputError("give --parents, or --pick and --generation, not both")
        if self.generation is not None and self.pick is None:
            raise InputError("--generation needs --pick: the numbers of the pictures to breed")
        if self.save is not None and (self.walk is not None or self.output.suffix.lower() == ".ung"):
            raise InputError("--save keeps the pictures of a sheet, and this writes no sheet; leave --save out")


def _large(shape: tuple[int, int]) -> tuple[int, int]:
    """The size of the fields behind thumbnails: the same proportions, 512 pixels or more on the longer side."""
    factor = max(1.0, PICTURE / max(shape))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))
