"""A tight frame of windowed waves, in which sound is a few large numbers among many small ones."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ungrid.errors import InputError

OVERLAP = 4  # frames over each sample


class GaborFrame:
    """A x: the Fourier transforms of Hann-windowed frames of a sound, each a quarter further on than the last.

    The frame is tight: A_adjoint(A(x)) is x, so whatever is asked of A x and of the samples x can be had in turn by closed forms.
    Only the frequencies of one sign are kept; those of the other are their mirror.

    Args:
        n: samples of the sound.
        size: samples of a frame, a multiple of 4.

    Shape: A: [n] → [frames, size / 2 + 1] complex; A_adjoint: back.
    Raises: InputError: a size that is none.
    """

    def __init__(self, n: int, size: int):
        if size < 2 * OVERLAP or size % OVERLAP:
            raise InputError(f"a frame of {size} samples; expected a multiple of {OVERLAP}, at least {2 * OVERLAP}")
        self.n, self.size, self.hop = n, size, size // OVERLAP
        taper = torch.hann_window(size, dtype=torch.float64)
        self.window = taper / taper.square().unfold(0, self.hop, self.hop).sum(dim=0).sqrt()[0]
        self.front = size - self.hop  # so that each sample lies in as many frames
        self.n_frames = math.ceil((n + self.front) / self.hop)
        self.length = (self.n_frames - 1) * self.hop + size

    def A(self, values: Float[Tensor, " n"], /) -> Complex[Tensor, "frames frequencies"]:
        """The frames' transforms."""
        padded = torch.nn.functional.pad(values, (self.front, self.length - self.front - self.n))
        waves: Tensor = torch.fft.rfft(padded.unfold(0, self.size, self.hop) * self.window.to(values), norm="ortho")
        return waves

    def A_adjoint(self, waves: Complex[Tensor, "frames frequencies"], /) -> Float[Tensor, " n"]:
        """The sound of frames, added where they overlap."""
        frames = torch.fft.irfft(waves, self.size, norm="ortho")
        frames = frames * self.window.to(frames)
        quarters = frames.unflatten(1, (OVERLAP, self.hop))
        total = frames.new_zeros(self.n_frames + OVERLAP - 1, self.hop)
        for k in range(OVERLAP):
            total[k : k + self.n_frames] += quarters[:, k]
        sound: Tensor = total.flatten()[self.front : self.front + self.n]
        return sound
