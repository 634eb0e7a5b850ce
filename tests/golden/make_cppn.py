"""Writes cppn.json: a small CPPN by its formula, in NumPy and float64, from the definition alone.

h = f(W h + b) unit by unit with each unit's own f, then a linear layer; inputs (y, x, r) with r = √(x² + y²).
Run: python tests/golden/make_cppn.py
"""

import itertools
import json
from pathlib import Path

import numpy as np

FUNCTIONS = {
    "abs": np.abs,
    "cosine": np.cos,
    "gaussian": lambda v: np.exp(-(v**2)),
    "none": lambda v: v,
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "sine": np.sin,
    "square": lambda v: v * v,
    "tanh": np.tanh,
}
UNITS = [["sine", "gaussian", "abs", "tanh", "square"], ["cosine", "none", "sigmoid", "gaussian", "sine"]]


def main() -> None:
    rng = np.random.default_rng(2007)
    sizes = [3, 5, 5, 2]
    weights = [np.round(rng.normal(size=(n_out, n_in)), 4) for n_in, n_out in itertools.pairwise(sizes)]
    biases = [np.round(rng.normal(size=n), 4) for n in sizes[1:]]
    coords = np.round(rng.uniform(-1, 1, size=(6, 2)), 4)
    expected = []
    for place in coords:
        values = np.array([*place, np.hypot(*place)])
        for weight, bias, names in zip(weights, biases, UNITS, strict=False):
            sums = weight @ values + bias
            values = np.array([FUNCTIONS[name](total) for name, total in zip(names, sums, strict=True)])
        expected.append((weights[-1] @ values + biases[-1]).tolist())
    golden = {
        "units": UNITS,
        "weights": [weight.tolist() for weight in weights],
        "biases": [bias.tolist() for bias in biases],
        "coords": coords.tolist(),
        "values": expected,
    }
    Path(__file__).with_name("cppn.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
