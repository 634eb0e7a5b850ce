"""The photograph that is shipped with the package: something to fit without a file of one's own."""

from pathlib import Path


def sample_photo() -> Path:
    """Path of the shipped photograph: Chelsea the cat, 451×300 pixels, 8-bit RGB PNG, CC0 by Stefan van der Walt.

    The license note lies beside it in `LICENSE.md`.
    """
    return Path(__file__).parents[1] / "data" / "chelsea.png"
