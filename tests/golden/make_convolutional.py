"""Values of a tiny convolutional field and of a CoordConv, from their formulas alone, in NumPy float64.

Run `python make_convolutional.py` beside this file; it writes convolutional.json.
"""

import json
from pathlib import Path

import numpy as np

EPSILON = 1e-5
SHAPE, WIDTH, CHANNELS = (4, 5), 3, 2
SIZES = {"full": [(3, 3)], "lines": [(3, 1), (1, 3)], "point": [(1, 1)], "identity": [()]}


def convolution(values, kernel, shift):
    """values [h, w, in], kernel [out, in, kh, kw] → [h, w, out]; zeros beyond the grid."""
    height, width, _ = values.shape
    out = np.tile(np.asarray(shift, dtype=float), (height, width, 1))
    kh, kw = kernel.shape[2:]
    for y in range(height):
        for x in range(width):
            for dy in range(kh):
                for dx in range(kw):
                    yy, xx = y + dy - kh // 2, x + dx - kw // 2
                    if 0 <= yy < height and 0 <= xx < width:
                        out[y, x] += kernel[:, :, dy, dx] @ values[yy, xx]
    return out


def branch(values, weights):
    """One branch of a hidden layer, with batch norm by the mean and variance of the grid."""
    if weights["kernel"] is not None:
        values = convolution(values, weights["kernel"], np.zeros(WIDTH))
    mean, variance = values.mean(axis=(0, 1)), values.var(axis=(0, 1))
    return weights["scale"] * (values - mean) / np.sqrt(variance + EPSILON) + weights["shift"]


def keys(distance):
    """The kernel of cubic convolution, a = -1/2."""
    x = abs(distance)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def at(samples, place):
    """Value at a place, in samples; beyond the grid samples go on along the line through the last two."""

    def sample(y, x):
        if y < 0:
            return sample(0, x) + -y * (sample(0, x) - sample(1, x))
        if y > SHAPE[0] - 1:
            last = SHAPE[0] - 1
            return sample(last, x) + (y - last) * (sample(last, x) - sample(last - 1, x))
        if x < 0:
            return sample(y, 0) + -x * (sample(y, 0) - sample(y, 1))
        if x > SHAPE[1] - 1:
            last = SHAPE[1] - 1
            return sample(y, last) + (x - last) * (sample(y, last) - sample(y, last - 1))
        return samples[y, x]

    return sum(
        keys(place[0] - y) * keys(place[1] - x) * sample(y, x) for y in range(-2, SHAPE[0] + 2) for x in range(-2, SHAPE[1] + 2)
    )


def field(rng):
    """Weights, values on the own grid, places in samples and the values there."""
    layers, fan_in = [], 2
    values = np.stack(np.meshgrid(*[-1 + (2 * np.arange(n) + 1) / n for n in SHAPE], indexing="ij"), axis=-1)
    for _ in range(2):
        sizes = [size for name in SIZES for size in SIZES[name] if size or fan_in == WIDTH]
        layer = [
            {
                "kernel": rng.normal(size=(WIDTH, fan_in, *size)).round(3) if size else None,
                "scale": rng.uniform(0.5, 1.5, WIDTH).round(3),
                "shift": rng.normal(size=WIDTH).round(3),
            }
            for size in sizes
        ]
        values = np.maximum(0, sum(branch(values, weights) for weights in layer))
        layers.append(layer)
        fan_in = WIDTH
    last = {"kernel": rng.normal(size=(CHANNELS, WIDTH, 3, 3)).round(3), "shift": rng.normal(size=CHANNELS).round(3)}
    values = 2.0 * convolution(values, last["kernel"], last["shift"]) + 0.25
    places = [[0.0, 0.0], [1.3, 2.6], [-0.4, 4.4], [3.2, -0.5], [2.0, 3.5]]
    return {
        "shape": SHAPE,
        "branches": list(SIZES),
        "layers": layers,
        "last": last,
        "values": values,
        "places": places,
        "between": [at(values, place) for place in places],
    }


def coordconv(rng):
    """Features and kernel of a CoordConv with radius, on 3×4 samples, and its values."""
    features = rng.normal(size=(3, 4, 2)).round(3)
    where = np.stack(np.meshgrid(np.linspace(-1, 1, 3), np.linspace(-1, 1, 4), indexing="ij"), axis=-1)
    radius = np.sqrt((where**2).sum(axis=-1, keepdims=True))
    kernel, shift = rng.normal(size=(2, 5, 3, 3)).round(3), rng.normal(size=2).round(3)
    values = convolution(np.concatenate([features, where, radius], axis=-1), kernel, shift)
    return {"features": features, "kernel": kernel, "shift": shift, "values": values}


def plain(value):
    """Arrays as lists, for JSON."""
    return value.tolist() if isinstance(value, np.ndarray) else value


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    made = {"field": field(rng), "coordconv": coordconv(rng)}
    Path(__file__).with_name("convolutional.json").write_text(json.dumps(made, default=plain) + "\n")
