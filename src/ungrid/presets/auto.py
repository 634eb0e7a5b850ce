"""The default: picks a field and its settings for a signal and an effort, and says what it picked and why."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ungrid.domain.grid import Grid
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.presets.auto_volume import choose_volume
from ungrid.presets.choice import Choice, sized
from ungrid.presets.film import choose_film
from ungrid.presets.predict import A_PARAMETER, expected_psnr
from ungrid.presets.published import dense_grid
from ungrid.presets.recording import choose_recording
from ungrid.presets.series import choose_series
from ungrid.presets.sphere import choose_sphere
from ungrid.signals.base import Signal

LEAST_BATCH, MOST_BATCH = 2_048, 262_144
BATCHES_A_PASS = 96  # more batches a pass learn faster per sample, until the cost of a step, not of its samples, counts


@dataclass(frozen=True)
class Effort:
    """A point of the default's frontier.

    Args:
        passes: over all samples.
        least_steps: for a small signal, whose passes have few batches.
        params_per_value: grid parameters for each value of the signal, at most.
        enough: dB; a picture that is sure to pass it gets fewer parameters, so that a smooth one has a small file.
        most_solved: samples up to which what lies between them is estimated by solving for it, and from which on by cubic
            convolution; 0 for no estimates.
    """

    passes: int
    least_steps: int
    params_per_value: float
    enough: float
    most_solved: int


EFFORTS = {
    "fast": Effort(4, 380, 0.45, 40.0, 0),
    "balanced": Effort(8, 760, 0.7, 42.0, 160_000),
    "best": Effort(24, 2300, 0.7, 48.0, 2**22),
}
UNSURE = 2.0  # dB by which a picture may end below what is expected
LEAST_PARAMS_PER_VALUE = 0.2  # with fewer, the moon of scikit-image ended 4 dB below what was expected
MOST_LATTICE = 2**24  # points of samples and midpoints together: four bytes each for every channel are held during the fit


# kind → its own choice: (signal, effort, *, max_bytes, seed); a multiresolution grid for the others
CHOICES: dict[str, Callable[..., Choice]] = {
    "audio": choose_recording,
    "series": choose_series,
    "sphere": choose_sphere,
    "video": choose_film,
    "volume": choose_volume,
}


def choose(signal: Signal, effort: str = "balanced", *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """A field sized for the signal by the default of its kind, with the recipe of the effort.

    Args:
        signal: what will be fitted.
        effort: "fast", "balanced" or "best".
        max_bytes: most bytes of the file, or None.
        seed: of the weights.

    Raises:
        InputError: `max_bytes` leaves no room for any field.
    """
    return CHOICES.get(signal.kind, choose_grid)(signal, effort, max_bytes=max_bytes, seed=seed)


def choose_grid(signal: Signal, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """A multiresolution grid, with batches and steps for the effort: the default for pictures, and for kinds without their own.

    Arguments and errors as of `choose`.
    """
    level = EFFORTS[effort]
    params_per_value = needed(signal, level, seed)
    plenty = "" if params_per_value == level.params_per_value else ", which should do for this picture"
    field = sized(signal, lambda share: _build(signal, share, seed), params_per_value, max_bytes)
    recipe = field.recipe = scheduled(field, signal.grid.size, level)
    estimates = estimates_on(signal.grid, level)
    per_value = f"{field.n_params / signal.values.numel():.2f} per value{plenty}"
    reason = (
        f"{effort}: a dense grid of 4 levels and a 2×32 network, {field.n_params:,} parameters ({per_value}), "
        f"{recipe.steps} steps of {recipe.batch_size:,} samples; {WHY[estimates]}"
    )
    return Choice(field, "float16", estimates, reason)


WHY = {
    "samples": "fitted to samples, and to nothing between them",
    "cubic": "between the samples fitted to cubic convolution",
    "between": "between the samples fitted to estimates by a local prior",
}


def estimates_on(grid: Grid, level: Effort) -> str:
    """What to fit beside the samples: as much as the effort allows and memory permits."""
    n_lattice = grid.with_midpoints().size
    if not level.most_solved or n_lattice > MOST_LATTICE or len(grid.shape) > 3:
        return "samples"
    return "between" if grid.size <= level.most_solved else "cubic"


def needed(signal: Signal, level: Effort, seed: int) -> float:
    """Parameters per value that the effort's quality takes on this signal, at most what the effort allows."""
    with torch.device("meta"):  # its size is all that counts
        field = _build(signal, level.params_per_value, seed)
    field.recipe = scheduled(field, signal.grid.size, level)
    psnr = expected_psnr(signal, field)
    if psnr is None or psnr - UNSURE <= level.enough:
        return level.params_per_value
    return max(LEAST_PARAMS_PER_VALUE, level.params_per_value * 2 ** ((level.enough - (psnr - UNSURE)) / A_PARAMETER))


def scheduled(field: Field, n_samples: int, level: Effort) -> Recipe:
    """The field's recipe with the batches and steps of the effort."""
    batch = max(LEAST_BATCH, min(MOST_BATCH, n_samples // BATCHES_A_PASS))
    assert field.recipe is not None
    return replace(
        field.recipe, order="focused", batch_size=batch, steps=max(level.least_steps, level.passes * n_samples // batch)
    )


def _build(signal: Signal, params_per_value: float, seed: int) -> Field:
    return dense_grid(
        signal.box,
        signal.out_dim,
        shape=signal.grid.shape,
        params_per_value=max(params_per_value, 1e-9),
        interpolation="cubic",
        value_range=usual_values(signal),
        seed=seed,
    )


def usual_values(signal: Signal) -> tuple[float, float]:
    """Where most values lie: [0, 1] for pictures and films of integers; one standard deviation around the mean for all else."""
    if signal.value_range == (0.0, 1.0):
        return 0.0, 1.0
    known = signal.known_values.double()
    mean, spread = float(known.mean()), float(known.std(correction=0))
    return (mean - spread, mean + spread) if spread > 0 else (mean - 0.5, mean + 0.5)
