import math

import torch
from torch.testing import assert_close

from ungrid.terms.oriented import N_ORIENTATIONS, oriented_filters


def test_filters_answer_a_constant_with_nothing():
    filters = oriented_filters().filters
    assert filters.shape == (N_ORIENTATIONS + 1, 7, 7)
    assert_close(filters.sum(dim=(1, 2)), torch.zeros(13, dtype=torch.float64), atol=1e-10, rtol=0)


def test_a_filter_answers_least_to_what_varies_across_its_edge():
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    for j in range(N_ORIENTATIONS):
        angle = math.pi * j / N_ORIENTATIONS
        edge = torch.tanh((math.sin(angle) * (y - 16) + math.cos(angle) * (x - 16)) / 2).double()
        energies = oriented_filters().energies(edge[None])[:N_ORIENTATIONS, 12:20, 12:20].mean(dim=(1, 2))
        off = abs(int(energies.argmin()) - j)
        assert min(off, N_ORIENTATIONS - off) <= 1  # of 12: to within 15 degrees
        assert float(energies.min()) < 0.05 * float(energies.max())


def test_all_filters_have_the_same_innovation():
    gain = torch.fft.fft2(oriented_filters().filters, s=(64, 64)).abs() + 1e-6
    assert_close(gain.log().mean(dim=(1, 2)), torch.zeros(13, dtype=torch.float64), atol=0.05, rtol=0)
