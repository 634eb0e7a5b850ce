"""Filtered back projection of parallel and fan beams, and of cone beams after Feldkamp, Davis and Kress."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.domain.scanners import ConeBeam, FanBeam, Scanner
from ungrid.errors import InputError

FILTERS = ("ramp", "hann")


def filtered_back_projection(
    measured: Float[Tensor, "views *pixels"], scanner: Scanner, grid: Grid, *, window: str = "ramp"
) -> Float[Tensor, "*shape"]:
    """Each view filtered by |frequency| and spread back along its rays (feldkamp1984cone for cone beams).

    Exact for parallel views evenly over half a turn, and fan beams over a whole one, with ever more views; of a cone beam in the
    plane of the source alone.

    Args:
        measured: line integrals [views, bins], of a cone beam [views, rows, bins].
        scanner: whose they are; angles evenly over half a turn or a whole one.
        grid: of the result, axes (y, x) or (z, y, x).
        window: "ramp", or "hann" to leave out noise, and detail, with a cosine over the frequencies.

    Raises: InputError: an unknown window.
    """
    if window not in FILTERS:
        raise InputError(f"no window {window!r} among {', '.join(FILTERS)}")
    rows = measured if measured.ndim == 3 else measured[:, None]
    filtered = _filtered(rows.float() * _slants(scanner, rows), scanner.spacing / scanner.magnification, window)
    points = grid.points()
    height = points[..., 0] - scanner.height if isinstance(scanner, ConeBeam) else torch.zeros(())
    offsets = points[..., -2:] - torch.tensor(scanner.axis)
    total = torch.zeros(grid.shape)
    for angle, view in zip(scanner.angles, filtered, strict=True):
        total += _spread(view, scanner, angle, offsets, height)
    return total * (math.pi / len(scanner.angles))


def _slants(scanner: Scanner, rows: Tensor) -> Tensor:
    """Cosine of the angle between each ray and the middle one [rows, bins]."""
    if not isinstance(scanner, FanBeam):
        return torch.ones(())
    center = scanner.n_bins // 2 + 0.5 if scanner.center is None else scanner.center
    across = (torch.arange(scanner.n_bins) + 0.5 - center) * scanner.spacing
    rises = scanner.rises().float() if isinstance(scanner, ConeBeam) else torch.zeros(2)
    reach = scanner.source_distance + scanner.detector_distance
    up = ((rises[1:] + rises[:-1]) / 2)[:, None]
    cosines: Tensor = reach / (reach**2 + across.square() + up.square()).sqrt()
    return cosines


def _filtered(rows: Tensor, spacing: float, window: str) -> Tensor:
    """Rows [views, rows, bins] convolved with the band-limited ramp of their spacing."""
    n = rows.shape[-1]
    size = 2 ** math.ceil(math.log2(2 * n))
    at = torch.fft.fftfreq(size, 1 / size).round()
    taps = torch.where(at % 2 == 0, torch.zeros(()), -1 / (math.pi * at * spacing).square().clamp_min(1e-12))
    taps[0] = 1 / (4 * spacing**2)
    response = torch.fft.rfft(taps).real * spacing
    if window == "hann":
        response = response * (0.5 + 0.5 * torch.cos(math.pi * torch.linspace(0, 1, len(response))))
    convolved: Tensor = torch.fft.irfft(torch.fft.rfft(rows, size) * response, size)
    return convolved[..., :n]


def _spread(view: Tensor, scanner: Scanner, angle: float, offsets: Tensor, height: Tensor) -> Tensor:
    """One filtered view [rows, bins] at the points of the grid, weighted by their distance from the source."""
    y, x = offsets.unbind(-1)
    across, ahead = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
    nearer = torch.ones_like(x)
    if isinstance(scanner, FanBeam):
        nearer = scanner.source_distance / (scanner.source_distance + ahead)
    center = scanner.n_bins // 2 + 0.5 if scanner.center is None else scanner.center
    column = across * nearer * (scanner.magnification / scanner.spacing) + center
    row = torch.full_like(column, 0.5)
    if isinstance(scanner, ConeBeam):
        middle = scanner.n_rows / 2 if scanner.row_center is None else scanner.row_center
        row = height * nearer * (scanner.magnification / (scanner.row_spacing or scanner.spacing)) + middle
    places = torch.stack([2 * column / view.shape[1] - 1, 2 * row / view.shape[0] - 1], dim=-1)
    sampled = torch.nn.functional.grid_sample(
        view[None, None], places.reshape(1, -1, 1, 2), mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return sampled.reshape(column.shape) * nearer.square()
