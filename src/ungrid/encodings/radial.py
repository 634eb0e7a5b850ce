"""Coordinates with their distance from the center, and a latent vector beside them: what a pattern-producing network sees."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.encodings.base import Encoding
from ungrid.encodings.limits import MAX_IN_DIM, check_count, check_number
from ungrid.errors import InputError

MAX_LATENT_DIM = 1024
MAX_FOLD = 64
MAX_SCALE = 1e6
LEAST_RADIUS = 1e-12  # below it a direction is not defined, and taken as zero


class Radial(Encoding):
    """Coordinates, radius and latent vector: γ(x) = [s·x, s·|x|, s·z], the inputs of a CPPN.

    The radius lets a network draw rings and centers, the latent vector z is a place in a space of pictures: move it
    (`set_latent`) and the picture changes smoothly. Symmetries are put into the coordinates, so whatever follows has them.

    Args:
        in_dim: d, length of a coordinate, 1 to 16.
        scale: s, one factor for all axes or one each; the larger, the more of the pattern fits the box. Factors in the
            proportion of the box's sides make circles of what would be ellipses. The latent takes their mean.
        n_fold: how often the pattern repeats around the center, in the plane of the last two axes, 1 to 64; 1 leaves it as it is.
        mirror: whether the pattern is its own mirror image along the last axis (with `n_fold`, along as many axes).
        tile: whether the pattern repeats from box to box without a seam; instead of `n_fold` and `mirror`.
        latent_dim: length of z, 0 to 1024.
        seed: of z, which is uniform in [-1, 1] and saved with the field.

    Shape: coords [*, d] in [-1, 1] → features [*, d + 1 + latent_dim].
    Raises: InputError: an argument out of range, `n_fold` on a single axis, or `tile` with another symmetry.
    Differs from the paper: symmetries there come out of the evolved network (a Gaussian of x), here they may be asked for. Its
        constant input is left to the biases. Scale and latent vector are those of hardmaru's `cppn-tensorflow`, which has
        s = 8 and 32 entries of z.
    """

    paper = "stanley2007compositional"
    smoothness = 0.0  # the radius has a kink at the center
    latent: Float[Tensor, " latent"]

    def __init__(
        self,
        in_dim: int,
        *,
        scale: tuple[float, ...] = (1.0,),
        n_fold: int = 1,
        mirror: bool = False,
        tile: bool = False,
        latent_dim: int = 8,
        seed: int = 0,
    ):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_IN_DIM)
        check_count("n_fold", n_fold, 1, MAX_FOLD)
        check_count("latent_dim", latent_dim, 0, MAX_LATENT_DIM)
        if len(scale) not in (1, in_dim):
            raise InputError(f"scale has {len(scale)} entries; expected 1 or {in_dim}, one per axis")
        for factor in scale:
            check_number("scale", factor, 1 / MAX_SCALE, MAX_SCALE)
        if tile and (mirror or n_fold > 1):
            raise InputError("a tile has no mirror and no folds; expected tile alone, or mirror and n_fold")
        if n_fold > 1 and in_dim < 2:
            raise InputError(f"n_fold is {n_fold}, and a single axis has no turns; expected 1")
        self.in_dim, self.out_dim = in_dim, in_dim + 1 + latent_dim
        self.scale, self.n_fold, self.mirror, self.tile = tuple(scale), n_fold, mirror, tile
        self.latent_dim, self.seed = latent_dim, seed
        rng = torch.Generator().manual_seed(seed)
        self.register_buffer("latent", torch.rand(latent_dim, generator=rng).mul_(2).sub_(1))

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        factors = self.scale * (self.in_dim if len(self.scale) == 1 else 1)
        scale = torch.tensor(factors, dtype=coords.dtype, device=coords.device)
        if self.tile:  # sin²(πx/2) has the box's period, too, and is (πx/2)² near the center
            places, squares = torch.sin(torch.pi * coords), torch.sin(torch.pi / 2 * coords).square()
            radius = _root((scale.square() * squares).sum(dim=-1, keepdim=True))
            places = scale * places
        else:
            places = scale * coords
            radius = _root(places.square().sum(dim=-1, keepdim=True))
            places = self._folded(places)
        latent = (self.latent * (sum(factors) / len(factors))).expand(*coords.shape[:-1], self.latent_dim)
        return torch.cat([places, radius, latent], dim=-1)

    def set_latent(self, latent: Float[Tensor, " latent"]) -> None:
        """Move to another place z of the latent space.

        Raises:
            InputError: a vector of another length.
        """
        if latent.shape != self.latent.shape:
            raise InputError(f"the latent has shape {tuple(latent.shape)}; expected {tuple(self.latent.shape)}")
        with torch.no_grad():
            self.latent.copy_(latent)

    def _folded(self, places: Tensor) -> Tensor:
        """The plane of the last two axes turned into itself: n times the angle, or with a mirror the angle inside one wedge."""
        if self.n_fold == 1:
            others, last = places[..., :-1], places[..., -1:]
            return torch.cat([others, last.abs()], dim=-1) if self.mirror else places
        # the angle counts from the axis before the last (down, in a picture), which a mirror leaves in place
        others, first, last = places[..., :-2], places[..., -2:-1], places[..., -1:]
        radius = _root(first.square() + last.square())
        cosine, sine = first / radius.clamp_min(LEAST_RADIUS), last / radius.clamp_min(LEAST_RADIUS)
        turned, side = cosine, sine
        for _ in range(self.n_fold - 1):
            turned, side = turned * cosine - side * sine, turned * sine + side * cosine
        if self.mirror:  # atan2(|sin nθ|, cos nθ) / n lies in [0, π/n] and has no jump where wedges meet
            angle = torch.atan2(side.abs(), torch.where(radius > 0, turned, torch.ones_like(turned))) / self.n_fold
            turned, side = torch.cos(angle), torch.sin(angle)
        return torch.cat([others, radius * turned, radius * side], dim=-1)


def _root(squares: Tensor) -> Tensor:
    """√ with slope 0 at 0, where the distance from a point has none."""
    return torch.where(squares > 0, squares, torch.ones_like(squares)).sqrt() * (squares > 0)
