"""The default for many small signals at once: a field of as many numbers as the default's, more of them in its grid."""

from dataclasses import dataclass, replace

import torch

from ungrid.fields.base import Field
from ungrid.fields.stacked import check_stackable
from ungrid.presets.auto import EFFORTS
from ungrid.presets.published import dense_grid
from ungrid.signals.base import Signal

WIDTH, DEFAULT_WIDTH = 16, 32
MOST_SAMPLES = 2**14  # of a signal; beyond, batches fill a step by themselves, and a stack gains less than a factor of two
LEAST_BATCH, MOST_BATCH = 256, 2_048
PLACES_A_STEP = 10  # one place in so many is looked at in each step
BETWEEN = {"fast": "none", "balanced": "cubic", "best": "between"}


@dataclass(frozen=True)
class StackChoice:
    """What every member of a stack is fitted as.

    Args:
        field: with its recipe; its values have the range [0, 1].
        estimates: what it is fitted to beside the samples: "none", "cubic" or "between", as `tasks.represent` has them.
        reason: what was chosen, in words.
    """

    field: Field
    estimates: str
    reason: str


def choose_many(signal: Signal, effort: str = "balanced", *, seed: int = 0) -> StackChoice:
    """A grid with a network of half the default's width, for signals like this one that are fitted together.

    Without the cost of a step, shared by all members, samples cost most, and of these the network. So it is 16 wide and not 32,
    what it gives up goes to the grid, and a batch is a tenth of the places. Mean PSNR [dB] and CPU seconds a picture, each
    with the number of parameters that the default has, beside those of the default fitted one by one:

    | pictures | parameters | default alone | stacked |
    |---|---|---|---|
    | 20 of MNIST, 28×28 | 1,900 | 34.3, 1.45 s | 35.3, 0.07 s |
    | 20 of CIFAR-10, 32×32×3 | 3,600 | 40.2, 1.53 s | 42.6, 0.09 s |
    | 10 faces, every second pixel of 64×64 | 2,000 | 33.9 | 37.0 |

    At the pixels of these faces that were left out it is 30.9 dB, the default 30.6. The default's own field in a stack, its
    batches of 2,048 kept, ends at 34.1 and 41.0 dB on the first two after 0.34 and 0.43 s. A network 8 wide is as good on
    average, and one in 64 digits ended at 14 dB. "best" has 44.5 dB on 4 of CIFAR-10 where the default has 42.8, "fast" 37.6
    and 33.5.

    A stack of small SIRENs, three layers of 29 to 40, with as many parameters and the same batches, Adam at 3e-3: 43.6 dB on
    digits at twice the time of the loop, 45.4 dB on CIFAR-10 at three times, 44.0 and 31.1 dB on and between the faces' pixels.
    In half its steps and half its batches it is above the grid on digits in less time, below it on CIFAR-10 at about the
    same. At 1e-2 it learns nothing; its ω of 30 is for pictures. The grid needs no such number, and serves every kind of signal.

    Args:
        signal: one of them.
        effort: "fast", "balanced" or "best".
        seed: of the weights.
    """
    level = EFFORTS[effort]
    estimates = BETWEEN[effort]
    n_params, network = _sizes(signal, level.params_per_value)
    share = max((n_params - network) / signal.values.numel(), 1e-9)
    field = dense_grid(
        signal.box,
        signal.out_dim,
        shape=signal.grid.shape,
        params_per_value=share,
        interpolation="cubic",
        width=WIDTH,
        seed=seed,
    )
    n_places = signal.grid.size if estimates == "none" else signal.grid.with_midpoints().size
    batch = max(LEAST_BATCH, min(MOST_BATCH, n_places // PLACES_A_STEP))
    assert field.recipe is not None
    recipe = field.recipe = replace(field.recipe, batch_size=batch, steps=level.least_steps)
    reason = (
        f"{effort}, many at once: a dense grid of 4 levels and a 2×{WIDTH} network, {field.n_params:,} parameters "
        f"({field.n_params / signal.values.numel():.2f} per value), {recipe.steps} steps of {batch:,} samples"
    )
    return StackChoice(field, estimates, reason)


def can_stack(signal: Signal) -> bool:
    """Whether a signal is small, whole and of few enough axes to be fitted with others of its shape."""
    return signal.known is None and signal.grid.size <= MOST_SAMPLES and len(signal.grid.shape) <= 3


def _sizes(signal: Signal, params_per_value: float) -> tuple[int, int]:
    """Parameters of the default's field, and of a network of our width."""
    with torch.device("meta"):  # sizes are all that counts
        default, ours = (
            dense_grid(
                signal.box,
                signal.out_dim,
                shape=signal.grid.shape,
                params_per_value=params_per_value,
                interpolation="cubic",
                width=width,
            )
            for width in (DEFAULT_WIDTH, WIDTH)
        )
    _, network = check_stackable(ours)
    return default.n_params, sum(parameter.numel() for parameter in network.parameters())
