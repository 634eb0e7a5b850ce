"""Peers beside ours in one run, turn by turn: one training step, decoding, and seconds to a quality.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/peers.py [--quick] [PICTURE …] [--only NAME …] [-o RESULTS.json]

The peers: the SIREN authors' notebook recipe (written from its settings), siren-pytorch, nerfstudio's hash encoding in PyTorch,
ONNX Runtime and torch.compile. Their packages are those of `requirements-peers.txt`; a peer that is not installed is named in the
result under `not_installed`, and has no rows. The variable lets threads wait by sleeping,
so that waiting does not count as work. All on one thread, unless a row says otherwise.
"""

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import logging
import math
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ungrid.bench import engine
from ungrid.bench.decoding import decode
from ungrid.bench.eager import eager
from ungrid.bench.machine import commit, machine
from ungrid.bench.measure import Row, Stopwatch, Timing
from ungrid.bench.pictures import pictures
from ungrid.bench.quality import THRESHOLDS, between_samples, random_half, time_to_quality
from ungrid.bench.steps import hash_samples, hash_step, siren_step, square_samples
from ungrid.domain.grid import Grid
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.metrics.error import psnr
from ungrid.presets.published import siren
from ungrid.signals.base import Signal

Run = Callable[[], object]
PEERS = {"siren-pytorch": "siren_pytorch", "nerfstudio": "nerfstudio", "onnxruntime": "onnxruntime"}
RATES = {"as published": 1e-4, "tuned": 1e-3}  # of the notebook's Adam; 1e-3 did best of a sweep on other pictures
LOOKS = 10  # steps between two looks at a peer's quality, which do not count
HELD_OUT_STEPS = 400
BATCH = 16_384  # samples a step of the hash encoding


class Unused(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for packages that a peer's module imports and does not use here."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in self.names else None

    def create_module(self, spec: Any) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        module.__getattr__ = anything  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing: its names come into being when they are asked for."""


def anything(name: str) -> type:
    """An empty class of any name but Python's own."""
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})


def installed(peer: str) -> bool:
    """Whether the peer's package is there."""
    return importlib.util.find_spec(PEERS[peer]) is not None


def nerfstudio_encoding() -> Any:
    """nerfstudio's HashEncoding, without the viewer and whatever else its package would import."""
    unused = Unused()
    sys.meta_path.append(unused)
    while True:
        try:
            from nerfstudio.field_components.encodings import HashEncoding

            return HashEncoding
        except ModuleNotFoundError as error:
            unused.names.add((error.name or "").split(".")[0])
            for name in [name for name in sys.modules if name.split(".")[0] == "nerfstudio"]:
                del sys.modules[name]


