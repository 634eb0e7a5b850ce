"""The Fourier transform at frequencies of any place, and its adjoint: exact sums, gridding of our own, or FINUFFT.

c(k) = Σ_n f(n) exp(−2πi k·(n − N//2)/N) / √ΠN for frequencies k in cycles per field of view: on whole numbers k it is the
centered orthonormal FFT.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from ungrid.errors import MissingExtra
from ungrid.spec import lookup

EXACT_UP_TO = 2**22  # products of a sample and a pixel
WIDTH = 8  # of the gridding kernel, in samples of the finer grid: 1e-7 of the values' norm
OVERSAMPLING = 2
CHUNK = 2**16  # frequencies worked on at once
EPS = {torch.complex64: 1e-6, torch.complex128: 1e-12}  # of FINUFFT


class Transform(ABC):
    """A transform of images [n, *shape] to samples [n, m] at m frequencies, and its adjoint; linear, complex.

    Args:
        shape: of the images.
        points: [m, d] frequencies in cycles per field of view, in the order of the shape; float64.
    """

    def __init__(self, shape: tuple[int, ...], points: Tensor):
        self.shape, self.points, self.scale = tuple(shape), points.double(), 1 / math.sqrt(math.prod(shape))
        self._prepare()

    def forward(self, images: Tensor) -> Tensor:
        """Samples [n, m] of images [n, *shape]; differentiable by the adjoint."""
        seen: Tensor = _Product.apply(images, self._forward, self._adjoint)
        return seen

    def adjoint(self, samples: Tensor) -> Tensor:
        """Images [n, *shape] of samples [n, m]; differentiable by the transform."""
        images: Tensor = _Product.apply(samples, self._adjoint, self._forward)
        return images

    def _prepare(self) -> None:  # noqa: B027 (nothing to prepare is fine)
        """What depends on the frequencies alone."""

    @abstractmethod
    def _forward(self, images: Tensor) -> Tensor: ...

    @abstractmethod
    def _adjoint(self, samples: Tensor) -> Tensor: ...


class _Product(torch.autograd.Function):
    """A linear map whose gradient is its adjoint."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, product: Callable[..., Tensor], adjoint: Callable[..., Tensor]) -> Tensor:
        ctx.product, ctx.adjoint = product, adjoint
        return product(values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return _Product.apply(grads[0], ctx.adjoint, ctx.product), None, None


class ExactSums(Transform):
    """Every sum as it stands: the reference, for small pictures."""

    def _forward(self, images: Tensor) -> Tensor:
        parts = []
        for waves in self._waves(images):
            part = torch.einsum("mi,ni...->nm...", waves[0], images)
            for wave in waves[1:]:
                part = torch.einsum("mi,nmi...->nm...", wave, part)
            parts.append(part)
        return torch.cat(parts, dim=1) * self.scale if parts else images.new_zeros(len(images), 0)

    def _adjoint(self, samples: Tensor) -> Tensor:
        images = samples.new_zeros(len(samples), *self.shape)
        done = 0
        for waves in self._waves(samples):
            n = len(waves[0])
            part = samples[:, done : done + n]
            for wave in reversed(waves[1:]):
                part = torch.einsum("nm...,mi->nmi...", part, wave.conj())
            images += torch.einsum("nm...,mi->ni...", part, waves[0].conj())
            done += n
        return images * self.scale

    def _waves(self, like: Tensor) -> Iterator[list[Tensor]]:
        """exp(−2πi k (n − N//2)/N) along each axis [m, N], some frequencies at a time."""
        step = max(1, 2**22 // max(1, math.prod(self.shape[1:])))
        for part in self.points.to(like.device).split(step):
            waves = []
            for axis, n in enumerate(self.shape):
                at = (torch.arange(n, dtype=torch.float64, device=like.device) - n // 2) / n
                waves.append(torch.exp(-2j * torch.pi * part[:, axis, None] * at).to(like.dtype))
            yield waves


class Gridding(Transform):
    """An FFT twice as fine, read by a Kaiser–Bessel kernel between its samples (beatty2005rapid).

    Each axis costs an FFT of twice its length, each frequency 8 products along each axis.
    """

    paper = "beatty2005rapid"

    def _prepare(self) -> None:
        self.fine = tuple(_smooth_length(OVERSAMPLING * n) for n in self.shape)
        self.taps, self.weights, self.places, self.factors = [], [], [], []
        for axis, (n, k) in enumerate(zip(self.shape, self.fine, strict=True)):
            beta = math.pi * math.sqrt((WIDTH / (k / n) * (k / n - 0.5)) ** 2 - 0.8)
            at = self.points[:, axis] * (k / n)
            first = torch.ceil(at - WIDTH / 2)
            nodes = first[:, None] + torch.arange(WIDTH, dtype=torch.float64)
            inside = (1 - (2 * (at[:, None] - nodes) / WIDTH).square()).clamp_min(0.0)
            self.taps.append(nodes.long() % k)
            self.weights.append(torch.special.i0(beta * inside.sqrt()) / math.exp(beta))
            centered = torch.arange(n) - n // 2
            root = (beta**2 - (math.pi * WIDTH * centered.double() / k).square()).sqrt()
            self.places.append(centered % k)
            self.factors.append(math.exp(beta) * root / (WIDTH * root.sinh()))

    def _forward(self, images: Tensor) -> Tensor:
        fine = images.new_zeros(len(images), *self.fine)
        fine[self._inside()] = images * self._evened(images)
        waves = torch.fft.fftn(fine, dim=self._axes).flatten(1)
        parts = []
        for nodes, weights in self._by_chunk(waves):
            seen = waves.new_zeros(len(waves), len(nodes[0]))
            for rows, weight in _rows(nodes, weights, self.fine):
                seen += (waves[:, rows] * weight).sum(dim=-1)
            parts.append(seen)
        return torch.cat(parts, dim=1) * self.scale if parts else waves.new_zeros(len(waves), 0)

    def _adjoint(self, samples: Tensor) -> Tensor:
        waves, done = samples.new_zeros(len(samples), math.prod(self.fine)), 0
        for nodes, weights in self._by_chunk(samples):
            part = samples[:, done : done + len(nodes[0]), None]
            for rows, weight in _rows(nodes, weights, self.fine):
                waves.index_add_(1, rows.flatten(), (part * weight).flatten(1))
            done += len(nodes[0])
        fine = torch.fft.ifftn(waves.unflatten(1, self.fine), dim=self._axes, norm="forward")
        images: Tensor = fine[self._inside()] * (self._evened(samples) * self.scale)
        return images

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.shape) + 1))

    def _inside(self) -> tuple[Any, ...]:
        """Where the picture's samples are on the fine grid."""
        d = len(self.shape)
        return (
            slice(None),
            *(place.reshape([-1 if k == axis else 1 for k in range(d)]) for axis, place in enumerate(self.places)),
        )

    def _evened(self, like: Tensor) -> Tensor:
        """One over the kernel's transform at each sample."""
        d, total = len(self.shape), like.real.new_ones(())
        for axis, factor in enumerate(self.factors):
            total = total * factor.to(total).reshape([-1 if k == axis else 1 for k in range(d)])
        return total

    def _by_chunk(self, like: Tensor) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
        for start in range(0, len(self.points), CHUNK):
            stop = start + CHUNK
            nodes = [taps[start:stop].to(like.device) for taps in self.taps]
            yield nodes, [weight[start:stop].to(like.real) for weight in self.weights]


