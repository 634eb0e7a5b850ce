"""Golden vectors of SIREN, Fourier features and the hash grid: their papers' formulas in float64, with NumPy alone.

Writes siren_fourier_hash.json beside this file: `python tests/golden/make_siren_fourier_hash.py`.
"""

import itertools
import json
import math
from pathlib import Path

import numpy as np

N_POINTS = 5
PRIMES = (1, 2654435761, 805459861)  # instant-ngp's
BASE, GROWTH, LOG2_TABLE, N_LEVELS, N_FEATURES = 3, 1.7, 5, 3, 2


def siren(weights, biases, omegas, x):
    """h ← sin(ω(Wh + b)) for the hidden layers, then Wh + b; as in the authors' code, ω multiplies the bias."""
    h = x
    for weight, bias, omega in zip(weights[:-1], biases[:-1], omegas, strict=True):
        h = np.sin(omega * (weight @ h + bias))
    return weights[-1] @ h + biases[-1]


def fourier_features(frequencies, x):
    """[cos 2πBx, sin 2πBx]."""
    turns = 2 * math.pi * (frequencies @ x)
    return np.concatenate([np.cos(turns), np.sin(turns)])


def hash_level(level, dim):
    """Scale, nodes an axis and rows of a level; a level whose nodes fit the table, in multiples of 8, is not hashed."""
    scale = BASE * GROWTH**level - 1
    resolution = math.ceil(scale) + 1
    dense = (resolution**dim + 7) // 8 * 8
    return scale, resolution, min(dense, 2**LOG2_TABLE), dense > 2**LOG2_TABLE


def hash_grid(tables, x):
    """Each level's rows at the corners of the cell of scale · x + ½, x in [0, 1], weighted d-linearly."""
    unit = (np.asarray(x) + 1) / 2
    features = []
    for level, table in enumerate(tables):
        scale, resolution, n_rows, is_hashed = hash_level(level, len(unit))
        position = scale * unit + 0.5
        cell = np.floor(position).astype(int)
        total = np.zeros(table.shape[1])
        for corner in itertools.product((0, 1), repeat=len(unit)):
            node = [int(c) + k for c, k in zip(cell, corner, strict=True)]
            row = 0
            for axis, n in enumerate(node):
                row = row ^ (n * PRIMES[axis] % 2**32) if is_hashed else row + n * resolution**axis
            weight = np.prod([t if k else 1 - t for t, k in zip(position - cell, corner, strict=True)])
            total = total + weight * table[row % n_rows]
        features.append(total)
    return np.concatenate(features)


def main():
    """Write the file."""
    rng = np.random.default_rng(2020)
    sizes = [(4, 2), (4, 4), (2, 4)]
    weights, biases = [rng.normal(0, 0.5, s).round(4) for s in sizes], [rng.normal(0, 0.5, s[0]).round(4) for s in sizes]
    points = rng.uniform(-1, 1, (N_POINTS, 2)).round(4)
    space = rng.uniform(-1, 1, (N_POINTS, 3)).round(4)
    frequencies = rng.normal(0, 2, (3, 2)).round(4)
    tables = {dim: [rng.normal(0, 1, (hash_level(k, dim)[2], N_FEATURES)).round(4) for k in range(N_LEVELS)] for dim in (2, 3)}
    assert {hash_level(k, 3)[3] for k in range(N_LEVELS)} == {False, True}
    golden = {
        "points": points.tolist(),
        "space": space.tolist(),
        "siren": {
            "weights": [w.tolist() for w in weights],
            "biases": [b.tolist() for b in biases],
            "omegas": [5.0, 3.0],
            "values": [siren(weights, biases, (5.0, 3.0), x).tolist() for x in points],
        },
        "fourier_features": {
            "frequencies": frequencies.tolist(),
            "values": [fourier_features(frequencies, x).tolist() for x in points],
        },
        "hash_grid": {
            str(dim): {"tables": [t.tolist() for t in tables[dim]], "values": [hash_grid(tables[dim], x).tolist() for x in at]}
            for dim, at in ((2, points), (3, space))
        },
    }
    Path(__file__).with_name("siren_fourier_hash.json").write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
