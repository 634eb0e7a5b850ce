"""Solvers of convex problems: least squares by conjugate gradients, penalties that are not smooth by ADMM."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError

Linear = Callable[[Tensor], Tensor]

RELAXATION = 1.6  # of ADMM's images, beyond their new values
ADAPTED, ADAPT_EVERY, BALANCED = 60, 5, 3.0  # iterations in which ρ follows the residuals, how often, and at most by how much
INNER_TOLERANCE = 1e-4
LEAST_EIGENVALUE = 1e-6  # of the largest, in a preconditioner


class Solution(NamedTuple):
    """What a solver reached: x, the steps it took, and ‖b − A x‖ / ‖b‖ as it was carried along."""

    values: Tensor
    iterations: int
    relative_residual: float


@torch.no_grad()
def conjugate_gradients(
    apply: Linear,
    right_side: Float[Tensor, "*shape"],
    start: Float[Tensor, "*shape"] | None = None,
    *,
    preconditioner: Linear | None = None,
    max_iterations: int,
    tolerance: float,
    callback: Callable[[int, float], bool | None] | None = None,
) -> Solution:
    """Solve A x = b for a symmetric positive definite A that is given as a product (hestenes1952conjugate).

    For min ‖M x − y‖² + Σ λ ‖L x‖² hand over A = MᵀM + Σ λ LᵀL and b = Mᵀy. Where A is only semidefinite, and b in its range,
    the solution is the one that differs from the start by no element of the null space. Sums are taken in float64.

    Args:
        apply: x ↦ A x; it must not change x.
        right_side: b, of any shape; its dtype and device are the solution's.
        start: first x; None for zeros, which saves one product.
        preconditioner: r ↦ P r with a symmetric positive definite P near A⁻¹, such as division by A's diagonal.
        max_iterations: at most so many products with A, after that with the start.
        tolerance: stop at this ‖b − A x‖ / ‖b‖.
        callback: told the number of each step and the relative residual after it; True stops.

    Raises:
        InputError: A (or P) is not positive along a direction that came up, or gives what is not a number.
    """
    x = torch.zeros_like(right_side) if start is None else start.clone()
    residual = right_side.clone() if start is None else right_side - apply(start)
    scale = _norm(right_side)
    if scale == 0:
        return Solution(torch.zeros_like(right_side), 0, 0.0)
    relative, direction, slope = _norm(residual) / scale, None, 0.0
    for iteration in range(max_iterations):
        if relative <= tolerance:
            return Solution(x, iteration, relative)
        steepest = residual if preconditioner is None else preconditioner(residual)
        before, slope = slope, _dot(residual, steepest)
        _check_positive(slope, "the preconditioner", residual, steepest)
        direction = steepest.clone() if direction is None else direction.mul_(slope / before).add_(steepest)
        image = apply(direction)
        curvature = _dot(direction, image)
        if not _check_positive(curvature, "the operator", direction, image):
            return Solution(x, iteration, relative)
        x.add_(direction, alpha=slope / curvature)
        residual.sub_(image, alpha=slope / curvature)
        relative = _norm(residual) / scale
        if callback is not None and callback(iteration + 1, relative):
            return Solution(x, iteration + 1, relative)
    return Solution(x, max_iterations, relative)


def _check_positive(value: float, what: str, vector: Tensor, image: Tensor) -> bool:
    """Whether vᵀA v > 0; False where it is 0 but for rounding, so that nothing more can be gained along v."""
    if value > 0 and math.isfinite(value):
        return True
    bound = _norm(vector) * _norm(image)
    if abs(value) <= 8 * torch.finfo(vector.dtype).eps * bound and math.isfinite(bound):
        return False
    raise InputError(f"{what} is not positive definite: vᵀA v is {value:.3g} for a v with |v| |A v| = {bound:.3g}")


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.sum(a * b, dtype=torch.float64))


def _norm(a: Tensor) -> float:
    return math.sqrt(_dot(a, a))


@runtime_checkable
class Penalty(Protocol):
    """g(K x) that is convex and whose proximal map is known, such as `terms.smoothness.TotalVariation`."""

    def apply(self, values: Tensor) -> Tensor:
        """K x."""
        ...

    def adjoint(self, image: Tensor) -> Tensor:
        """Kᵀ z."""
        ...

    def shrink(self, image: Tensor, amount: float) -> Tensor:
        """argmin over z of amount · g(z) + ½ ‖z − image‖²; may work in place."""
        ...

    def symbol(self) -> Tensor:
        """|K̂|² on the frequencies of a real FFT over the grid's axes, exactly or nearly; it only speeds things up."""
        ...


