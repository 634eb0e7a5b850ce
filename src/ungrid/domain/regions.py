"""Where points are drawn: inside a box, or on its faces."""

import itertools
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.errors import InputError

Side = Literal["low", "high"]


@runtime_checkable
class Region(Protocol):
    """Part of a box that has a size, however many dimensions it has."""

    def draw(self, n: int, rng: torch.Generator, dtype: torch.dtype = torch.float32) -> Float[Tensor, "n d"]:
        """Points at random, evenly."""
        ...


@dataclass(frozen=True)
class Inside:
    """The inside of a box.

    Args:
        box: where.
    """

    box: Box

    def draw(self, n: int, rng: torch.Generator, dtype: torch.dtype = torch.float32) -> Float[Tensor, "n d"]:
        """Points [n, d] in the units of the box, stratified: every slab of an nth of an axis has one."""
        places = []
        for low, high in self.box.bounds:
            order = torch.randperm(n, generator=rng)
            places.append(low + (high - low) * (order + torch.rand(n, generator=rng, dtype=torch.float64)) / n)
        return torch.stack(places, dim=-1).to(dtype)


@dataclass(frozen=True)
class Faces:
    """The boundary of a box, or some of its faces.

    Args:
        box: where.
        faces: pairs of an axis and a side, such as (("t", "low"),) for the beginning of time; () for all.

    Raises:
        InputError: an axis that the box has not.
    """

    box: Box
    faces: tuple[tuple[str, Side], ...] = ()

    def __post_init__(self) -> None:
        unknown = [axis for axis, _ in self.faces if axis not in self.box.axes]
        if unknown:
            raise InputError(f"the box has the axes {self.box.axes}; it has no face along {unknown[0]!r}")

    def draw(self, n: int, rng: torch.Generator, dtype: torch.dtype = torch.float32) -> Float[Tensor, "n d"]:
        """Points [n, d] in the units of the box: as many on each face, to one."""
        sides: tuple[Side, ...] = ("low", "high")
        faces = self.faces or tuple(itertools.product(self.box.axes, sides))
        parts = []
        for k, (axis, side) in enumerate(faces):
            points = Inside(self.box).draw((n + len(faces) - 1 - k) // len(faces), rng, dtype)
            index = self.box.axes.index(axis)
            points[:, index] = self.box.bounds[index][side == "high"]
            parts.append(points)
        return torch.cat(parts)
