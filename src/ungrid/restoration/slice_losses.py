"""What was lost of a volume that was taken as thick slices, and the sensors that saw it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.measurements.slices import PROFILES, SliceFootprint
from ungrid.signals.base import Signal

COARSER = 1.01  # times the other spacings: what makes an axis the one through the slices


class Scan(NamedTuple):
    """Stacks of one volume.

    Args:
        grid: of the volume that is asked for.
        sensors: of each stack, on that grid.
        seen: what each stack holds [*stack.shape, c].
    """

    grid: Grid
    sensors: list[SliceFootprint]
    seen: list[Float[Tensor, "*slices c"]]

    @property
    def is_single(self) -> bool:
        """Whether there is one stack."""
        return len(self.seen) == 1

    @property
    def span(self) -> float:
        """Highest less lowest value of the first stack; 1 where they are equal."""
        return float(self.seen[0].max() - self.seen[0].min()) or 1.0


@dataclass(frozen=True, eq=False)
class ThickSlices:
    """Slices are further apart than the pixels in them.

    Args:
        spacing: between the slices of the result, in mm; its nearest one that fills the volume is taken. None for the smaller
            spacing in the slices.
        thickness: of a slice in mm, the full width at half maximum of a Gaussian profile; None where slices touch.
        profile: "box" or "gaussian".
        stacks: further volumes of the same object in the same world, cut along other axes.
    """

    spacing: float | None = None
    thickness: float | None = None
    profile: str = "box"
    stacks: Sequence[Any] = ()

    def __post_init__(self) -> None:
        for name, value in (("spacing", self.spacing), ("thickness", self.thickness)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"the {name} of slices is {value}; expected a number of mm above 0")
        if self.profile not in PROFILES:
            raise InputError(f"the profile of slices is {self.profile!r}; expected one of {', '.join(PROFILES)}")

    def scan(self, signal: Signal) -> Scan:
        """The stacks as sensors of the volume that is asked for, on the box of the first.

        Raises:
            InputError: no volume, no axis with coarser spacing, a spacing that is not finer, stacks that do not go together.
        """
        axis, distance = through(signal, "the volume")
        others = [pitch for at, pitch in enumerate(signal.grid.spacing) if at != axis]
        spacing = min(others) if self.spacing is None else self.spacing
        if spacing >= distance / COARSER:
            raise InputError(f"slices are {distance:g} mm apart; expected a finer spacing than that, and got {spacing:g} mm")
        shape = list(signal.grid.shape)
        shape[axis] = round(signal.box.extent[axis] / spacing)
        grid = Grid(signal.box, tuple(shape))
        sensors, seen = [], []
        for k, stack in enumerate([signal, *self.stacks]):
            stack = stack if k == 0 else _overlapping(stack, signal, f"stack {k + 1}")
            at, apart = through(stack, f"stack {k + 1}")
            sensors.append(SliceFootprint(grid, stack.grid, at, self.thickness or apart, self.profile))
            seen.append(stack.values)
        return Scan(grid, sensors, seen)

    def describe(self, signal: Signal, grid: Grid) -> str:
        """In words, for reports."""
        axis, distance = through(signal, "the volume")
        thickness = distance if self.thickness is None else self.thickness
        several = f", {len(self.stacks) + 1} stacks" if self.stacks else ""
        return f"slices:{distance:g}->{grid.spacing[axis]:g} mm along {signal.box.axes[axis]}, {thickness:g} mm thick{several}"


def through(signal: Signal, what: str) -> tuple[int, float]:
    """The axis through the slices of a volume, and their distance.

    Raises:
        InputError: no axis is coarser than the others; voxels without a number; a volume that changes.
    """
    if signal.box.dim != 3 or signal.grid.ticks:
        raise InputError(f"{what} has axes {signal.box.axes}; expected one volume of evenly spaced slices")
    if signal.known is not None and not bool(signal.known.all()):
        raise InputError(f"{what} has voxels that are no number; give them one, e.g. numpy.nan_to_num")
    pitches = signal.grid.spacing
    axis = max(range(3), key=lambda at: pitches[at])
    if pitches[axis] <= COARSER * sorted(pitches)[1] or signal.grid.shape[axis] < 2:
        said = " × ".join(f"{pitch:g}" for pitch in pitches)
        raise InputError(f"{what} has voxels of {said} mm and {signal.grid.shape[axis]} slices; expected thick slices, several")
    return axis, pitches[axis]


def _overlapping(stack: Signal, first: Signal, what: str) -> Signal:
    """The part of a stack whose voxels have their centers in the first one's box."""
    if stack.kind != first.kind or stack.box.affine != first.box.affine or stack.box.axes != first.box.axes:
        raise InputError(f"{what} leans against the first one, or is none; expected stacks whose axes run along each other's")
    if stack.out_dim != first.out_dim:
        raise InputError(f"{what} has {stack.out_dim} channels, the first one {first.out_dim}; expected as many")
    slices = []
    for axis, (low, high) in enumerate(first.box.bounds):
        at = stack.grid.axis_coords(axis)
        inside = ((at > low) & (at < high)).nonzero()[:, 0]
        if not len(inside):
            raise InputError(
                f"{what} lies at {stack.box.axes[axis]} = {stack.box.bounds[axis]}, outside of the first, {(low, high)}"
            )
        slices.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return replace(stack, values=stack.values[tuple(slices)], grid=stack.grid.part(tuple(slices)))
