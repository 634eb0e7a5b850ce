"""What a field knows besides its weights: the signal it was fitted to, how it was fitted, and how good it became."""

from dataclasses import dataclass, field
from typing import Any, Literal

from ungrid.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """How a field likes to be fitted: the settings that a preset takes from its paper.

    Args:
        loss: a name in `ungrid.terms.LOSSES`.
        optimizer: a name in `ungrid.fit.optimizers.OPTIMIZERS`.
        learning_rate: of the optimizer, at the schedule's peak; above 0.
        schedule: a name in `ungrid.fit.schedules.SCHEDULES`.
        warm_up: fraction of the fit over which the rate rises from 0; 0 to 1.
        steps: how long to fit where no budget is given; at least 1.
        batch_size: samples a step; None takes all of them every step.
        order: how they are drawn: a name in `ungrid.fit.orders.ORDERS`, "tiles" for blocks of the signal's grid, or
            "lattices" for every k-th sample along its axes.
        betas: Adam's averaging factors of gradient and squared gradient.
        epsilon: Adam's guard against division by zero.
        weight_decay: squared-norm penalty of Adam, or decoupled decay of AdamW; 0 or more.
        clip: largest norm of the whole gradient, or None for no clipping.
    """

    loss: str = "squared_error"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warm_up: float = 0.0
    steps: int = 1000
    batch_size: int | None = None
    order: str = "shuffled"
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip: float | None = None

    def __post_init__(self) -> None:
        if not self.learning_rate > 0 or self.steps < 1 or (self.batch_size is not None and self.batch_size < 1):
            raise InputError(
                f"a recipe needs a positive learning rate, at least one step and a positive batch size; "
                f"got {self.learning_rate}, {self.steps}, {self.batch_size}"
            )


@dataclass
class Record:
    """What is saved beside a field's weights.

    Args:
        kind: "image", "audio", … as in the signal.
        shape: number of samples of the source along each axis of the box.
        channels: name of each channel of the values.
        source: plain values that the source file knew and that writing needs.
        blobs: what the source knew as bytes (ICC profile, EXIF …), by name.
        fit: settings of the fit: preset, steps, seconds, seed, device, what was chosen and why.
        metrics: {"quality": {…}, "heldout": {…}} as measured on the stored weights.
        stored: how floating-point weights are written: "float32", or "float16" with the weights rounded to it.
    """

    kind: str
    shape: tuple[int, ...]
    channels: tuple[str, ...]
    source: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    stored: Literal["float32", "float16"] = "float32"

    @property
    def is_linear(self) -> bool:
        """Whether values are proportional to light; if not, they are encoded by the sRGB curve."""
        return bool(self.source.get("transfer", "srgb") != "srgb")