@torch.no_grad()
def power_spectrum(
    apply: Linear, like: Float[Tensor, "*shape c"], *, n_probes: int = 4, is_complex: bool = False
) -> Float[Tensor, "*frequencies"]:
    """Of a symmetric A, the mean eigenvalue at each frequency of a real FFT over all axes but the last, found by trying it.

    Exact for a convolution that wraps; for others, such as projections and their adjoint, it is what a preconditioner needs.
    Where the two channels are real and imaginary part, frequencies of both signs count, those of a complex FFT.
    """
    rng = torch.Generator().manual_seed(0)
    above = below = torch.zeros(())
    for _ in range(n_probes):
        probe = torch.randint(0, 2, like.shape, generator=rng).to(like).mul_(2).sub_(1)
        waves = _waves(probe, is_complex)
        above = above + (_waves(apply(probe), is_complex) * waves.conj()).real.sum(dim=-1)
        below = below + waves.abs().square().sum(dim=-1)
    return (above / below.clamp_min(torch.finfo(below.dtype).tiny)).clamp_min(0.0)


@torch.no_grad()
def admm(
    normal: Linear,
    right_side: Float[Tensor, "*shape c"],
    penalties: Sequence[tuple[Penalty, float]],
    start: Float[Tensor, "*shape c"] | None = None,
    *,
    spectrum: Tensor | None = None,
    max_iterations: int = 200,
    inner_iterations: int = 25,
    tolerance: float = 1e-4,
    is_complex: bool = False,
    callback: Callable[[int, float], bool | None] | None = None,
) -> Solution:
    """Minimize ½ xᵀ N x − bᵀ x + Σ λ g(K x) by the alternating direction method of multipliers (boyd2011admm).

    Each iteration solves (N + ρ Σ KᵀK) x = … by a few steps of conjugate gradients from the last x, preconditioned by the
    operators' mean spectra, then takes each penalty's proximal map. ρ follows the residuals at first, so that neither lags.

    Args:
        normal: x ↦ N x, symmetric and positive semidefinite, such as AᵀW A.
        right_side: b, such as AᵀW y.
        penalties: each with its factor λ ≥ 0.
        start: first x; None for zeros.
        spectrum: of N, as `power_spectrum` gives it; None to find it here.
        max_iterations: at most.
        inner_iterations: of conjugate gradients in each.
        tolerance: stop where x changes by less than this share of itself, and K x is as near to its proximal image.
        is_complex: the two channels are real and imaginary part; the spectrum then has frequencies of both signs.
        callback: told the number of each iteration and the larger of the two residuals; True stops.

    Returns:
        x, the iterations, and the larger of the two residuals.
    """
    x = torch.zeros_like(right_side) if start is None else start.clone()
    spectrum = power_spectrum(normal, right_side, is_complex=is_complex) if spectrum is None else spectrum
    guess = x if start is not None else by_spectrum(right_side, spectrum, is_complex)
    splits = [_Split(penalty, factor, x, guess, spectrum, is_complex) for penalty, factor in penalties]
    residual = math.inf
    for iteration in range(max_iterations):
        before = x
        wanted = right_side.clone()
        for split in splits:
            wanted.add_(split.pull())
        filtered = functools.partial(_filtered, factor=1 / _divisor(spectrum, splits), is_complex=is_complex)
        x = _quadratic_step(normal, splits, wanted, before, filtered, inner_iterations)
        adapts = iteration < ADAPTED and iteration % ADAPT_EVERY == ADAPT_EVERY - 1
        gaps, sizes = zip(*(split.update(x, adapts=adapts) for split in splits), strict=True) if splits else ((0.0,), (0.0,))
        gap = math.hypot(*gaps) / max(math.hypot(*sizes), 1e-30)
        moved = _norm(x - before) / max(_norm(x), 1e-30)
        residual = max(moved, gap)
        if callback is not None and callback(iteration + 1, residual):
            return Solution(x, iteration + 1, residual)
        if moved <= tolerance and gap <= 10 * tolerance:
            return Solution(x, iteration + 1, residual)
    return Solution(x, max_iterations, residual)


