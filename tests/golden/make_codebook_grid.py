"""Writes codebook_grid.json: VQ-AD's features D[argmax C] and softmax(C) D on two levels, bilinear in between."""

import json
from pathlib import Path

import numpy as np


def bilinear(nodes, point, cells):
    """Interpolation on [-1, 1]² of nodes [cells + 1, cells + 1, features]."""
    place = (np.asarray(point) + 1) / 2 * cells
    low = np.minimum(np.floor(place), cells - 1).astype(int)
    t = place - low
    total = 0
    for i in (0, 1):
        for j in (0, 1):
            weight = (t[0] if i else 1 - t[0]) * (t[1] if j else 1 - t[1])
            total = total + weight * nodes[low[0] + i, low[1] + j]
    return total


def main():
    rng = np.random.default_rng(0)
    sizes, rows, features = (1, 2), 4, 3
    codebooks = [rng.normal(size=(rows, features)).round(3) for _ in sizes]
    logits = [rng.normal(size=((n + 1) ** 2, rows)).round(3) for n in sizes]
    points = rng.uniform(-1, 1, size=(6, 2)).round(3)
    hard, soft = [], []
    for point in points:
        rigid, mixed = [], []
        for n, codebook, logit in zip(sizes, codebooks, logits, strict=True):
            shares = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
            shape = (n + 1, n + 1, features)
            rigid.append(bilinear(codebook[logit.argmax(axis=1)].reshape(shape), point, n))
            mixed.append(bilinear((shares @ codebook).reshape(shape), point, n))
        hard.append(np.concatenate(rigid).tolist())
        soft.append(np.concatenate(mixed).tolist())
    golden = {
        "cells": list(sizes),
        "codebooks": [c.tolist() for c in codebooks],
        "logits": [c.tolist() for c in logits],
        "points": points.tolist(),
        "hard": hard,
        "soft": soft,
    }
    Path(__file__).with_name("codebook_grid.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
