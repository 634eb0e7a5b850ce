"""Named settings of fields that split by axis: networks run along the axes, planes, vectors and matrices.

On a grid they cost the sum of their axes or planes, and then a small network for each point. Most of the papers render volumes;
where a setting for plain signals is ours, the preset says so.
"""

import itertools
import math

from ungrid.domain.box import Box
from ungrid.encodings.planes import Planes
from ungrid.encodings.split_axis import SplitAxis
from ungrid.encodings.tensor_grid import TensorCP, TensorVM
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.tasks.draws import LATTICES

TIME = "t"
SHRINK = 0.98  # step of the search for a resolution


def coordx(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 3,
    tail_depth: int = 1,
    n_terms: int = 1,
    fusion: str = "product",
    first_omega: float = 30.0,
    hidden_omega: float = 30.0,
    seed: int = 0,
) -> Field:
    """SIREN split by axis for a picture, as in its authors' script `train_img.py` (liang2022coordx).

    Of the four sine layers of 256, three run along the axes and one behind their product; omega 30; Adam at 1e-4 on all samples
    of a 512² picture at once, 10,000 steps. Of larger signals, a lattice of about as many. Films have layers of 1,024 there.

    Args:
        box: where the field lives.
        out_dim: channels.
        width: of all hidden layers.
        depth: number of hidden layers that are split.
        tail_depth: number of hidden layers behind them, at least 1.
        n_terms: products that are summed (R in the paper); 2 lessens what the split loses.
        fusion: of the axes, "product" or "sum".
        first_omega, hidden_omega: frequency factors ω₀.
        seed: of the weights.
    """
    encoding = SplitAxis(
        box.dim,
        width,
        depth=depth,
        n_terms=n_terms,
        fusion=fusion,
        first_omega=first_omega,
        hidden_omega=hidden_omega,
        seed=seed,
    )
    tail = Siren(
        width,
        out_dim,
        width,
        depth=tail_depth,
        first_omega=hidden_omega,
        hidden_omega=hidden_omega,
        first_bound=math.sqrt(6 / width) / hidden_omega,
        seed=seed + 1,  # else it repeats the numbers of the split layers
    )
    field = EncodedField(box, encoding, tail, (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=1e-4, steps=10_000, batch_size=2**18, order=LATTICES)
    return field


def k_planes(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    params_per_value: float = 0.45,
    n_levels: int = 4,
    n_features: int = 32,
    interpolation: str = "linear",
    width: int = 64,
    seed: int = 0,
) -> Field:
    """K-planes and a small ReLU network, after the hybrid model of the authors' `nerf_hybrid.py` (fridovichkeil2023kplanes).

    Theirs: four levels of 32 features, each twice as fine in space; products of planes that start in [0.1, 0.5], or at 1 where
    they hold time, which has half as many cells as there are frames; Adam at 1e-2 with warm-up and cosine. Ours: one network of
    two hidden layers of 64, the share of parameters, batches and steps, and no total variation.

    Args:
        box: where the field lives; an axis called "t" is time.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        params_per_value: most parameters of the planes for each value of the signal; above 0.
        n_levels: of the planes.
        n_features: of a level.
        interpolation: "linear", "smoothstep" or "cubic".
        width: of the network's hidden layers.
        seed: of planes and weights.
    """
    time_axis = box.axes.index(TIME) if TIME in box.axes and box.dim > 1 else None
    levels = plane_levels(_shape(box, shape), out_dim * params_per_value, n_levels, n_features, time_axis)
    encoding = Planes(box.dim, levels, n_features, interpolation=interpolation, time_axis=time_axis, seed=seed)
    field = EncodedField(box, encoding, Mlp(encoding.out_dim, out_dim, width, depth=2, seed=seed), (1.0,), (0.5,))
    field.recipe = Recipe(learning_rate=1e-2, schedule="cosine", warm_up=0.02, steps=1000, batch_size=2**15)
    return field


def tri_plane(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    params_per_value: float = 0.45,
    n_features: int = 32,
    interpolation: str = "linear",
    width: int = 64,
    seed: int = 0,
) -> Field:
    """Sum of feature planes and a small network, the tri-plane of EG3D (chan2022efficient).

    Theirs: one level of 32 features, summed, and one hidden layer of 64 with softplus. Their planes come from a generator: the
    share of parameters, the start in ±0.1 and the whole recipe are ours.

    Args:
        box: where the field lives.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        params_per_value: most parameters of the planes for each value of the signal; above 0.
        n_features: of the planes.
        interpolation: "linear", "smoothstep" or "cubic".
        width: of the network's hidden layer.
        seed: of planes and weights.
    """
    levels = plane_levels(_shape(box, shape), out_dim * params_per_value, 1, n_features, None)
    encoding = Planes(box.dim, levels, n_features, fusion="sum", interpolation=interpolation, init_range=(-0.1, 0.1), seed=seed)
    network = Mlp(encoding.out_dim, out_dim, width, depth=1, activation="softplus", seed=seed)
    field = EncodedField(box, encoding, network, (1.0,), (0.5,))
    field.recipe = Recipe(learning_rate=1e-2, schedule="cosine", steps=1000, batch_size=2**15)
    return field


def tensorf_cp(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    n_components: int = 96,
    interpolation: str = "linear",
    width: int = 128,
    seed: int = 0,
) -> Field:
    """Products of learned vectors and a small ReLU network, the CP model of TensoRF (chen2022tensorf).

    Theirs: 96 components (of density), nodes N(0, 0.2²), two hidden layers of 128, Adam with β = (0.9, 0.99), a rate that falls
    to a tenth. Ours: a cell for each sample, one rate in place of 2e-2 for vectors and 1e-3 for the network, batches, steps.

    Args:
        box: where the field lives.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        n_components: R.
        interpolation: "linear", "smoothstep" or "cubic".
        width: of the network's hidden layers.
        seed: of vectors and weights.
    """
    encoding = TensorCP(box.dim, _shape(box, shape), n_components, interpolation=interpolation, seed=seed)
    return _tensorf(box, out_dim, encoding, width, seed)


def tensorf_vm(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    params_per_value: float = 0.45,
    n_components: int = 48,
    interpolation: str = "linear",
    width: int = 128,
    seed: int = 0,
) -> Field:
    """Products of learned vectors and matrices and a small ReLU network, the VM model of TensoRF (chen2022tensorf).

    Theirs: 48 components for each axis (of color), nodes N(0, 0.1²), two hidden layers of 128, Adam with β = (0.9, 0.99) and a
    rate that falls to a tenth. Ours: the share of parameters, one rate in place of 2e-2 for factors and 1e-3 for the network,
    batches and steps.

    Args:
        box: where the field lives.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        params_per_value: most parameters of the matrices for each value of the signal, at most a cell for each sample; above 0.
        n_components: R, for each axis.
        interpolation: "linear", "smoothstep" or "cubic".
        width: of the network's hidden layers.
        seed: of factors and weights.
    """
    shape = _shape(box, shape)
    (resolution,) = plane_levels(shape, out_dim * params_per_value, 1, n_components, None) if box.dim > 2 else (shape,)
    encoding = TensorVM(box.dim, resolution, n_components, interpolation=interpolation, seed=seed)
    return _tensorf(box, out_dim, encoding, width, seed)


def plane_levels(
    shape: tuple[int, ...], per_sample: float, n_levels: int, n_features: int, time_axis: int | None
) -> tuple[tuple[int, ...], ...]:
    """Cells per axis of each level, coarse to fine by factors of two, so that the planes' nodes fill a share of the samples.

    At most one cell for each sample. Along time, each level has a cell for every two samples.

    Args:
        shape: samples along each axis.
        per_sample: most numbers on all planes for each sample.
        n_levels: of the planes.
        n_features: numbers of a node.
        time_axis: which axis is time, or None.
    """
    fraction, most = 1.0, per_sample * math.prod(shape)
    while True:
        fractions = [fraction / 2**level for level in reversed(range(n_levels))]
        levels = [
            tuple(max(1, round(n * (0.5 if axis == time_axis else part))) for axis, n in enumerate(shape)) for part in fractions
        ]
        planes = (pair for cells in levels for pair in itertools.combinations(cells, min(2, len(cells))))
        n_numbers = n_features * sum(math.prod(n + 1 for n in pair) for pair in planes)
        if n_numbers <= most or all(n == 1 for axis, n in enumerate(levels[-1]) if axis != time_axis):
            return tuple(levels)
        fraction *= SHRINK


def _shape(box: Box, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    return shape or tuple(max(1, round(extent)) for extent in box.extent)


def _tensorf(box: Box, out_dim: int, encoding: TensorCP | TensorVM, width: int, seed: int) -> Field:
    network = Mlp(encoding.out_dim, out_dim, width, depth=2, seed=seed)
    field = EncodedField(box, encoding, network, (1.0,), (0.5,))
    field.recipe = Recipe(learning_rate=1e-2, schedule="exponential", steps=1000, batch_size=2**15, betas=(0.9, 0.99))
    return field
