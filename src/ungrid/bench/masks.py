"""What hides parts of a picture: pixels missing at random, lines of text, scratches; drawn by a seed."""

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

WORDS = ("quick", "brown", "fox", "jumps", "over", "lazy", "dog", "five", "wizards", "box", "daily", "with", "judge", "vex")


def random_mask(shape: tuple[int, int], share: float, seed: int = 0) -> Bool[Tensor, "h w"]:
    """Each pixel known with a probability."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def text_mask(shape: tuple[int, int], seed: int = 0) -> Bool[Tensor, "h w"]:
    """Known but under lines of words, whose letters are a fourteenth of the picture tall."""
    from PIL import Image, ImageDraw, ImageFont

    rng, (height, width) = np.random.default_rng(seed), shape
    size = max(8, height // 14)
    paper = Image.new("L", (width, height), 255)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(size)
    for top in range(size // 3, height, round(1.5 * size)):
        line = " ".join(rng.choice(WORDS, 3 + width // size))
        pen.text((-float(rng.integers(0, size)), top), line, fill=0, font=font)
    return torch.from_numpy(np.asarray(paper) > 127)


def scratch_mask(shape: tuple[int, int], seed: int = 0, *, count: int = 12) -> Bool[Tensor, "h w"]:
    """Known but under thin curved lines from border to border, one to four pixels wide."""
    from PIL import Image, ImageDraw

    rng, (height, width) = np.random.default_rng(seed), shape
    paper = Image.new("L", (width, height), 255)
    pen, along = ImageDraw.Draw(paper), np.linspace(0, 1, 24)
    for _ in range(count):
        begin, end = rng.uniform(0, 1, 2), rng.uniform(0, 1, 2)
        axis = rng.integers(0, 2)
        begin[axis], end[axis] = 0.0, 1.0
        bend = rng.normal(0, 0.1, 2) * np.sin(np.pi * along)[:, None]
        points = (begin + (end - begin) * along[:, None] + bend) * (width, height)
        pen.line([tuple(point) for point in points], fill=0, width=int(rng.integers(1, 5)))
    return torch.from_numpy(np.asarray(paper) > 127)
