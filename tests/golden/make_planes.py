"""Golden values of K-planes and tri-planes: tiny planes of given nodes, interpolated bilinearly and multiplied or added.

    python tests/golden/make_planes.py

Nodes lie at both ends of [-1, 1] and evenly between; `align_corners=True` in the authors' code. Levels are concatenated.
"""

import itertools
import json
from pathlib import Path

import numpy as np

RESOLUTIONS, FEATURES = [[2, 3, 1], [4, 5, 2]], 2


def bilinear(nodes: np.ndarray, u: float, v: float) -> np.ndarray:
    """Features at (u, v) in [-1, 1]²."""
    p, q = ((at + 1) / 2 * (n - 1) for at, n in zip((u, v), nodes.shape[:2], strict=True))
    i, j = min(int(p), nodes.shape[0] - 2), min(int(q), nodes.shape[1] - 2)
    s, t = p - i, q - j
    low = (1 - t) * nodes[i, j] + t * nodes[i, j + 1]
    high = (1 - t) * nodes[i + 1, j] + t * nodes[i + 1, j + 1]
    return (1 - s) * low + s * high


def main() -> None:
    """Draw nodes and points, evaluate, write."""
    rng = np.random.default_rng(23)
    pairs = list(itertools.combinations(range(3), 2))
    planes = [[rng.uniform(0.1, 0.5, (cells[a] + 1, cells[b] + 1, FEATURES)) for cells in RESOLUTIONS] for a, b in pairs]
    points = rng.uniform(-1, 1, (6, 3))
    products, sums = [], []
    for point in points:
        seen = np.array(
            [[bilinear(nodes, point[a], point[b]) for nodes in levels] for (a, b), levels in zip(pairs, planes, strict=True)]
        )
        products.append(seen.prod(axis=0).ravel())
        sums.append(seen.sum(axis=0).ravel())
    golden = {"resolutions": RESOLUTIONS, "planes": [[nodes.tolist() for nodes in levels] for levels in planes]}
    golden |= {"points": points.tolist(), "product": np.array(products).tolist(), "sum": np.array(sums).tolist()}
    Path(__file__).with_name("planes.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
