"""Attack the reader of `.ung` files with damaged ones, and print what happened as JSON.

    python benchmarks/hostile.py --count 20000

Every case must load or raise FormatError. `escaped` lists every other exception; it must be empty.
"""

import argparse
import collections
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from ungrid.encodings import ENCODINGS
from ungrid.fields.record import Record
from ungrid.fields.storage import save_field
from ungrid.presets import PUBLISHED
from ungrid.testing.contracts import known_parts
from ungrid.testing.examples import ENCODING_EXAMPLES, PRESET_EXAMPLES, encoded_field, example
from ungrid.testing.mutations import Outcome, attempt, mutants, peak_bytes
from ungrid.testing.toys import pixel_box


def sound_files(folder: Path) -> list[bytes]:
    """One small file of each encoding and each preset."""
    fields = [encoded_field(example(name, ENCODING_EXAMPLES, ENCODINGS)(2, 0), 3, box=pixel_box()) for name in ENCODINGS]
    presets = [PUBLISHED[name](pixel_box(), 3, **example(name, PRESET_EXAMPLES)) for name in PUBLISHED]
    contents = []
    for field in [*fields, *presets]:
        field.record = Record("image", (12, 16), ("r", "g", "b"), {"bit_depth": 8}, {"icc": b"1234"})
        save_field(field, folder / "sound.ung", version="0")
        contents.append((folder / "sound.ung").read_bytes())
    return contents


def summary(outcomes: list[Outcome], seconds: float) -> dict[str, Any]:
    """Counts, times and memory, whole and by kind of damage."""
    by_kind: dict[str, list[Outcome]] = collections.defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.mutation].append(outcome)
    escaped = [outcome for outcome in outcomes if outcome.result not in ("loaded", "refused")]
    return {
        "count": len(outcomes),
        "loaded": sum(outcome.result == "loaded" for outcome in outcomes),
        "refused": sum(outcome.result == "refused" for outcome in outcomes),
        "escaped": [[outcome.mutation, outcome.result] for outcome in escaped[:50]],
        "n_escaped": len(escaped),
        "seconds": round(seconds, 2),
        "slowest_seconds": max(outcome.seconds for outcome in outcomes),
        "most_grown_bytes": max(outcome.grown_bytes for outcome in outcomes),
        "peak_bytes": peak_bytes(),
        "kinds": {
            kind: {
                "count": len(cases),
                "loaded": sum(outcome.result == "loaded" for outcome in cases),
                "slowest_seconds": round(max(outcome.seconds for outcome in cases), 4),
                "most_grown_bytes": max(outcome.grown_bytes for outcome in cases),
            }
            for kind, cases in by_kind.items()
        },
    }


def main() -> int:
    """Run the attack; the exit code is 1 if anything escaped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="number of damaged files")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    options = parser.parse_args()
    tables = known_parts()
    with tempfile.TemporaryDirectory() as folder:
        files = sound_files(Path(folder))
        path = Path(folder, "damaged.ung")
        for content in files:
            attempt("none", content, path, tables)  # what torch imports at its first use is not counted
        begin = time.perf_counter()
        outcomes = [attempt(kind, content, path, tables) for kind, content in mutants(files, options.count, seed=options.seed)]
        result = summary(outcomes, time.perf_counter() - begin)
    print(json.dumps(result, indent=2))
    return int(bool(result["n_escaped"]))


if __name__ == "__main__":
    raise SystemExit(main())
