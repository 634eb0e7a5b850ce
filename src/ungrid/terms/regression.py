"""Losses that compare a prediction with a target, averaged over the batch."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor


def squared_error(prediction: Float[Tensor, "n *c"], target: Float[Tensor, "n *c"]) -> Float[Tensor, ""]:
    """Mean of (prediction − target)² over samples and channels."""
    return (prediction - target).square().mean()


def half_squared_error(prediction: Float[Tensor, "n *c"], target: Float[Tensor, "n *c"]) -> Float[Tensor, ""]:
    """Mean of ½ (prediction − target)², the loss of the Fourier-features experiments."""
    return 0.5 * squared_error(prediction, target)


def absolute_error(prediction: Float[Tensor, "n *c"], target: Float[Tensor, "n *c"]) -> Float[Tensor, ""]:
    """Mean of |prediction − target| over samples and channels."""
    return (prediction - target).abs().mean()


def relative_squared_error(prediction: Float[Tensor, "n *c"], target: Float[Tensor, "n *c"]) -> Float[Tensor, ""]:
    """Mean of (prediction − target)² / (prediction² + 0.01), the denominator held fixed; for values of large dynamic range.

    From instant-ngp's pictures and radiance ("RelativeL2").
    """
    return ((prediction - target).square() / (prediction.detach().square() + 0.01)).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared_error": squared_error,
    "half_squared_error": half_squared_error,
    "absolute_error": absolute_error,
    "relative_squared_error": relative_squared_error,
}
