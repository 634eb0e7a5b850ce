"""`ungrid info`: what a `.ung` file is, read from its header alone, without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ungrid.cli.command import Command
from ungrid.errors import FormatError
from ungrid.files import Header, read_header

MOST_DEPTH = 48  # levels of a description, about three for each part inside another


@dataclass(kw_only=True)
class Info(Command):
    """What a .ung file is: kind, box, field, size, source, fit, quality."""

    file: tyro.conf.Positional[Path]
    """The .ung file."""

    def run(self) -> dict[str, Any]:
        """Read the header and arrange what it says."""
        return describe_header(read_header(self.file), self.file.name)

    def show(self, result: dict[str, Any]) -> None:
        """The result, shortened to what fits lines."""
        fit = {key: value for key, value in result["fit"].items() if key not in ("curve", "reason", "notes")}
        box = ", ".join(
            f"{axis} {low:g}…{high:g} {unit}".strip()
            for axis, (low, high), unit in zip(*(result["box"][key] for key in ("axes", "bounds", "units")), strict=True)
        )
        super().show(result | {"fit": fit, "box": box, "field": summarize(result["field"])})


def describe_header(header: Header, name: str) -> dict[str, Any]:
    """The description in a header, under the names that scripts rely on.

    Raises:
        FormatError: a description without the entries that every field has.
    """
    description = header.description
    try:
        spec, record = description["spec"], description.get("record") or {}
        box = {key: _box_of(spec)[key] for key in ("axes", "bounds", "units")}
        result = {
            "format_version": description["format_version"],
            "kind": record.get("kind", ""),
            "box": box,
            "shape": record.get("shape", []),
            "channels": record.get("channels", []),
            "field": {key: value for key, value in spec.items() if key != "box"},
            "n_params": description["n_params"],
            "bytes": header.file_bytes,
            "source": record.get("source", {}),
            "fit": record.get("fit", {}),
            "quality": record.get("metrics", {}).get("quality", {}),
            "heldout": record.get("metrics", {}).get("heldout", {}),
            "ungrid_version": description.get("ungrid_version", ""),
        }
        if not _is_plain(result):
            raise TypeError("an entry is of another kind, or nested too deep")
        return result
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise FormatError(f"the description in {name} lacks what every field has ({error})") from None


def _box_of(spec: dict[str, Any]) -> dict[str, Any]:
    """The box of a field, or of the field or first member that it is made of."""
    while "box" not in spec:
        spec = spec["field"] if "field" in spec else spec["members"][0]
    box: dict[str, Any] = spec["box"]
    return box


def _is_plain(result: dict[str, Any]) -> bool:
    """Whether the groups are groups, the box is one, and nothing is nested deeper than a field's description is."""
    box = result["box"]
    return (
        all(isinstance(result[group], dict) for group in ("field", "source", "fit", "quality", "heldout"))
        and all(isinstance(entry, list) for entry in box.values())
        and len({len(entry) for entry in box.values()}) == 1
        and all(isinstance(ends, list) and [type(end) in (int, float) for end in ends] == [True, True] for ends in box["bounds"])
        and _depth(result, MOST_DEPTH) < MOST_DEPTH
    )


def _depth(tree: Any, most: int) -> int:
    """Levels of a tree of dicts and lists, counted up to `most`."""
    level, depth = [tree], 0
    while level and depth < most:
        groups = [list(item.values()) if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level, depth = [item for group in groups for item in group], depth + 1
    return depth


def summarize(spec: Any) -> str:
    """A spec as nested calls, long lists cut: EncodedField(DenseGrid(…), Mlp(…))."""
    if not isinstance(spec, dict):
        text = str(spec)
        return text if len(text) <= 40 else text[:37] + "..."
    inner = (
        summarize(value) if isinstance(value, dict) else f"{key}={summarize(value)}"
        for key, value in spec.items()
        if key != "type" and value is not None
    )
    return f"{spec.get('type', '')}({', '.join(inner)})"
