"""
A coordinate as a pixel
=======================

Teach two networks to draw the one pixel that a coordinate names: one of transposed convolutions, one that begins with CoordConv.
Both see four fifths of all pixels and are asked for the others (Liu et al. 2018).
"""

import argparse
import itertools

import torch
from torch import nn

from ungrid.networks import CoordConv

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="draw on 16×16 pixels, not 64×64")
quick = options.parse_args().quick
side, steps = (16, 300) if quick else (64, 600)

torch.manual_seed(0)  # of the pixels' order and PyTorch's layers; CoordConv has a seed of its own
pixels = torch.cartesian_prod(torch.arange(side), torch.arange(side))[torch.randperm(side * side)]
numbers = pixels @ torch.tensor([side, 1])  # each pixel is a class of its own
coords = 2.0 * pixels / side - 1
n_seen = 4 * side * side // 5

# %%
# Layers and rates are those of the authors' code: where coordinates are there, convolutions of one sample (on the last axis,
# these are linear layers) on a coordinate that is repeated everywhere; where they are not, doublings from one sample.

widths = (32, 32, 64, 64, 1)
linear = [part for a, b in itertools.pairwise(widths) for part in (nn.ReLU(), nn.Linear(a, b))]
painter = nn.Sequential(CoordConv(2, 2, 32), *linear, nn.Flatten())

widths = (2, *(64, 64, 64, 32, 32)[: side.bit_length() - 2], 1)
doublings = [nn.ConvTranspose2d(a, b, 3, 2, 1, output_padding=1) for a, b in itertools.pairwise(widths)]
inner = [part for up in doublings[:-1] for part in (up, nn.BatchNorm2d(up.out_channels), nn.ReLU())]
transposed = nn.Sequential(*inner, doublings[-1], nn.Flatten())

# %%
# A batch has 16 pixels, as the authors have it; the rate falls to zero, since steps are few.


def share_found(network, spread, rate):
    optimizer = torch.optim.Adam(network.parameters(), rate)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        batch = torch.randint(n_seen, (16,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(spread(coords[batch])), numbers[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        drawn = [network.eval()(spread(part)).argmax(dim=1) for part in coords[n_seen:].split(64)]
    return float((torch.cat(drawn) == numbers[n_seen:]).float().mean())


found = share_found(painter, lambda xy: xy[:, None, None].expand(-1, side, side, -1), 0.005)
without = share_found(transposed, lambda xy: xy[:, :, None, None], 0.01)
assert found > 0.95 > 0.5 > without, f"CoordConv finds unseen pixels, transposed convolutions few: {found}, {without}"
