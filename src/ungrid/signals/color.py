"""Between encoded values and light: the sRGB curve of IEC 61966-2-1, and luminance."""

import torch
from jaxtyping import Float
from torch import Tensor

_LINEAR_BELOW, _ENCODED_BELOW = 0.0031308, 0.04045  # where the standard joins its straight piece to its power


def srgb_to_linear(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Linear light of sRGB-encoded values: v / 12.92 up to 0.04045, ((v + 0.055) / 1.055)^2.4 above.

    0 and 1 stay what they are. Values beyond [0, 1] follow the two pieces: below 0 a line, above 1 the power; gradients are
    finite everywhere. Alpha is no light: leave it out.

    Shape: any → the same.
    """
    power = ((values.clamp_min(_ENCODED_BELOW) + 0.055) / 1.055) ** 2.4
    return torch.where(values <= _ENCODED_BELOW, values / 12.92, power)


def linear_to_srgb(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """sRGB-encoded values of linear light: 12.92 v up to 0.0031308, 1.055 v^(1/2.4) − 0.055 above.

    Inverse of `srgb_to_linear`; nothing is clipped, so light above 1 stays above 1.

    Shape: any → the same.
    """
    power = 1.055 * values.clamp_min(_LINEAR_BELOW) ** (1 / 2.4) - 0.055
    return torch.where(values <= _LINEAR_BELOW, 12.92 * values, power)


def luminance(values: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
    """Relative luminance Y = 0.2126 R + 0.7152 G + 0.0722 B of linear light with the primaries of sRGB (BT.709).

    Shape: linear colors [*, 3] → [*]. Encoded values must go through `srgb_to_linear` first.
    """
    weights = torch.tensor([0.2126, 0.7152, 0.0722], dtype=values.dtype, device=values.device)
    return values @ weights
