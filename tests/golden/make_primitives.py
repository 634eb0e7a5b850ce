"""Writes primitives.json: Σ c exp(-½ (x - μ)ᵀ Σ⁻¹ (x - μ)), Σ = L Lᵀ, the covariance inverted as a matrix, in 1-D to 3-D."""

import json
from pathlib import Path

import numpy as np


def main():
    rng = np.random.default_rng(0)
    golden = []
    for shape in ((5,), (6, 4), (4, 3, 5)):
        d, n, channels = len(shape), 4, 2
        positions = rng.normal(size=(n, d)).round(3)
        factors = rng.uniform(size=(n, d * (d + 1) // 2)).round(3)
        weights = rng.normal(size=(n, channels)).round(3)
        points = rng.uniform(-1.2, 1.2, size=(5, d)).round(3)
        values = np.zeros((5, channels))
        for position, entries, weight in zip(positions, factors, weights, strict=True):
            lower = np.zeros((d, d))
            lower[np.tril_indices(d)] = entries
            lower += 0.5 * np.eye(d)
            precision = np.linalg.inv(lower @ lower.T)
            offset = (points - np.tanh(position)) * np.array(shape) / 2
            values += np.exp(-0.5 * np.einsum("pi,ij,pj->p", offset, precision, offset))[:, None] * weight
        golden.append(
            {
                "shape": list(shape),
                "positions": positions.tolist(),
                "factors": factors.tolist(),
                "weights": weights.tolist(),
                "points": points.tolist(),
                "values": values.tolist(),
            }
        )
    Path(__file__).with_name("primitives.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
