"""Feature grids whose nodes hold short indices into codebooks: small files, learned through softened indices."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ungrid.encodings.base import Encoding
from ungrid.encodings.bit_packing import MAX_BITS, pack, packed_size, unpack
from ungrid.encodings.dense_grid import check_resolutions
from ungrid.encodings.interpolation import KERNELS, interpolate_points
from ungrid.encodings.limits import MAX_FEATURES_PER_LEVEL, MAX_GRID_DIM, check_count, check_number
from ungrid.errors import InputError
from ungrid.kernels.grid import encode
from ungrid.kernels.grid_native import dense_layout
from ungrid.kernels.native_library import library
from ungrid.spec import lookup

MAX_LOGITS = 2**28  # over all levels: 1 GiB in float32, and as much again for gradients and for each of Adam's averages
INDEXING = ("straight_through", "soft", "hard")


class CodebookGrid(Encoding):
    """Vector-quantized feature grid (VQ-AD): node j of level l holds an index into that level's codebook of 2^b rows,
    γ(x) = [Σⱼ w(x - xⱼ) Dˡ[argmax Cˡⱼ] for each level l], codebooks D and logits C learned.

    Small in a file: b = `index_bits` bits a node, where a `DenseGrid` takes 32 F. Large while it is fitted: 2^b numbers a node.
    Call `harden` after the fit, before saving; with "straight_through" it changes no value.

    Args:
        in_dim: d, length of a coordinate, 1 to 4.
        resolutions: cells along each axis, for each level, coarse first: ((16, 16), (64, 64)).
        n_features_per_level: F, features of each codebook row; the paper has 16.
        index_bits: b, 1 to 16; the paper has 4 and 6.
        interpolation: between nodes, "linear" (continuous), "smoothstep" (C¹) or "cubic" (uniform B-spline, C²).
        indexing: "straight_through": values are those of the most likely row, and gradients those of the softened index,
            softmax(C) D. "soft": values are softened, too; the first of the paper's two relaxations, which `harden` changes.
            "hard": indices are fixed, packed into bytes; what `harden` leaves.
        init_scale: standard deviation of the initial codebooks and logits.
        seed: of both.

    Shape: coords [*, d] in [-1, 1] → features [*, F · levels]. Outside, the value at the nearest point of the box. Nodes lie
        as in `DenseGrid`. `codebooks[l]` is [2^b, F], `logits[l]` [nodes, 2^b], the buffer `packed_l` uint8 [bytes].
    Raises: InputError: an argument out of range, or more than 2²⁸ logits. UnknownName: no such interpolation or indexing.
    Differs from the paper: a dense grid where it has a sparse octree, so that no bits go to the shape of a tree; levels are
        concatenated (one of the two ways of its code, whose example sums them), and `init_scale` is that of its code.
    """

    paper = "takikawa2022variable"

    def __init__(
        self,
        in_dim: int,
        resolutions: tuple[tuple[int, ...], ...],
        n_features_per_level: int = 16,
        *,
        index_bits: int = 6,
        interpolation: str = "linear",
        indexing: str = "straight_through",
        init_scale: float = 0.01,
        seed: int = 0,
    ):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_GRID_DIM)
        check_count("n_features_per_level", n_features_per_level, 1, MAX_FEATURES_PER_LEVEL)
        check_count("index_bits", index_bits, 1, MAX_BITS)
        check_number("init_scale", init_scale, 0, 1e9)
        check_resolutions(resolutions, in_dim)
        lookup(indexing, dict.fromkeys(INDEXING), "indexing")
        self.kernel = lookup(interpolation, KERNELS, "interpolation")
        self.in_dim, self.out_dim = in_dim, n_features_per_level * len(resolutions)
        self.resolutions, self.n_features_per_level = tuple(tuple(cells) for cells in resolutions), n_features_per_level
        self.index_bits, self.interpolation, self.indexing = index_bits, interpolation, indexing
        self.init_scale, self.seed, self.smoothness = init_scale, seed, self.kernel.smoothness
        self.node_shapes = tuple(tuple(n + self.kernel.n_taps - 1 for n in cells) for cells in self.resolutions)
        self.layout = dense_layout(self.resolutions, n_features_per_level, interpolation)
        self._create()

    def _create(self) -> None:
        """Codebooks, and logits or indices, from the seed."""
        rng, rows, counts = torch.Generator().manual_seed(self.seed), 2**self.index_bits, self._node_counts()
        if self.indexing != "hard" and sum(counts) * rows > MAX_LOGITS:
            raise InputError(
                f"{sum(counts):,} nodes of 2^{self.index_bits} logits are {sum(counts) * rows:,} numbers to fit, expected at "
                f"most {MAX_LOGITS:,}; lower index_bits or resolutions"
            )

        def normal(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(shape, generator=rng).mul_(self.init_scale))

        self.codebooks = nn.ParameterList(normal(rows, self.n_features_per_level) for _ in counts)
        if self.indexing == "hard":
            for level, count in enumerate(counts):
                size = (packed_size(count, self.index_bits),)
                self.register_buffer(f"packed_{level}", torch.randint(256, size, generator=rng, dtype=torch.uint8))
        else:
            self.logits = nn.ParameterList(normal(count, rows) for count in counts)

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return encode(coords, self.tables(), self.layout, self.reference)

    def reference(self, coords: Float[Tensor, "*batch d"], tables: Sequence[Tensor]) -> Float[Tensor, "*batch features"]:
        """The features by plain operations, which the kernels agree with, from tables in place of `tables()`."""
        levels = zip(tables, self.resolutions, strict=True)
        return torch.cat([interpolate_points(table, coords, cells, self.kernel) for table, cells in levels], dim=-1)

    def tables(self) -> list[Float[Tensor, "*nodes features"]]:
        """The features of each level's nodes [*nodes, F]: what a `DenseGrid` of the same sizes would hold."""
        levels = zip(range(len(self.codebooks)), self.codebooks, self.node_shapes, strict=True)
        return [self._rows(level, codebook).unflatten(0, nodes) for level, codebook, nodes in levels]

    def indices(self) -> list[Int[Tensor, "*nodes"]]:
        """The index of each level's nodes into its codebook, 0 to 2^b - 1, the most likely one while they are learned."""
        return [self._indices(level).unflatten(0, nodes) for level, nodes in enumerate(self.node_shapes)]

    @torch.no_grad()
    def harden(self) -> None:
        """Fix each node's most likely index, in place, and give up the logits. Codebooks can be fitted further."""
        if self.indexing == "hard":
            return
        packed = [pack(self._indices(level), self.index_bits) for level in range(len(self.codebooks))]
        del self.logits
        self.indexing = "hard"
        for level, indices in enumerate(packed):
            self.register_buffer(f"packed_{level}", indices)

    def bits(self, *, float_bits: int = 32) -> int:
        """Bits of the hardened grid in a file: packed indices, their last bytes' filling included, and codebooks.

        Args:
            float_bits: of a codebook's number: 32, or 16 where the file keeps float16.
        """
        index_bits: int = sum(8 * packed_size(count, self.index_bits) for count in self._node_counts())
        codebook_bits: int = float_bits * sum(codebook.numel() for codebook in self.codebooks)
        return index_bits + codebook_bits

    def width_sum(self) -> int:
        """Floats that one point needs: its features, and without native kernels its corners' features, rows and weights."""
        if library() is not None and not self.codebooks[0].is_cuda:
            return 2 * self.out_dim
        corners: int = self.kernel.n_taps**self.in_dim
        return corners * (self.out_dim + 2 * len(self.codebooks))

    def octaves(self) -> Float[Tensor, " features"]:
        """log₂ of the level's cells per axis (their geometric mean), above the coarsest level."""
        levels = [sum(map(math.log2, cells)) / len(cells) for cells in self.resolutions]
        octaves: Tensor = self.codebooks[0].new_tensor([level - min(levels) for level in levels])
        return octaves.repeat_interleave(self.n_features_per_level)

    def _node_counts(self) -> list[int]:
        return [math.prod(nodes) for nodes in self.node_shapes]

    def _indices(self, level: int) -> Tensor:
        if self.indexing == "hard":
            return unpack(self.get_buffer(f"packed_{level}"), self.index_bits, self._node_counts()[level])
        indices: Tensor = self.logits[level].argmax(dim=-1)
        return indices

    def _rows(self, level: int, codebook: Tensor) -> Tensor:
        """Features of a level's nodes [nodes, F]."""
        rows: Tensor
        if self.indexing == "soft":
            rows = self.logits[level].softmax(dim=-1) @ codebook
            return rows
        indices = self._indices(level)
        # index_select's gradient adds atomically on a GPU, where embedding's sorts: the same bits each time
        rows = F.embedding(indices, codebook) if codebook.is_cuda else codebook.index_select(0, indices)
        if self.indexing == "hard" or not torch.is_grad_enabled():
            return rows
        soft = self.logits[level].softmax(dim=-1) @ codebook.detach()
        rows = rows + (soft - soft.detach())  # exactly the rows, since the bracket is 0: hardening changes no bit
        return rows
