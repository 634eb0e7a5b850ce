"""Named settings of networks that multiply filters, and of the network that learns its functions."""

from ungrid.domain.box import Box
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.record import Recipe
from ungrid.networks.bacon import Bacon
from ungrid.networks.kan import SplineNetwork
from ungrid.networks.multiplicative import FourierFilterNetwork, GaborFilterNetwork


def fourier_filter(
    box: Box, out_dim: int, *, width: int = 256, depth: int = 4, input_scale: float = 256.0, seed: int = 0
) -> Field:
    """FourierNet for a picture, as in its authors' `image_rep.py` (fathony2021multiplicative).

    Four filters of 256 (their `n_layers=3` counts those after the first), input scale 256 for 256² pixels; Adam at 1e-2 on all
    samples at once, 10,000 steps. The script fits values in [-1, 1]; here the last layer is scaled to [0, 1].

    Args:
        box: where the field lives.
        out_dim: channels.
        width: of the layers.
        depth: number of filters.
        input_scale: of the initial frequencies; the authors' 256 goes with 256 pixels across.
        seed: of the weights.
    """
    return _filtered(box, FourierFilterNetwork(box.dim, out_dim, width, depth=depth, input_scale=input_scale, seed=seed))


def gabor_filter(box: Box, out_dim: int, *, width: int = 256, depth: int = 4, input_scale: float = 256.0, seed: int = 0) -> Field:
    """GaborNet for a picture, as in its authors' `image_rep.py` (fathony2021multiplicative).

    As `fourier_filter`, with windows γ from Gamma(6 / 4, 1).

    Args:
        box: where the field lives.
        out_dim: channels.
        width: of the layers.
        depth: number of filters.
        input_scale: of the initial frequencies; the authors' 256 goes with 256 pixels across.
        seed: of the weights.
    """
    return _filtered(box, GaborFilterNetwork(box.dim, out_dim, width, depth=depth, input_scale=input_scale, seed=seed))


def bacon(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    width: int = 256,
    layer_shares: tuple[float, ...] = (0.125, 0.125, 0.25, 0.25, 0.25),
    output_layers: tuple[int, ...] = (2, 3, 5),
    seed: int = 0,
) -> Field:
    """BACON for a picture at a quarter, half and all of its samples, as in its authors' `train_img.py` (lindell2022bacon).

    Five layers of 256 that hold (1, 1, 2, 2, 2) / 8 of the band, outputs after the second, third and last; the finest reaches
    the samples' Nyquist frequency. Adam at 5e-3 on all samples at once, 5,001 steps, every output against the same samples.
    Differs from it: their Adam keeps the largest second moment (AMSGrad), ours does not.

    Args:
        box: where the field lives; opposite sides meet.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        width: of the layers.
        layer_shares: of the band, one for each layer, adding up to 1.
        output_layers: layers whose values are read, rising to the last.
        seed: of frequencies and weights.

    Raises:
        InputError: a shape of another number of axes, or an argument of the network out of range.
    """
    shape = shape or tuple(max(1, round(extent)) for extent in box.extent)
    if len(shape) != box.dim:
        raise InputError(f"shape is {shape}, expected {box.dim} numbers of samples, one for each axis of the box")
    network = Bacon(
        box.dim,
        out_dim,
        width,
        depth=len(layer_shares),
        bandwidth=tuple(n / 4 for n in shape),  # the box is 2 long: half a cycle per sample is n / 4 per unit
        layer_shares=layer_shares,
        output_layers=output_layers,
        seed=seed,
    )
    field = MultiscaleField(box, network)
    field.recipe = Recipe(learning_rate=5e-3, steps=5001)
    return field


def spline_network(
    box: Box, out_dim: int, *, width: int = 32, depth: int = 2, n_intervals: int = 10, order: int = 3, seed: int = 0
) -> Field:
    """A Kolmogorov-Arnold network of cubic splines on bare coordinates (liu2024kan).

    The paper has no picture setting that we know of, and fits small tables by L-BFGS. Sizes and recipe are ours: two hidden
    layers of 32, 10 intervals, Adam at 1e-2 with a cosine schedule on shuffled batches of 8,192, 1,000 steps.

    Args:
        box: where the field lives.
        out_dim: channels.
        width: of the hidden layers.
        depth: number of hidden layers.
        n_intervals: of each spline's grid.
        order: of the splines; 3 for cubic ones.
        seed: of the weights.
    """
    network = SplineNetwork(box.dim, out_dim, width, depth=depth, n_intervals=n_intervals, order=order, seed=seed)
    field = EncodedField(box, Identity(box.dim), network, (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=1e-2, schedule="cosine", steps=1000, batch_size=8192)
    return field


def _filtered(box: Box, network: FourierFilterNetwork | GaborFilterNetwork) -> Field:
    field = EncodedField(box, Identity(box.dim), network, (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=1e-2, steps=10_000)
    return field
