"""Golden values of CoordX: a tiny network of given weights, evaluated by the paper's formula, biases divided as its authors do.

    python tests/golden/make_split_axis.py

Layers of a branch: h = sin(30 (w x + b)) with w, b of its axis, then h = sin(30 (W h + b / d)) with W, b of all axes. The last
has R · width rows; term r of feature f is row r · width + f. Fused: Σᵣ Πₐ. Tail: sin(30 (W h + b)), then W h + b.
"""

import json
from pathlib import Path

import numpy as np

DIM, WIDTH, TERMS, OUT, OMEGA = 3, 4, 2, 2, 30.0


def main() -> None:
    """Draw weights and inputs, evaluate, write."""
    rng = np.random.default_rng(22)
    first = [(rng.uniform(-1, 1, (WIDTH, 1)), rng.uniform(-1, 1, WIDTH)) for _ in range(DIM)]
    bound = np.sqrt(6 / WIDTH) / OMEGA
    shared = [(rng.uniform(-bound, bound, (rows, WIDTH)), rng.uniform(-0.5, 0.5, rows)) for rows in (WIDTH, TERMS * WIDTH)]
    tail = [(rng.uniform(-bound, bound, (rows, WIDTH)), rng.uniform(-0.5, 0.5, rows)) for rows in (WIDTH, OUT)]
    points = rng.uniform(-1, 1, (5, DIM))

    features, values = [], []
    for point in points:
        product = np.ones(TERMS * WIDTH)
        for axis in range(DIM):
            weight, bias = first[axis]
            h = np.sin(OMEGA * (weight[:, 0] * point[axis] + bias))
            for weight, bias in shared:
                h = np.sin(OMEGA * (weight @ h + bias / DIM))
            product = product * h
        fused = product[:WIDTH] + product[WIDTH:]
        (weight, bias), (last_weight, last_bias) = tail
        features.append(fused)
        values.append(last_weight @ np.sin(OMEGA * (weight @ fused + bias)) + last_bias)

    def plain(layers: list) -> list:
        return [{"weight": weight.tolist(), "bias": bias.tolist()} for weight, bias in layers]

    golden = {"points": points.tolist(), "first": plain(first), "shared": plain(shared), "tail": plain(tail)}
    golden |= {"features": np.array(features).tolist(), "values": np.array(values).tolist()}
    Path(__file__).with_name("split_axis.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