class Finufft(Transform):
    """FINUFFT, a compiled library (barnett2019parallel); on the CPU, in parallel where there are cores."""

    paper = "barnett2019parallel"

    def _prepare(self) -> None:
        if find_spec("finufft") is None:
            raise MissingExtra("finufft", "mri", "the transform by FINUFFT")
        angles = 2 * math.pi * self.points / torch.tensor(self.shape, dtype=torch.float64)
        self.angles = [angles[:, axis].contiguous() for axis in range(len(self.shape))]
        self._plans: dict[tuple[int, int, torch.dtype], Any] = {}

    def _forward(self, images: Tensor) -> Tensor:
        return self._executed(2, images, (len(images), len(self.points)))

    def _adjoint(self, samples: Tensor) -> Tensor:
        return self._executed(1, samples, (len(samples), *self.shape))

    def _executed(self, kind: int, values: Tensor, shape: tuple[int, ...]) -> Tensor:
        key = (kind, len(values), values.dtype)
        if key not in self._plans:
            self._plans[key] = self._plan(*key)
        found = self._plans[key].execute(values.detach().cpu().contiguous().numpy())
        return torch.from_numpy(found).reshape(shape).to(values) * self.scale

    def _plan(self, kind: int, count: int, dtype: torch.dtype) -> Any:
        import finufft

        name, real = str(dtype).removeprefix("torch."), torch.float32 if dtype == torch.complex64 else torch.float64
        sign = -1 if kind == 2 else 1
        plan = finufft.Plan(
            kind, self.shape, count, EPS[dtype], sign, dtype=name, nthreads=torch.get_num_threads(), upsampfac=2.0
        )
        plan.setpts(*(angle.to(real).numpy() for angle in self.angles))
        return plan


TRANSFORMS: dict[str, type[Transform]] = {"exact": ExactSums, "gridding": Gridding, "finufft": Finufft}


def transform(shape: tuple[int, ...], points: Tensor, method: str = "auto") -> Transform:
    """The transform at given frequencies [m, d].

    Args:
        shape: of the images.
        points: in cycles per field of view.
        method: a name in TRANSFORMS, or "auto": exact sums where these are few, else FINUFFT where it is installed, else
            gridding.

    Raises:
        MissingExtra: "finufft" without the package.
        UnknownName: no such method.
    """
    if method == "auto":
        few = len(points) * math.prod(shape) <= EXACT_UP_TO
        method = "exact" if few else "finufft" if find_spec("finufft") is not None else "gridding"
    kind: type[Transform] = lookup(method, TRANSFORMS, "method of transforming")
    return kind(shape, points)


def name_of(method: Transform) -> str:
    """The transform's name in TRANSFORMS."""
    return next(name for name, kind in TRANSFORMS.items() if type(method) is kind)


def _rows(nodes: list[Tensor], weights: list[Tensor], fine: tuple[int, ...]) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of the flattened fine grid [m, 8] and their weights, for each choice of a tap along all axes but the last."""
    for taps in itertools.product(range(WIDTH), repeat=len(fine) - 1):
        row, weight = nodes[-1].new_zeros(()), weights[-1].new_ones(())
        for axis, tap in enumerate(taps):
            row = row * fine[axis] + nodes[axis][:, tap]
            weight = weight * weights[axis][:, tap]
        yield row[..., None] * fine[-1] + nodes[-1], weight[..., None] * weights[-1]


def _smooth_length(n: int) -> int:
    """The next even length made of factors 2, 3 and 5 alone, which FFTs like."""
    n += n % 2
    while True:
        rest = n
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return n
        n += 2