class _Split:
    """A penalty on its way: its image z, which is to be K x, the scaled dual u, and ρ, which holds them together.

    ρ begins where the proximal map shortens what the penalty sees of a first guess by its mean; for a bound, at a tenth of N's
    mean eigenvalue.
    """

    def __init__(self, penalty: Penalty, factor: float, x: Tensor, guess: Tensor, spectrum: Tensor, is_complex: bool):
        self.penalty, self.factor = penalty, factor
        self.symbol = _symbol_of(penalty, x, is_complex)
        size = float(penalty.apply(guess).abs().mean())
        mean = max(float(spectrum.clamp_min(0.0).mean()), 1e-30)
        self.rho = factor / size if factor > 0 and size > 0 else 0.1 * mean
        self.image = penalty.apply(x)
        self.dual = torch.zeros_like(self.image)

    def pull(self) -> Tensor:
        """ρ Kᵀ (z − u): where the penalty wants x."""
        return self.rho * self.penalty.adjoint(self.image - self.dual)

    def curve(self, x: Tensor) -> Tensor:
        """ρ KᵀK x."""
        return self.rho * self.penalty.adjoint(self.penalty.apply(x))

    def update(self, x: Tensor, *, adapts: bool) -> tuple[float, float]:
        """Take the proximal map of what is seen of a new x; how far the two are apart, and how large the larger of them is."""
        seen = self.penalty.apply(x)
        relaxed = RELAXATION * seen + (1 - RELAXATION) * self.image
        new = self.penalty.shrink(relaxed + self.dual, self.factor / self.rho)
        self.dual.add_(relaxed).sub_(new)
        gap, change = _norm(seen - new), _norm(new - self.image)
        if adapts:
            ratio = min(BALANCED, max(1 / BALANCED, math.sqrt(max(gap, 1e-30) / max(change, 1e-30))))
            self.rho *= ratio
            self.dual.div_(ratio)
        self.image = new
        return gap, max(_norm(seen), _norm(new))


def _quadratic_step(
    normal: Linear, splits: Sequence[_Split], wanted: Tensor, start: Tensor, preconditioner: Linear, iterations: int
) -> Tensor:
    """(N + Σ ρ KᵀK) x = wanted, nearly, from a start."""

    def apply(x: Tensor) -> Tensor:
        image = normal(x)
        for split in splits:
            image = image + split.curve(x)
        return image

    return conjugate_gradients(
        apply, wanted, start, preconditioner=preconditioner, max_iterations=iterations, tolerance=INNER_TOLERANCE
    ).values


def _divisor(spectrum: Tensor, splits: Sequence[_Split]) -> Tensor:
    """Spectrum of N + Σ ρ KᵀK, nowhere near 0."""
    total = spectrum.clamp_min(0.0)
    for split in splits:
        total = total + split.rho * split.symbol
    return total.clamp_min(LEAST_EIGENVALUE * float(total.max()))


def _waves(values: Tensor, is_complex: bool) -> Tensor:
    """The FFT of values [*shape, c] over all axes but the last: the real one, or that of real and imaginary part [*shape, 1]."""
    axes = tuple(range(values.ndim - 1))
    waves: Tensor = torch.fft.rfftn(values, dim=axes) if not is_complex else _complex_waves(values, axes)
    return waves


def _complex_waves(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    waves: Tensor = torch.fft.fftn(torch.view_as_complex(values.contiguous()), dim=axes)[..., None]
    return waves


def _filtered(values: Tensor, factor: Tensor, is_complex: bool) -> Tensor:
    """Values [*shape, c] times a factor at each frequency of their FFT."""
    axes, shape = tuple(range(values.ndim - 1)), tuple(values.shape[:-1])
    waves = _waves(values, is_complex) * factor[..., None]
    if is_complex:
        return torch.view_as_real(torch.fft.ifftn(waves[..., 0], dim=axes))
    filtered: Tensor = torch.fft.irfftn(waves, s=shape, dim=axes)
    return filtered


def _symbol_of(penalty: Penalty, like: Tensor, is_complex: bool) -> Tensor:
    """A penalty's symbol, at the frequencies of both signs where that is asked for."""
    symbol = penalty.symbol().to(like)
    if not is_complex or not symbol.ndim:
        return symbol
    n, others = like.shape[-2], tuple(range(symbol.ndim - 1))
    # |K̂|² is that of real differences: −k has the value of k
    turned = symbol.flip(others).roll((1,) * len(others), others) if others else symbol
    return torch.cat([symbol, turned.index_select(-1, torch.arange(n - n // 2 - 1, 0, -1, device=like.device))], dim=-1)


def by_spectrum(right_side: Tensor, spectrum: Tensor, is_complex: bool) -> Tensor:
    """A first guess at N⁻¹ b: by frequencies, weak ones left weak."""
    return _filtered(right_side, 1 / (spectrum.clamp_min(0.0) + 0.01 * float(spectrum.max())), is_complex)
