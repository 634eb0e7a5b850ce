"""Directions in place of angles: latitude and longitude to the unit vector, in front of an encoding in space."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.encodings.base import Encoding
from ungrid.encodings.limits import MAX_IN_DIM, check_count
from ungrid.errors import InputError

N_DIRECTION = 3


class SphereCoords(Encoding):
    """γ(…, lat, lon) = encoding(…, cos lat cos lon, cos lat sin lon, sin lat): without a seam, and with one value at each pole.

    The last two axes are angles. Of the others (level, time) as many as `encoding` has room for, the last ones, go into it before
    the vector; the rest are features as they are, behind its own. Smooth wherever the encoding is; a grid in space spends nodes
    on the sphere's surface alone if it is hashed.

    Args:
        encoding: of three axes, or of more.
        in_dim: d, number of all axes, 2 or more.
        latitude: (low, high) of the box in degrees, between −180 and 180: a grid of cells around the poles reaches beyond ±90°,
            where the meridian goes on at the other side.
        longitude: (low, high) of the box in degrees.

    Shape: coords [*, d] in [-1, 1] → features [*, features of `encoding`, and as many more as axes did not go into it].
    Raises: InputError: an encoding of another number of axes, angles out of range.
    """

    def __init__(self, encoding: Encoding, in_dim: int, latitude: tuple[float, float], longitude: tuple[float, float]):
        super().__init__()
        check_count("in_dim", in_dim, 2, MAX_IN_DIM)
        n_rest = in_dim - 2
        if not N_DIRECTION <= encoding.in_dim <= N_DIRECTION + n_rest:
            raise InputError(
                f"the encoding takes {encoding.in_dim} axes; expected 3, or up to {n_rest} more for those beside the angles"
            )
        for name, (low, high) in (("latitude", latitude), ("longitude", longitude)):
            if not (math.isfinite(low) and math.isfinite(high) and low < high and max(abs(low), abs(high)) <= 1080):
                raise InputError(f"{name} is from {low} to {high}; expected rising degrees")
        self.encoding, self.in_dim = encoding, in_dim
        self.latitude, self.longitude = (float(latitude[0]), float(latitude[1])), (float(longitude[0]), float(longitude[1]))
        self.n_behind = n_rest - (encoding.in_dim - N_DIRECTION)
        self.out_dim = encoding.out_dim + self.n_behind
        self.smoothness = encoding.smoothness

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        rest, vector = coords[..., :-2], self.direction(coords[..., -2:])
        features: Tensor = self.encoding(torch.cat([rest[..., self.n_behind :], vector], dim=-1))
        return torch.cat([features, rest[..., : self.n_behind]], dim=-1)

    def direction(self, angles: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 3"]:
        """Unit vectors of normalized latitude and longitude."""
        bounds = angles.new_tensor([self.latitude, self.longitude])
        low, high = bounds[:, 0], bounds[:, 1]
        latitude, longitude = torch.deg2rad(low + (angles + 1) * ((high - low) / 2)).unbind(-1)
        level = latitude.cos()
        return torch.stack([level * longitude.cos(), level * longitude.sin(), latitude.sin()], dim=-1)

    def octaves(self) -> Float[Tensor, " features"] | None:
        """Those of the encoding inside; 0 for the coordinates behind them."""
        inside = self.encoding.octaves()
        return None if inside is None else torch.cat([inside, inside.new_zeros(self.n_behind)])
