"""Golden values of TensoRF's decompositions on three axes: tiny factors of given nodes, interpolated linearly and multiplied.

    python tests/golden/make_tensor_grid.py

Nodes lie at both ends of [-1, 1] and evenly between; `align_corners=True` in the authors' code. CP: Πₐ vᵃᵣ. VM: vᵃᵣ · Mᵃᵣ with
the matrix on the two other axes, one axis after another.
"""

import json
from pathlib import Path

import numpy as np

CELLS, RANK = [2, 3, 4], 2


def hats(at: float, n_nodes: int) -> np.ndarray:
    """Weights of an axis's nodes: 1 - distance in cells, where that is positive."""
    return np.maximum(0, 1 - np.abs((at + 1) / 2 * (n_nodes - 1) - np.arange(n_nodes)))


def main() -> None:
    """Draw nodes and points, evaluate, write."""
    rng = np.random.default_rng(24)
    vectors = [rng.normal(0, 0.2, (n + 1, RANK)) for n in CELLS]
    others = [(1, 2), (0, 2), (0, 1)]
    matrices = [rng.normal(0, 0.1, (CELLS[a] + 1, CELLS[b] + 1, RANK)) for a, b in others]
    points = rng.uniform(-1, 1, (6, 3))
    cp, vm = [], []
    for point in points:
        weights = [hats(at, n + 1) for at, n in zip(point, CELLS, strict=True)]
        along = [weight @ vector for weight, vector in zip(weights, vectors, strict=True)]
        over = [np.einsum("i,j,ijr->r", weights[a], weights[b], m) for (a, b), m in zip(others, matrices, strict=True)]
        cp.append(along[0] * along[1] * along[2])
        vm.append(np.concatenate([v * m for v, m in zip(along, over, strict=True)]))
    golden = {"cells": CELLS, "vectors": [v.tolist() for v in vectors], "matrices": [m.tolist() for m in matrices]}
    golden |= {"points": points.tolist(), "cp": np.array(cp).tolist(), "vm": np.array(vm).tolist()}
    Path(__file__).with_name("tensor_grid.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
