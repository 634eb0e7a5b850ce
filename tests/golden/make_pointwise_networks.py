"""Golden values of the pointwise coordinate networks, from their papers' formulas alone, in NumPy's float64.

Run as `python tests/golden/make_pointwise_networks.py`; it writes `pointwise_networks.json` beside itself.
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
rng = np.random.default_rng(20240607)
COORDS = rng.uniform(-1, 1, (5, 2)).round(3)


def draw(*shape, spread=0.6):
    return rng.uniform(-spread, spread, shape).round(3)


def layers(*sizes):
    """Real weights and biases of linear layers of the given sizes."""
    return [(draw(fan_out, fan_in), draw(fan_out)) for fan_in, fan_out in pairwise(sizes)]


def complex_layers(first_out, *sizes):
    """A real first layer of 2 inputs, then complex layers, as pairs (real, imaginary) along the last axis."""
    rest = [(draw(fan_out, fan_in, 2), draw(fan_out, 2)) for fan_in, fan_out in sizes]
    return [(draw(first_out, 2), draw(first_out)), *rest]


def affine(values, layer):
    weight, bias = (
        part[..., 0] + 1j * part[..., 1] if part.ndim == rank else part for part, rank in zip(layer, (3, 2), strict=True)
    )
    return values @ weight.T + bias


def run(stack, activations):
    """Linear layers with an activation after each but the last."""
    values = COORDS
    for layer, activation in zip(stack[:-1], activations, strict=True):
        values = activation(affine(values, layer))
    return affine(values, stack[-1]).real


def named(stack, prefix="layers"):
    pairs = [(f"{prefix}.{index}", layer) for index, layer in enumerate(stack)]
    return {
        f"{name}.{kind}": part.tolist() for name, layer in pairs for kind, part in zip(("weight", "bias"), layer, strict=True)
    }


def entry(network, arguments, weights, values):
    arguments = {"in_dim": 2, "out_dim": values.shape[-1], **arguments}
    return {"network": network, "arguments": arguments, "weights": weights, "coords": COORDS.tolist(), "values": values.tolist()}


def finer(u, omega):
    return np.sin(omega * (np.abs(u) + 1) * u)


def finer_gauss(u):
    return np.exp(-((1.5 * finer(u, 2.5)) ** 2))


def finer_wire(u):
    if np.iscomplexobj(u):
        period = (np.abs(u.real) + 1) * u.real + 1j * (np.abs(u.imag) + 1) * u.imag
        z = np.sin(2.0 * period)
    else:
        z = finer(u, 2.0)
    return np.exp(1j * 3.0 * z - np.abs(0.75 * z) ** 2)


def wire(omega):
    return lambda u: np.exp(1j * omega * u - np.abs(1.25 * u) ** 2)


def wire_2d(omega):
    def activation(both):
        u, v = np.split(both, 2, axis=-1)
        return np.exp(1j * omega * u) * np.exp(-(1.25**2) * (np.abs(u) ** 2 + np.abs(v) ** 2))

    return activation


def wire_real(omega):
    def activation(both):
        u, v = np.split(both, 2, axis=-1)
        return np.cos(omega * u) * np.exp(-((1.25 * v) ** 2))

    return activation


def incode():
    stack, harmonizer, code = layers(2, 4, 4, 2), layers(3, 5, 4), draw(3)
    hidden = affine(code, harmonizer[0])
    a, b, c, d = affine(hidden / (1 + np.exp(-hidden)), harmonizer[1])
    sines = [lambda u, omega=omega: np.exp(a) * np.sin(np.exp(b) * omega * u + c) + d for omega in (3.0, 2.0)]
    weights = {"code": code.tolist(), **named(stack), **named(harmonizer, "harmonizer")}
    omegas = {"first_omega": 3.0, "hidden_omega": 2.0}
    arguments = {"width": 4, "depth": 2, **omegas, "code_dim": 3, "harmonizer_widths": [5]}
    return entry("Incode", arguments, weights, run(stack, sines))


def entries():
    small, omegas = {"width": 4, "depth": 2}, {"first_omega": 3.0, "hidden_omega": 2.0}
    sines = [lambda u: finer(u, 3.0), lambda u: finer(u, 2.0)]
    real = layers(2, 4, 4, 2)
    weights = named(real)
    yield "finer", entry("Finer", {**small, **omegas}, weights, run(real, sines))
    yield "finer_gauss", entry("FinerGauss", {**small, "scale": 1.5, "omega": 2.5}, weights, run(real, [finer_gauss] * 2))
    yield "gauss", entry("Gauss", {**small, "std": 0.4}, weights, run(real, [lambda u: np.exp(-(u**2) / (2 * 0.4**2))] * 2))
    yield "sinc", entry("Sinc", {**small, "omega": 4.0}, weights, run(real, [lambda u: np.sin(4.0 * u) / (4.0 * u)] * 2))
    hosc = [lambda u: np.tanh(1.5 * np.sin(3.0 * u)), lambda u: np.tanh(0.7 * np.sin(2.0 * u))]
    yield "hosc", entry("Hosc", {**small, **omegas, "betas": [1.5, 0.7]}, weights, run(real, hosc))
    yield "incode", incode()
    # widths 6 → 4 complex units; 6 → 3 with two maps; 6 → 4 real ones with two maps
    wide = {"width": 6, "depth": 2}
    stack = complex_layers(4, (4, 4), (4, 2))
    waves = {**wide, **omegas, "scale": 1.25}
    yield "wire", entry("Wire", waves, named(stack), run(stack, [wire(3.0), wire(2.0)]))
    periods = {**wide, "scale": 0.75, "wave_omega": 3.0, "omega": 2.0}
    yield "finer_wire", entry("FinerWire", periods, named(stack), run(stack, [finer_wire] * 2))
    stack = complex_layers(6, (3, 6), (3, 2))
    yield "wire_2d", entry("Wire", {**waves, "wavelet": "complex_2d"}, named(stack), run(stack, [wire_2d(3.0), wire_2d(2.0)]))
    stack = [(draw(8, 2), draw(8)), (draw(8, 4), draw(8)), (draw(2, 4), draw(2))]
    yield "wire_real", entry("Wire", {**waves, "wavelet": "real"}, named(stack), run(stack, [wire_real(3.0), wire_real(2.0)]))


if __name__ == "__main__":
    text = json.dumps(dict(entries()), indent=None, separators=(", ", ": "))
    (HERE / "pointwise_networks.json").write_text(text.replace('}, "', '},\n"') + "\n", encoding="utf-8")
