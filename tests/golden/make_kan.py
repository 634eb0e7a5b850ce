"""Golden vectors of a spline network: φ(x) = w_b silu(x) + w_s Σ c B(x), B by the recursion of Cox and de Boor, with NumPy alone.

Writes kan.json beside this file: `python tests/golden/make_kan.py`.
"""

import itertools
import json
from pathlib import Path

import numpy as np

SIZES = (2, 3, 2)
N_INTERVALS, LOW, HIGH = 4, -1.0, 1.0
ORDERS = (1, 2, 3, 4)


def knots(order):
    """The uniform grid, with `order` further intervals on both sides."""
    step = (HIGH - LOW) / N_INTERVALS
    return LOW + step * np.arange(-order, N_INTERVALS + order + 1)


def b_spline(x, m, order, t):
    """B of index m and this order at x, on the knots t."""
    if order == 0:
        return float(t[m] <= x < t[m + 1])
    left = (x - t[m]) / (t[m + order] - t[m]) * b_spline(x, m, order - 1, t)
    right = (t[m + order + 1] - x) / (t[m + order + 1] - t[m + 1]) * b_spline(x, m + 1, order - 1, t)
    return left + right


def layer(w, x, order):
    """Σᵢ φⱼᵢ(xᵢ) for each j."""
    t = knots(order)
    out = np.zeros(w["base"].shape[0])
    for j in range(len(out)):
        for i, value in enumerate(x):
            spline = sum(c * b_spline(value, m, order, t) for m, c in enumerate(w["coefficients"][j, i]))
            out[j] += w["base"][j, i] * value / (1 + np.exp(-value)) + w["spline"][j, i] * spline
    return out


def main():
    """Write the file."""
    rng = np.random.default_rng(2024)
    points = np.concatenate([rng.uniform(-1, 1, (4, SIZES[0])), [[0.5, -0.5], [1.7, -3.0]]]).round(4)  # on knots; outside
    cases = []
    for order in ORDERS:
        layers = []
        for n_in, n_out in itertools.pairwise(SIZES):
            sizes = {"coefficients": (n_out, n_in, N_INTERVALS + order), "spline": (n_out, n_in), "base": (n_out, n_in)}
            layers.append({name: rng.normal(0, 1, size).round(4) for name, size in sizes.items()})
        values = []
        for x in points:
            for w in layers:
                x = layer(w, x, order)
            values.append(x.tolist())
        plain = [{name: array.tolist() for name, array in w.items()} for w in layers]
        cases.append({"order": order, "layers": plain, "values": values})
    golden = {"n_intervals": N_INTERVALS, "grid_range": [LOW, HIGH], "sizes": SIZES, "points": points.tolist(), "cases": cases}
    Path(__file__).with_name("kan.json").write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
