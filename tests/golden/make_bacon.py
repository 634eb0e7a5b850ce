"""Golden vectors of BACON: the paper's recursion in its own coordinates [-0.5, 0.5], in float64, with NumPy alone.

Writes bacon.json beside this file: `python tests/golden/make_bacon.py`.
"""

import json
from pathlib import Path

import numpy as np

IN_DIM, OUT_DIM, WIDTH, DEPTH, N_POINTS = 2, 1, 3, 4, 4
LAYER_BANDS = (1, 2, 2, 3)  # cycles per unit interval


def main():
    """Write the file."""
    rng = np.random.default_rng(2022)
    frequencies = np.stack([rng.integers(-k, k + 1, (WIDTH, IN_DIM)) for k in LAYER_BANDS])
    phases = rng.uniform(-np.pi, np.pi, (DEPTH, WIDTH)).round(4)
    hidden_weights = rng.normal(0, 1, (DEPTH - 1, WIDTH, WIDTH)).round(4)
    hidden_biases = rng.normal(0, 1, (DEPTH - 1, WIDTH)).round(4)
    head_weights = rng.normal(0, 1, (DEPTH, OUT_DIM, WIDTH)).round(4)
    head_biases = rng.normal(0, 1, (DEPTH, OUT_DIM)).round(4)
    points = rng.uniform(-0.5, 0.5, (N_POINTS, IN_DIM)).round(4)
    outputs = []
    for x in points:
        z = np.sin(2 * np.pi * frequencies[0] @ x + phases[0])
        levels = [head_weights[0] @ z + head_biases[0]]
        for layer in range(1, DEPTH):
            g = np.sin(2 * np.pi * frequencies[layer] @ x + phases[layer])
            z = g * (hidden_weights[layer - 1] @ z + hidden_biases[layer - 1])
            levels.append(head_weights[layer] @ z + head_biases[layer])
        outputs.append(np.stack(levels).tolist())
    golden = {
        "layer_bands": LAYER_BANDS,
        "weights": {
            "frequencies": frequencies.tolist(),
            "phases": phases.tolist(),
            "hidden_weights": hidden_weights.tolist(),
            "hidden_biases": hidden_biases.tolist(),
            "head_weights": head_weights.tolist(),
            "head_biases": head_biases.tolist(),
        },
        "points_in_half_units": points.tolist(),
        "outputs": outputs,
    }
    Path(__file__).with_name("bacon.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
