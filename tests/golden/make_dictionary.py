"""Writes dictionary.json: features c(x) ⊙ [b₁(γ₁(x)), b₂(γ₂(x))] of a dictionary field in 2-D, for both mappings, and the cosines
that its bases start from."""

import json
from pathlib import Path

import numpy as np


def lookup(nodes, position):
    """Bilinear interpolation of nodes [rows, columns, features] at a position counted in nodes, held inside."""
    total, last = 0, np.array(nodes.shape[:2]) - 1
    place = np.clip(position, 0, last)
    low = np.minimum(np.floor(place), last - 1).astype(int)
    t = place - low
    for i in (0, 1):
        for j in (0, 1):
            weight = (t[0] if i else 1 - t[0]) * (t[1] if j else 1 - t[1])
            total = total + weight * nodes[low[0] + i, low[1] + j]
    return total


def local(periods, mapping):
    """γ in [-1, 1] of a coordinate counted in periods."""
    inside = np.mod(periods, 1.0)
    sawtooth = 2 * inside - 1
    if mapping == "triangle":
        return np.where(np.mod(np.floor(periods), 2) == 1, -sawtooth, sawtooth)
    return sawtooth


def cosines(size, count):
    """`count` of the products of cosines along two axes, each of unit norm [count, size, size]."""
    p = int(count**0.5 + 1)
    rows = np.array([np.cos(np.arange(size) * k * np.pi / p) for k in range(p)])
    rows[1:] -= rows[1:].mean(axis=1, keepdims=True)
    products = np.array([np.outer(first, second) for first in rows for second in rows])
    taken = products[[part[0] for part in np.array_split(np.arange(p * p), count)]]
    norm = np.sqrt((taken**2).sum(axis=(1, 2), keepdims=True))
    return taken / np.where(norm == 0, 1, norm)


def main():
    rng = np.random.default_rng(0)
    bases = [rng.normal(size=(3, 3, 2)).round(3), rng.normal(size=(4, 4, 1)).round(3)]
    periods = [[1.5, 2.5], [3.0, 0.75]]
    coefficients = rng.normal(size=(2, 3, 3)).round(3)
    points = rng.uniform(-1, 1, size=(6, 2)).round(3)
    features = {}
    for mapping in ("sawtooth", "triangle"):
        found = []
        for point in points:
            unit = (point + 1) / 2
            # cells of equal size with a node in the middle of each
            coefficient = lookup(coefficients, unit * np.array(coefficients.shape[:2]) - 0.5)
            patterns = [
                lookup(basis, (local(unit * np.array(count), mapping) + 1) / 2 * (len(basis) - 1))
                for basis, count in zip(bases, periods, strict=True)
            ]
            found.append((coefficient * np.concatenate(patterns)).tolist())
        features[mapping] = found
    golden = {
        "bases": [b.tolist() for b in bases],
        "periods": periods,
        "coefficients": coefficients.tolist(),
        "points": points.tolist(),
        "features": features,
        "cosines": cosines(5, 6).tolist(),
    }
    Path(__file__).with_name("dictionary.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
