"""Several fields of one signal, fitted from different seeds: their mean, and how much they disagree."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.uncertain import Calibration, UncertainField, check_spacing

MAX_MEMBERS = 64


class EnsembleField(UncertainField):
    """values = mean of the members' values; their variance is the model's.

    Works with every kind of field, costs as many fits as there are members, and its mean is usually better than a member.
    `ungrid.fit.calibrate` makes its intervals true.

    Args:
        members: 2 to 64 fields of one box and number of channels, without further inputs; the paper has 5.
        spacing: distance between the fitted samples along each axis, in the units of the box.

    Shape: coords [*, d] in the units of the box → values [*, c]; `deviation` likewise.
    Raises: InputError: too few or too many members, members that differ, or a spacing that is not positive.
    Differs from the paper: members give values alone, no variance of their own, and are fitted without adversarial examples; the
        noise is one number a channel, and calibration weighs it.
    """

    paper = "lakshminarayanan2017simple"
    noise: Tensor

    def __init__(self, members: tuple[Field, ...], spacing: tuple[float, ...]):
        super().__init__()
        if not 2 <= len(members) <= MAX_MEMBERS:
            raise InputError(f"an ensemble has 2 to {MAX_MEMBERS} members; got {len(members)}")
        first = members[0]
        for member in members:
            if member.box != first.box or member.out_dim != first.out_dim or member.input_names:
                raise InputError("the members of an ensemble have one box and number of channels, and take coords alone")
        check_spacing(spacing, first.in_dim)
        self.box, self.out_dim, self.spacing = first.box, first.out_dim, tuple(spacing)
        self.parts = nn.ModuleList(members)
        self.calibration = Calibration()
        self.register_buffer("noise", torch.ones(first.out_dim))

    @property
    def members(self) -> tuple[Field, ...]:
        """The fields, in order."""
        return tuple(self.parts)  # type: ignore[arg-type]

    @property
    def smoothness(self) -> float:
        """That of the least smooth member."""
        return min(member.smoothness for member in self.members)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Mean of the members' values at normalized coords."""
        return torch.stack([member.values_at(coords, inputs) for member in self.members]).mean(dim=0)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Mean of the members' values on a whole grid."""
        return torch.stack([member.on(grid) for member in self.members]).mean(dim=0)

    def noise_variance(self) -> Float[Tensor, "c"]:
        """Mean squared misfit of the mean at the fitted samples."""
        return self.noise

    def model_variance_at(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch c"]:
        """Variance of the members' values at normalized coords, as of a sample of all possible members."""
        each = torch.stack([member.values_at(coords) for member in self.members])
        return (each - each.mean(dim=0)).square().sum(dim=0) / (len(each) - 1)

    def chunk_points(self, max_memory: int | None = None) -> int:
        """As many as the least of the members takes."""
        return min(super().chunk_points(max_memory), *(member.chunk_points(max_memory) for member in self.members))

    def width_sum(self) -> int:
        """Floats that one point needs: those of the largest member, and every member's values."""
        return max(member.width_sum() for member in self.members) + len(self.members) * self.out_dim
