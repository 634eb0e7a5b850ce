"""What each format says beside its samples, and what of it is still said after a fit: a file is written, read, fitted, kept,
opened, rendered and read again by the format's own library.

    python benchmarks/metadata.py -o benchmarks/results/metadata.json > docs/reference/metadata_table.md    # about a minute
    python benchmarks/metadata.py --only PNG,NIfTI
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from metadata_formats import PICTURES_AND_SOUND, Format
from metadata_volumes import VOLUMES

import ungrid as ug
from ungrid.bench.machine import commit, machine
from ungrid.errors import MissingExtra

FORMATS = (*PICTURES_AND_SOUND, *VOLUMES)
STEPS = 3


def rows_of(format: Format, folder: Path) -> list[dict[str, Any]]:
    """A row for each thing that a file of a format says: what, before, after, whether the same."""
    source, field, result = folder / f"in{format.ending}", folder / "field.ung", folder / f"out{format.rendered}"
    format.make(source)
    before = plain(format.facts(source))
    fitted = ug.fit(ug.load(source, format.kind), preset="fast", steps=STEPS)
    fitted.save(field)
    ug.render(ug.load(field), result)
    after = plain(format.facts(result))
    same = {key: before[key] == after.get(key) for key in before}
    return [{"format": format.name, "what": key, "in": before[key], "out": after.get(key), "same": same[key]} for key in before]


def plain(facts: Any) -> Any:
    """Facts as JSON has them."""
    return json.loads(json.dumps(facts, default=str))


def markdown(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as a table, each format's name once."""
    lines, last = ["| format | what is said | in | out |", "|---|---|---|---|"], ""
    for row in rows:
        name = row["format"] if row["format"] != last else ""
        last, out = row["format"], "the same" if row["same"] else _short(row["out"])
        lines.append(f"| {name} | {row['what']} | {_short(row['in'])} | {out} |")
    return "\n".join(lines)


def _short(value: Any) -> str:
    if value in (None, [], {}, ""):
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("|", "/").replace("\n", " ")
    return text if len(text) <= 70 else text[:67] + "…"


def measured(names: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The rows of all formats whose libraries are installed, or of those whose names begin so."""
    rows: list[dict[str, Any]] = []
    for format in FORMATS:
        if names and not format.name.startswith(tuple(names)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                rows += rows_of(format, Path(folder))
            except (ImportError, MissingExtra) as error:
                rows.append({"format": format.name, "what": "not measured", "in": str(error), "out": None, "same": False})
    return rows


def main() -> None:
    """Measure, print the table, write JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-o", "--output", type=Path, help="write JSON to this file, too")
    options.add_argument("--only", help="formats whose names begin so, with commas between")
    given = options.parse_args()
    rows = measured(given.only.split(",") if given.only else None)
    print(markdown(rows))
    if given.output is not None:
        result = {"suite": "metadata", "rows": rows, "machine": machine(), "commit": commit()}
        given.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
