"""Meshes fitted by the default and turned into triangles again: seconds, quality, topology.

OMP_NUM_THREADS=1 python benchmarks/surfaces.py MESH … [--preset balanced] [-o benchmarks/results/surfaces.json]
"""

import argparse
import json
import time
from pathlib import Path

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.render.contour import contour
from ungrid.signals.topology import topology


def measure(path: Path, preset: str) -> dict:
    """One row: CPU seconds of reading, fitting and judging, and of contouring; lengths as fractions of the diagonal."""
    start = time.process_time()
    shape = ug.load(path)
    field = ug.fit(shape, preset=preset, callbacks=[])
    fitted = time.process_time()
    found = contour(field)
    meshed = time.process_time()
    source, result = topology(shape.faces), topology(found.faces)
    quality = field.metrics["quality"]
    return {
        "mesh": path.name,
        "preset": preset,
        "n_params": field.n_params,
        "fit_seconds": round(fitted - start, 2),
        "mesh_seconds": round(meshed - fitted, 2),
        **quality,
        "distance_error": quality["distance_error"] / shape.diagonal,
        "watertight": result.watertight,
        "manifold": result.manifold,
        "n_components": result.n_components,
        "euler": result.euler,
        "source": {
            "watertight": source.watertight,
            "manifold": source.manifold,
            "n_components": source.n_components,
            "euler": source.euler,
        },
        "leaves_box": found.leaves_box,
        "evaluations_per_triangle": found.evaluations / result.n_faces,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("meshes", nargs="+", type=Path)
    options.add_argument("--preset", default="balanced")
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    rows = []
    for path in given.meshes:
        rows.append(measure(path, given.preset))
        print(json.dumps(rows[-1]), flush=True)
    if given.output:
        given.output.write_text(json.dumps({"rows": rows, "machine": machine(), "commit": commit()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
