"""Golden vectors of FourierNet and GaborNet: the paper's recursion, point by point in float64, with NumPy alone.

Writes multiplicative.json beside this file: `python tests/golden/make_multiplicative.py`.
"""

import json
from pathlib import Path

import numpy as np

IN_DIM, OUT_DIM, WIDTH, DEPTH, N_POINTS = 2, 2, 3, 3, 4


def weights(rng):
    """Of a tiny network, drawn without regard to any initialization."""
    return {
        "omegas": rng.normal(0, 3, (DEPTH, WIDTH, IN_DIM)),
        "phases": rng.uniform(-np.pi, np.pi, (DEPTH, WIDTH)),
        "centers": rng.uniform(-1, 1, (DEPTH, WIDTH, IN_DIM)),
        "gammas": rng.gamma(1.5, 1.0, (DEPTH, WIDTH)),
        "hidden_weights": rng.normal(0, 1, (DEPTH - 1, WIDTH, WIDTH)),
        "hidden_biases": rng.normal(0, 1, (DEPTH - 1, WIDTH)),
        "last_weight": rng.normal(0, 1, (OUT_DIM, WIDTH)),
        "last_bias": rng.normal(0, 1, OUT_DIM),
    }


def sine_filter(w, layer, x):
    """g(x) = sin(Ωx + φ)."""
    return np.array([np.sin(np.dot(row, x) + phase) for row, phase in zip(w["omegas"][layer], w["phases"][layer], strict=True)])


def gabor_filter(w, layer, x):
    """g(x) = exp(-γ/2 |x - μ|²) sin(Ωx + φ)."""
    windows = [
        np.exp(-gamma / 2 * np.sum((x - center) ** 2))
        for gamma, center in zip(w["gammas"][layer], w["centers"][layer], strict=True)
    ]
    return np.array(windows) * sine_filter(w, layer, x)


def network(w, x, filtered):
    """z₁ = g₁(x), zₗ₊₁ = gₗ₊₁(x) ∘ (Wₗ zₗ + bₗ), values = W z + b."""
    z = filtered(w, 0, x)
    for layer in range(1, DEPTH):
        z = filtered(w, layer, x) * (w["hidden_weights"][layer - 1] @ z + w["hidden_biases"][layer - 1])
    return w["last_weight"] @ z + w["last_bias"]


def main():
    """Write the file."""
    rng = np.random.default_rng(2021)
    w = {name: array.round(4) for name, array in weights(rng).items()}
    points = rng.uniform(-1, 1, (N_POINTS, IN_DIM)).round(4)
    golden = {
        "weights": {name: array.tolist() for name, array in w.items()},
        "points": points.tolist(),
        "fourier": [network(w, x, sine_filter).tolist() for x in points],
        "gabor": [network(w, x, gabor_filter).tolist() for x in points],
    }
    Path(__file__).with_name("multiplicative.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
