"""What blurred a picture, found from the picture alone: coarse to fine, sharp edges and what blurs them, in turn."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.errors import InputError

papers = ("cho2009fast", "xu2011l0", "xu2013unnatural", "pan2014deblurring", "beck2009fast")
STEP = 2**0.5  # between the scales of the pyramid
ROUNDS = 5  # of edges and kernel, at each scale
SPREAD = 0.2  # standard deviation to which pictures are brought, so that one penalty serves all
PENALTY, LEAST_PENALTY, DECAY = 0.04, 5e-3, 1.1  # of a gradient that is not 0; it falls round by round
TIGHTEST = 1e3  # the last factor that binds gradients to their own thresholded selves
RIDGE = 0.01  # of the kernel's weights, in units of the edges' energy
FAINT = 0.05  # of the largest weight, below which there is no light
ISLAND = 0.1  # of all the light, below which what lies apart is no part of the kernel
DESCENT = 150  # steps to the kernel of least squares
SMALLEST = 16  # samples along each side of a picture, from which a kernel is looked for


@torch.no_grad()
def blind_kernel(plane: Float[Tensor, "y x"], side: int) -> Float[Tensor, "side side"]:
    """The point spread function behind a blurred picture: weights of at least 0, their sum 1, their center of mass in the middle.

    In turn the picture is deconvolved under a penalty on the number of gradients that are not 0, which leaves its strong edges,
    sharp, and the kernel is the one of least squares from these edges' gradients to the picture's own. The penalty falls round
    by round, and the whole begins on a picture so small that the kernel is three samples wide.

    Args:
        plane: a blurred picture in gray, in any unit.
        side: samples along each side of the kernel, odd, 3 or more; wider than the blur by some, not by much.

    Raises:
        InputError: a picture too small for the kernel, or without an edge.

    Differs from the papers: edges are those of Xu et al. (2013) and Pan et al. (2014), without a penalty on intensities; the
    kernel of least squares is the one of no negative weight, from gradients whose kernels lie whole in the picture, instead of
    one without bounds whose negative weights are cut off.
    """
    if side % 2 == 0 or side < 3 or min(plane.shape) < max(SMALLEST, 2 * side):
        raise InputError(
            f"a kernel of {side}×{side} samples is looked for in a picture of {max(SMALLEST, 2 * side)} samples a side at least; "
            f"got {tuple(plane.shape)}"
        )
    spread = float(plane.std())
    if not spread > 1e-6:
        raise InputError("the picture has no edges, so that nothing says what blurred it; say the blur, such as gaussian:2")
    plane = (plane - plane.mean()) / spread * SPREAD
    penalty, kernel = PENALTY, None
    for own in scales(side):
        small = plane if own == side else _resized(plane, own / side)
        kernel = _first(small, own) if kernel is None else _grown(kernel, own)
        for _ in range(ROUNDS):
            kernel = _cleaned(_least_squares(sharp_edges(small, kernel, penalty), small, own))
            penalty = max(penalty / DECAY, LEAST_PENALTY)
    assert kernel is not None
    return kernel


def scales(side: int) -> list[int]:
    """Sides of the kernel from the coarsest scale to the finest, odd, each about √2 of the last."""
    n = 1 + math.ceil(math.log(side / 3, STEP))
    sides = [max(3, 2 * round((side / STEP**k - 1) / 2) + 1) for k in range(n)]
    return list(dict.fromkeys(reversed(sides)))


def sharp_edges(plane: Float[Tensor, "y x"], kernel: Float[Tensor, "side side"], penalty: float) -> Float[Tensor, "y x"]:
    """Samples near argmin_x ‖kernel ∗ x − plane‖² + penalty · (number of gradients of x that are not 0): what is left of a
    picture is its strong edges, by half-quadratic splitting (xu2011l0).

    Args:
        plane: what was blurred.
        kernel: what blurred it.
        penalty: of each gradient that is not 0, in squared units of the plane.
    """
    height, width = plane.shape
    wide = _wrapped(plane, min(2 * kernel.shape[0], height - 1, width - 1))
    response = _spectrum(kernel, tuple(wide.shape))
    right_side, power = response.conj() * torch.fft.rfft2(wide), response.abs().square()
    down, across = torch.fft.fftfreq(wide.shape[0]), torch.fft.rfftfreq(wide.shape[1])
    slopes = (4 - 2 * torch.cos(2 * torch.pi * down)[:, None] - 2 * torch.cos(2 * torch.pi * across)).to(plane)
    found, binding = wide, 2 * penalty
    while binding < TIGHTEST:
        dy, dx = found.roll(-1, 0) - found, found.roll(-1, 1) - found
        keep = dy.square() + dx.square() >= penalty / binding
        dy, dx = dy * keep, dx * keep
        bound = dy.roll(1, 0) - dy + dx.roll(1, 1) - dx
        waves = (right_side + binding * torch.fft.rfft2(bound)) / (power + binding * slopes)
        found = torch.fft.irfft2(waves, s=tuple(wide.shape))
        binding *= 2
    return found[:height, :width]


def _least_squares(edges: Tensor, plane: Tensor, side: int) -> Tensor:
    """argmin over k ≥ 0 of ½‖k ∗ ∇edges − ∇plane‖² + ½ RIDGE ‖k‖², from the edges a kernel's side away from the border."""
    (height, width), reach, n = plane.shape, side // 2, 2 * side - 1
    shape = (height + 2 * side, width + 2 * side)
    inner = torch.zeros_like(plane)
    down, across = min(side, height // 4), min(side, width // 4)
    inner[down : height - down, across : width - across] = 1
    power = cross = torch.zeros((), device=plane.device)
    for axis in (0, 1):
        of_edges, of_plane = (_slope(values, axis) for values in (edges, plane))
        waves = torch.fft.rfft2(of_edges * inner, s=shape).conj()
        power = power + waves * torch.fft.rfft2(of_edges, s=shape)
        cross = cross + waves * torch.fft.rfft2(of_plane, s=shape)
    likeness = torch.fft.irfft2(power, s=shape).roll((side - 1, side - 1), (0, 1))[:n, :n]
    seen = torch.fft.irfft2(cross, s=shape).roll((reach, reach), (0, 1))[:side, :side]
    energy = float(likeness[side - 1, side - 1])
    if not energy > 0:
        raise InputError(
            "no edge of the picture stands out, so that nothing says what blurred it; say the blur, such as gaussian:2"
        )
    likeness = (likeness + likeness.flip((0, 1))) / (2 * energy)
    at = torch.arange(side, device=plane.device)
    lag = at[:, None] - at[None, :] + side - 1
    matrix = likeness[lag[:, None, :, None], lag[None, :, None, :]].reshape(side * side, side * side)
    matrix.diagonal().add_(RIDGE)
    return _not_negative(matrix, seen.flatten() / energy).reshape(side, side)


def _not_negative(matrix: Tensor, right_side: Tensor) -> Tensor:
    """argmin over k ≥ 0 of ½ kᵀ M k − bᵀ k, by accelerated projected gradients (beck2009fast)."""
    vector = right_side.clone()
    for _ in range(20):
        vector = matrix @ (vector / vector.norm())
    step = 1 / (1.2 * float(vector.norm()))
    found = ahead = torch.full_like(right_side, 1 / len(right_side))
    momentum = 1.0
    for _ in range(DESCENT):
        new = (ahead - step * (matrix @ ahead - right_side)).clamp_min_(0)
        before, momentum = momentum, (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead, found = new + (before - 1) / momentum * (new - found), new
    return found


def _cleaned(kernel: Tensor) -> Tensor:
    """Without faint weights and small islands; of sum 1, and in the middle."""
    if not float(kernel.sum()) > 0:
        kernel = _middle(kernel)
    kernel = torch.where(kernel < FAINT * kernel.max(), 0, kernel)
    islands = _islands(kernel > 0)
    light = torch.zeros(kernel.numel() + 1).to(kernel).index_add_(0, islands.flatten(), kernel.flatten())
    enough = min(ISLAND * float(kernel.sum()), float(light[1:].max()))
    return centered(torch.where(light[islands] >= enough, kernel, 0))


def _islands(bright: Tensor) -> Tensor:
    """A number for each set of samples that touch, by sides or corners; 0 in the dark."""
    numbers = torch.arange(1, bright.numel() + 1, device=bright.device).reshape(bright.shape) * bright
    while True:
        spread = functional.max_pool2d(numbers[None, None].double(), 3, stride=1, padding=1)[0, 0].long() * bright
        if torch.equal(spread, numbers):
            return numbers
        numbers = spread


def _middle(kernel: Tensor) -> Tensor:
    """All light in the middle: no blur."""
    kernel = torch.zeros_like(kernel)
    kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
    return kernel


def centered(kernel: Float[Tensor, "side side"]) -> Float[Tensor, "side side"]:
    """A kernel of sum 1 whose center of mass is moved to the middle, by whole samples; what would leave is left out."""
    side = kernel.shape[0]
    kernel = kernel / kernel.sum()
    at = torch.arange(side).to(kernel) - side // 2
    down, across = (round(float((kernel.sum(axis) * at).sum())) for axis in (1, 0))
    reach = max(abs(down), abs(across))
    moved = functional.pad(kernel, (reach, reach, reach, reach))
    moved = moved[reach + down : reach + down + side, reach + across : reach + across + side]
    return moved / moved.sum()


def _first(small: Tensor, side: int) -> Tensor:
    """Two samples along the axis on which the picture changes less: the blur may lie there."""
    kernel, middle = torch.zeros(side, side).to(small), side // 2
    down, across = (float(small.diff(dim=axis).square().mean()) for axis in (0, 1))
    kernel[middle, middle] = 0.5
    kernel[(middle - 1, middle) if down < across else (middle, middle - 1)] = 0.5
    return kernel


def _grown(kernel: Tensor, side: int) -> Tensor:
    larger = functional.interpolate(kernel[None, None], size=(side, side), mode="bicubic", align_corners=False)[0, 0]
    return centered(larger.clamp_min(0))


def _resized(plane: Tensor, factor: float) -> Tensor:
    size = [max(8, round(n * factor)) for n in plane.shape]
    return functional.interpolate(plane[None, None], size=size, mode="bicubic", antialias=True, align_corners=False)[0, 0]


def _slope(values: Tensor, axis: int) -> Tensor:
    """Differences to the next sample along an axis; 0 at the last."""
    return functional.pad(values.diff(dim=axis), (0, 1) if axis else (0, 0, 0, 1))


def _wrapped(plane: Tensor, reach: int) -> Tensor:
    """The plane with a margin below and to the right that leads smoothly from its end to its beginning, as mirrored parts that
    fade into each other."""
    fade = torch.linspace(0, 1, reach + 2)[1:-1].to(plane)
    fade = fade.square() * (3 - 2 * fade)
    for _ in range(2):
        after, before = plane[-reach - 1 : -1].flip(0), plane[1 : reach + 1].flip(0)
        plane = torch.cat([plane, after * (1 - fade[:, None]) + before * fade[:, None]]).T
    return plane


def _spectrum(kernel: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Of a kernel whose middle lies at the origin."""
    canvas = torch.zeros(shape).to(kernel)
    canvas[: kernel.shape[0], : kernel.shape[1]] = kernel
    canvas = canvas.roll((-(kernel.shape[0] // 2), -(kernel.shape[1] // 2)), (0, 1))
    waves: Tensor = torch.fft.rfft2(canvas)
    return waves