def trained(model: Callable[[Tensor], Tensor], parameters: Any, coords: Tensor, target: Tensor, **adam: Any) -> Run:
    """A plain full-batch step of Adam on the mean squared error."""
    optimizer = torch.optim.Adam(parameters, **adam)

    def run() -> None:
        loss = ((model(coords) - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run


def siren_steps(n_points: int) -> dict[str, Run]:
    """siren-pytorch's network of the same size, at the same settings."""
    if not installed("siren-pytorch"):
        return {}
    from siren_pytorch import SirenNet

    coords, target = square_samples(n_points)
    network = SirenNet(dim_in=2, dim_hidden=256, dim_out=1, num_layers=4, w0_initial=30.0, w0=30.0)
    return {"siren-pytorch": trained(network, network.parameters(), coords, target, lr=1e-4)}


def hash_steps(dim: int, n_points: int) -> dict[str, Run]:
    """nerfstudio's encoding, which has three axes only, with a plain 2×64 network. In 2-D it is given a third coordinate of 0."""
    if not installed("nerfstudio"):
        return {}
    encoding = nerfstudio_encoding()(16, 16, 512, 14, 2, implementation="torch")
    network = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    coords, target = hash_samples(dim, n_points)
    unit = nn.functional.pad((coords + 1) / 2, (0, 3 - dim))
    parameters = [*encoding.parameters(), *network.parameters()]
    adam = {"lr": 1e-2, "betas": (0.9, 0.99), "eps": 1e-15}
    return {"nerfstudio (3-D)": trained(lambda at: network(encoding(at)), parameters, unit, target, **adam)}


def decoders(compiled: bool) -> Callable[[EncodedField, Grid], dict[str, Run]]:
    """ONNX Runtime on the strip in one call and in parts of at most 16,384 points, and torch.compile in such parts."""

    def runs(field: EncodedField, strip: Grid) -> dict[str, Run]:
        coords = field.box.normalize(strip.points()).reshape(-1, field.in_dim)
        parts = equal_parts(coords)
        found: dict[str, Run] = {}
        if installed("onnxruntime"):
            session = onnx_session(field)
            found["ONNX Runtime"] = lambda: session.run(None, {"coords": coords.numpy()})
            found["ONNX Runtime, in parts"] = lambda: [session.run(None, {"coords": part.numpy()}) for part in parts]
        if compiled:
            fast = torch.compile(eager(field), dynamic=False)

            def run() -> None:
                with torch.no_grad():
                    for part in parts:
                        fast(part)

            found["torch.compile, in parts"] = run
        return found

    return runs


def equal_parts(coords: Tensor, most: int = 16_384) -> list[Tensor]:
    """Points [n, d] in parts of one size, so that nothing is compiled twice; the last may repeat points of the one before."""
    n_parts = -(-len(coords) // most)
    size = -(-len(coords) // n_parts)
    starts = [min(i * size, len(coords) - size) for i in range(n_parts)]
    return [coords[start : start + size].contiguous() for start in starts]


def onnx_session(field: EncodedField) -> Any:
    """The field as an ONNX graph, on one thread."""
    import onnxruntime

    network: Any = field.network

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(network.layers)

        def forward(self, coords: Tensor) -> Tensor:
            for layer, omega in zip(self.layers[:-1], network.layer_omegas, strict=True):
                coords = torch.sin(omega * layer(coords))
            raw: Tensor = self.layers[-1](coords)
            return raw * field.value_scale[0] + field.value_offset[0]

    buffer = io.BytesIO()
    batch = torch.export.Dim("points")
    program: Any = torch.onnx.export(
        Plain().eval(),
        (torch.zeros(64, field.in_dim),),
        input_names=["coords"],
        dynamo=True,
        dynamic_shapes=({0: batch},),
        verbose=False,
    )
    program.save(buffer)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])


def notebook_rows(name: str, signal: Signal, seed: int, cap: float) -> Iterator[Row]:
    """The notebook's SIREN on a picture: seconds to each PSNR, at most `cap`; and PSNR on the half it has not seen."""
    for label, rate in RATES.items():
        field = siren(signal.box, signal.out_dim, seed=seed)
        row = _descended(field, signal, torch.ones(signal.grid.shape, dtype=torch.bool), rate, cap)
        yield {"measurement": "time_to_quality", "picture": name, "name": f"notebook, {label}", "seed": seed, **row}
    known = random_half(signal, seed)
    field = siren(signal.box, signal.out_dim, seed=seed)
    row = _descended(field, signal, known, RATES["tuned"], cap)
    kept = {key: row[key] for key in ("cpu_seconds", "wall_seconds", "steps", "threads", "shape", "heldout_psnr")}
    extra = {"known": "random half", "picture": name, "name": "notebook, tuned", "seed": seed}
    yield {"measurement": "between_samples", **extra, **kept}


def nerfstudio_rows(name: str, signal: Signal, seed: int, cap: float) -> Iterator[Row]:
    """nerfstudio's hash encoding on a picture, with a 2×64 network, at most 0.75 parameters a value: seconds to each PSNR.

    Adam at 1e-2 as its methods have it, batches of 16,384 samples at random; the finest level has a cell for two pixels.
    """
    if not installed("nerfstudio"):
        return
    torch.manual_seed(seed)
    log2 = max(6, math.floor(math.log2(0.75 * signal.values.numel() / 32)))
    encoding = nerfstudio_encoding()(16, 16, max(signal.grid.shape) // 2, log2, 2, implementation="torch")
    network = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, signal.out_dim))
    unit = nn.functional.pad((signal.box.normalize(signal.grid.points()) + 1) / 2, (0, 1)).reshape(-1, 3)
    target = signal.values.reshape(len(unit), -1)
    parameters = [*encoding.parameters(), *network.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-2, betas=(0.9, 0.99), eps=1e-15)

    def step() -> None:
        index = torch.randint(len(unit), (min(BATCH, len(unit)),))
        loss = ((network(encoding(unit[index])) - target[index]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def draw() -> Tensor:
        parts = [network(encoding(part)) for part in unit.split(BATCH)]
        return torch.cat(parts).reshape(signal.values.shape)

    known = torch.ones(signal.grid.shape, dtype=torch.bool)
    row = _watched(step, draw, signal, known, cap)
    n_params = sum(parameter.numel() for parameter in parameters)
    row["params_per_value"] = n_params / signal.values.numel()
    yield {"measurement": "time_to_quality", "picture": name, "name": "nerfstudio's encoding", "seed": seed, **row}


def _descended(field: Field, signal: Signal, known: Tensor, rate: float, cap: float) -> Row:
    assert isinstance(field, EncodedField)
    coords = field.box.normalize(signal.grid.points())
    values = eager(field)
    step = trained(values, field.parameters(), coords[known].clone().requires_grad_(True), signal.values[known], lr=rate)
    row = _watched(step, lambda: field.sample(signal.grid), signal, known, cap)
    return {**row, "params_per_value": field.n_params / signal.values.numel()}


def _watched(step: Run, draw: Callable[[], Tensor], signal: Signal, known: Tensor, cap: float) -> Row:
    """Steps until all thresholds are crossed or the cap is reached; looking at the quality does not count."""
    watch, crossed, best, n_steps = Stopwatch(), dict.fromkeys(THRESHOLDS), -1e9, 0
    spent, held = Timing(0, 0), []
    while spent.cpu < cap and None in crossed.values():
        for _ in range(LOOKS):
            step()
        n_steps += LOOKS
        spent = watch.spent()
        with watch.paused(), torch.no_grad():
            drawn = draw().clamp(0, 1)
        reached = psnr(drawn[known], signal.values[known])
        best = max(best, reached)
        if not known.all():
            held.append(psnr(drawn[~known], signal.values[~known]))
            if n_steps >= HELD_OUT_STEPS:
                break
        for threshold, before in crossed.items():
            if before is None and reached >= threshold:
                crossed[threshold] = spent
    seconds = {
        f"{clock}_seconds_to_{threshold:.0f}": None if at is None else getattr(at, clock)
        for threshold, at in crossed.items()
        for clock in ("cpu", "wall")
    }
    measured = {"cpu_seconds": spent.cpu, "wall_seconds": spent.wall, "steps": n_steps, "threads": torch.get_num_threads()}
    sizes = {"shape": [*signal.grid.shape, signal.out_dim]}
    # the best held-out value over the run: an early stop that knows the truth, in the peer's favor
    return {**measured, **sizes, "psnr": best, **seconds, **({"heldout_psnr": max(held)} if held else {})}


def step_rows(sizes: engine.Sizes) -> Iterator[Row]:
    """One SIREN step and one hash-grid step in 2-D and 3-D."""
    yield from siren_step(sizes.points, sizes.rounds, engine.thread_counts(), peers=siren_steps(sizes.points))
    for dim in (2, 3):
        yield from hash_step(dim, sizes.points, sizes.rounds, peers=hash_steps(dim, sizes.points))


def decode_rows(sizes: engine.Sizes, compiled: bool) -> Iterator[Row]:
    """Drawing; torch.compile's 20 seconds or so of compiling are not in its row."""
    yield from decode(sizes.decode_points, sizes.rounds, frame=sizes.frame, peers=decoders(compiled))


def quality_rows(work: engine.Work, seeds: int, cap: float) -> Iterator[Row]:
    """Ours with each seed, then the peers with the first, each capped."""
    for name, signal in work.chosen():
        for seed in range(seeds):
            yield from time_to_quality(name, signal, work.sizes.presets, seed=seed)
            yield from between_samples(name, signal, work.sizes.presets, seed=seed)
        yield from nerfstudio_rows(name, signal, 0, cap)
        yield from notebook_rows(name, signal, 0, cap)


def versions() -> dict[str, str | None]:
    """The peers' versions; None for one that is not installed."""
    found: dict[str, str | None] = {}
    for peer in PEERS:
        try:
            found[peer] = version(peer) if installed(peer) else None
        except PackageNotFoundError:
            found[peer] = None
    return found


def main() -> None:
    """Measure, print each row, write JSON after every measurement, so that a long run that is stopped leaves what it has."""
    warnings.filterwarnings("ignore")  # of the peers
    logging.disable(logging.WARNING)
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("pictures", nargs="*", type=Path)
    options.add_argument("--quick", action="store_true", help="small sizes, one picture, a cap of 10 seconds")
    options.add_argument("--only", nargs="+", choices=["steps", "decode", "quality"], default=["steps", "decode", "quality"])
    options.add_argument("--no-compile", action="store_true", help="leave torch.compile out, which needs a C++ compiler")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--cap", type=float, default=600.0, help="seconds of the processor for one fit of the notebook")
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    sizes = engine.QUICK if given.quick else engine.FULL
    seeds, cap = (1, min(10.0, given.cap)) if given.quick else (given.seeds, given.cap)
    work = engine.Work(sizes, pictures(given.pictures))
    sources = {
        "steps": lambda: step_rows(sizes),
        "decode": lambda: decode_rows(sizes, not given.no_compile),
        "quality": lambda: quality_rows(work, seeds, cap),
    }
    peers = versions()
    absent = [peer for peer, found in peers.items() if found is None]
    result: dict[str, Any] = {"suite": "engine_peers", "quick": given.quick, "machine": machine(), "commit": commit()}
    result |= {"peers": peers, "not_installed": absent, "rows": []}
    print("not installed:", ", ".join(absent) or "none", flush=True)
    for name in given.only:
        for row in sources[name]():
            result["rows"].append(row)
            print(json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()}), flush=True)
            if given.output:
                given.output.parent.mkdir(parents=True, exist_ok=True)
                given.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
