"""`mri`: from what a scanner's coils measured to the picture, as a field of its real and imaginary part."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Complex
from torch import Tensor

from ungrid.classical.compressed_sensing import WAVELET_STRENGTH, wavelet_sensing, zero_filled
from ungrid.classical.nonlocal_means import SEARCH, nonlocal_means
from ungrid.errors import InputError
from ungrid.fields.lattice import LatticeField
from ungrid.fields.record import Record
from ungrid.fit.callbacks import Callback
from ungrid.fit.convex import conjugate_gradients
from ungrid.fit.convex_solver import relative_residual
from ungrid.fit.problem import Problem
from ungrid.measurements.coils import MIDDLE
from ungrid.measurements.fourier import to_complex
from ungrid.measurements.kspace import KSpace
from ungrid.signals.image import picture_signal, write_picture
from ungrid.tasks.magnetic_scan import Origin, Scan, grid_of, read_scan, scan_of
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import TotalVariation
from ungrid.verbs import fit, render

LAST_STEPS = 10  # of conjugate gradients, to make an average consistent with the samples
KEPT_OUT = 0.05  # of the samples, to compare methods by
FOR_COILS = 2**28  # bytes to find sensitivities in
WEAK_WAVELETS = 0.3  # of the strength for one coil, where several tell more
ROUNDS, WIDEST = 16, 6.0  # of averaging patches, and how much more they may differ in the first than in the last


def mri(
    kspace: Any,
    *,
    mask: Any = None,
    trajectory: Any = None,
    coils: Any = None,
    noise: float | None = None,
    shape: Sequence[int] | None = None,
    real: bool | None = None,
    origin: Origin = "auto",
    device: str = "auto",
    max_memory: int | None = None,
    callbacks: Sequence[Callback] | None = None,
) -> LatticeField:
    """The picture whose Fourier transform a scanner sampled: least squares with total variation, solved as the convex problem it
    is; where there is no noise, then patches that look alike are averaged and the samples met, in turn, or, of several coils that
    tell enough, the mean with the picture of least wavelets is taken.

    Args:
        kspace: complex [coil?, y, x] or [coil, z, y, x], frequency 0 at index N//2, orthonormal; along a trajectory [coil?, *m].
        mask: [y, x] or [z, y, x], which frequencies were sampled; None: where an entry is not exactly 0. A volume of one coil is
            [z, y, x] with a mask of three axes.
        trajectory: [*m, d] in cycles per field of view, in the order of the picture's axes; readouts along the last but one.
        coils: complex sensitivities [coil, *shape]; None to find those of several coils in k-space's middle.
        noise: standard deviation of the real and of the imaginary part of a sample; None to estimate it.
        shape: of the picture, along a trajectory; None for the smallest that carries it.
        real: the picture has no phase; None to see it by opposite frequencies, on a mask and of one coil.
        origin: which sample phases are counted from: "center" N//2, as scanners' software has it, "corner" 0, as of a bare FFT;
            "auto" takes the center unless the picture then is rolled by half, with nothing in its middle.
        device: "auto", "cpu" or "cuda". The field comes back on the CPU.
        max_memory: bytes that this may take beyond k-space; more is refused before anything is computed.
        callbacks: objects that watch; None for a progress bar where standard error is a terminal.

    Returns:
        the field, two channels (one where the picture is real) on a box of pixels, with `metrics["quality"]["residual"]` and in
        its record's fit what was found: noise, strength, coils, origin, method.

    Raises:
        InputError, ShapeError: what does not go together, is not finite, or says nothing.
    """
    start = time.monotonic()
    checked = read_scan(kspace, mask=mask, trajectory=trajectory, shape=shape)
    check_memory(checked, max_memory)
    scan = scan_of(checked, coils=coils, noise=noise, real=real, origin=origin)
    field = total_variation(scan, device=device, callbacks=callbacks)
    values, method = improved(scan, field.samples.detach())
    with torch.no_grad():
        field.samples.copy_(values)
    told = scan.told | {"method": method, "total_seconds": round(time.monotonic() - start, 3)}
    residual = relative_residual(Problem((LinearMisfit(scan.sensor, scan.measured),)), field)
    assert field.record is not None
    field.record = replace(field.record, metrics={"quality": {"residual": residual}}, fit=field.record.fit | told)
    return field


def total_variation(scan: Scan, *, device: str = "auto", callbacks: Sequence[Callback] | None = ()) -> LatticeField:
    """The field of least misfit and total variation."""
    grid = scan.sensor.grid
    field = LatticeField(grid.box, grid.shape, 1 if scan.sensor.real else 2)
    channels = ("value",) if scan.sensor.real else ("real", "imaginary")
    field.record = Record("image" if len(grid.shape) == 2 else "volume", grid.shape, channels)
    n = scan.measured.numel()
    # the problem's terms are means over samples and over the grid; the rule is for their sums
    strength = scan.strength * grid.size / n
    problem = Problem((LinearMisfit(scan.sensor, scan.measured), TotalVariation(grid, strength)))
    solved = fit(field, problem, device=device, callbacks=callbacks)
    assert isinstance(solved, LatticeField)
    assert solved.record is not None
    solved.record = replace(solved.record, fit=solved.record.fit | {"strength": scan.strength})
    return solved


def check_memory(kspace: KSpace, max_memory: int | None) -> None:
    """Raise InputError where a reconstruction takes more bytes than it may."""
    pictures = 8 * (4 * kspace.n_coils + 10 + 8 * len(kspace.shape))  # coils, their FFTs; ADMM's differences along each axis
    needed = 1.25 * pictures * math.prod(kspace.shape) + 32 * kspace.samples.numel()
    needed += FOR_COILS if kspace.n_coils > 1 else 0
    if max_memory is not None and needed > max_memory:
        size = "×".join(map(str, kspace.shape))
        raise InputError(
            f"a picture of {size}, coils: {kspace.n_coils}, takes about {needed / 1e6:,.0f} MB, more than max_memory of "
            f"{max_memory / 1e6:,.0f} MB; allow more"
        )


def improved(scan: Scan, smooth: Tensor) -> tuple[Tensor, str]:
    """What follows the picture of least total variation, where something better is known, and the method in words."""
    if scan.can_refine:
        return refined(scan, smooth), "total variation, then patches averaged and the samples met in turn"
    if scan.can_average:
        weak = WEAK_WAVELETS * WAVELET_STRENGTH * scan.scale
        return (smooth + wavelet_sensing(scan.sensor, scan.measured, weak)) / 2, "mean of total variation and wavelets"
    return smooth, "total variation"


@torch.no_grad()
def refined(scan: Scan, smooth: Tensor) -> Tensor:
    """Alternately averaged over patches that look alike (`nonlocal_means`), and made consistent with the samples.

    What is averaged away is what undersampling left; it is not noise, and has a size that nobody tells. Half the distance to the
    picture of least wavelets, which errs in another way, is a measure of it: patches may differ by six times as much at first,
    by as much in the end. Only for samples without noise, which would otherwise be put back each time. Along a trajectory, where
    total variation is nearly as good and errs elsewhere, the mean of the two is taken.

    Args:
        scan: without noise to speak of.
        smooth: the samples of least total variation [*shape, c].
    """
    waved = wavelet_sensing(scan.sensor, scan.measured, WAVELET_STRENGTH * scan.scale)
    apart = float((smooth - waved).square().sum(dim=-1).mean().sqrt()) / 2
    values, search = smooth, SEARCH if smooth.ndim == 3 else 1
    for step in range(ROUNDS):
        deviation = apart * WIDEST ** (1 - step / (ROUNDS - 1))
        values = consistent(scan, nonlocal_means(values, deviation, search=search))
    return values if scan.sensor.metric is None else (smooth + values) / 2


def consistent(scan: Scan, values: Tensor) -> Tensor:
    """The values nearest to these that fit the samples: where they do not, by the least change.

    Along a trajectory samples count by their density, which changes nothing where all are met, and takes fewer steps.
    """
    sensor, counts = scan.sensor, 1.0 if scan.sensor.metric is None else scan.sensor.metric
    missing = sensor.A_adjoint(counts * (scan.measured - sensor.A(values)))
    change = conjugate_gradients(
        lambda x: sensor.A_adjoint(counts * sensor.A(x)), missing, max_iterations=LAST_STEPS, tolerance=1e-4
    )
    return values + change.values


@torch.no_grad()
def judge_candidates(kspace: Any, *, seed: int = 0, **options: Any) -> dict[str, float]:
    """How well each method tells samples that it was not shown: ‖A x − y‖ / ‖y‖ there.

    A twentieth of the samples is kept out, none of them near frequency 0. A small error is no proof of a good picture.

    Args:
        kspace: and the options, as in `mri`.
        seed: of what is kept out.
    """
    mask, trajectory, shape = (options.pop(name, None) for name in ("mask", "trajectory", "shape"))
    whole = read_scan(kspace, mask=mask, trajectory=trajectory, shape=shape)
    rng = torch.Generator().manual_seed(seed)
    limits = torch.tensor([n / 4 for n in whole.shape], dtype=torch.float64)
    far = (whole.frequencies.abs() > torch.minimum(limits, torch.tensor(MIDDLE, dtype=torch.float64))).any(dim=-1)
    kept_out = far & (torch.rand(len(far), generator=rng) < KEPT_OUT)
    if not bool(kept_out.any()):
        raise InputError("all samples are near frequency 0; none can be kept out to compare with")
    first = scan_of(whole, **options)
    maps = first.sensor.coils
    left = first.kspace.without(kept_out)
    scan = scan_of(left, coils=maps, noise=first.noise, real=first.sensor.real, origin="center")
    smooth = total_variation(scan).samples.detach()
    found = {
        "zero-filled": zero_filled(scan.sensor, scan.measured),
        "wavelets": wavelet_sensing(scan.sensor, scan.measured, WAVELET_STRENGTH * scan.scale),
        "total variation": smooth,
    }
    if scan.can_refine or scan.can_average:
        found["ours"] = improved(scan, smooth)[0]
    missing = [first.sensor.A(values) - first.measured for values in found.values()]
    size = float(first.measured[..., kept_out].norm())
    return {name: float(gap[..., kept_out].norm()) / size for name, gap in zip(found, missing, strict=True)}


def write_magnitude(field: LatticeField, path: Path, *, max_memory: int | None = None) -> None:
    """The size of a picture's values into a picture, the brightest as white, or into a volume's file.

    Raises:
        InputError: a volume into a picture, an ending of no format.
        MachineError: not writable, disk full.
    """
    size = magnitude(field)
    if path.name.lower().endswith((".nii", ".nii.gz")):
        size = size if size.ndim == 3 else size[None]
        volume = LatticeField.of(grid_of(size.shape).box, size[..., None])
        volume.record = Record("volume", tuple(size.shape), ("value",), {"sample_format": "float", "bit_depth": 32})
        render(volume, path, max_memory=max_memory)
        return
    if size.ndim == 3:
        raise InputError(f"cannot write a volume to {path.name}; expected .nii.gz, .npy or .ung")
    white = float(size.max()) or 1.0
    write_picture(path, picture_signal((size / white)[..., None], {"bit_depth": 8, "transfer": "srgb"}, {}))


def magnitude(field: LatticeField) -> Tensor:
    """The size of a picture's values [*shape]."""
    return to_complex(field.samples.detach()).abs()


def complex_values(field: LatticeField) -> Complex[Tensor, "*shape"]:
    """A picture's values, complex also where it is real."""
    return to_complex(field.samples.detach())
