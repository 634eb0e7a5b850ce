"""The direction of imports (docs/explain/layers): a room imports only rooms below it, from modules, without cycles."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import ungrid

SOURCE = Path(ungrid.__file__).parent
# from the bottom up; rooms of one row that a set joins do not import each other, those of an open row (a list) may
ROWS: list[list[str] | set[str]] = [
    ["errors", "shapes", "papers", "spec"],
    ["domain", "differentiate", "integrate", "kernels", "files"],
    {"encodings", "networks", "entropy"},
    {"conditioning"},
    {"fields", "signals"},
    {"metrics"},
    {"measurements", "terms"},
    {"fit"},
    {"classical", "codec", "render"},
    {"tasks", "families"},
    {"presets"},
    {"fitting", "diagnosis", "restoration", "surfacing", "combining", "asking"},
    {"verbs"},
    {"blurring", "tile_parts", "undoing"},
    {"tile_job"},
    {
        "blending",
        "citing",
        "judging",
        "magnetic_resonance",
        "many",
        "reconstructing",
        "restoring",
        "solving",
        "starting",
        "tiling",
        "trusting",
    },
    {"bench", "comparing_scans", "viewer"},
    {"cli"},
    {"testing"},
]
LEVELS = {room: level for level, row in enumerate(ROWS) for room in row}
MAY_READ_TABLES = {"verbs", "cli", "testing"}


class Import(NamedTuple):
    """One module of ungrid's that a file imports, and where it says so."""

    importer: str
    imported: str
    where: str
    through_package: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.importer} imports {self.imported}"


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def module_name(path: Path, source: Path = SOURCE) -> str:
    parts = ("ungrid", *path.relative_to(source).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(text: str, importer: str, where: str, modules: set[str], packages: set[str]) -> Iterator[Import]:
    """Every import of ungrid's modules in a file, also those inside functions."""
    is_package = importer in packages
    for node in ast.walk(ast.parse(text)):
        line = f"{where}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "ungrid":
                    yield Import(importer, alias.name, line, alias.name in packages)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = importer.split(".")[: -(node.level - is_package) or None]
                base = ".".join([*up, *filter(None, [base])])
            if base.split(".")[0] != "ungrid":
                continue
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                target = inner if inner in modules else base
                yield Import(importer, target, line, target in packages or base in packages)


def all_imports(source: Path = SOURCE) -> list[Import]:
    paths = sorted(source.rglob("*.py"))
    modules = {module_name(path, source) for path in paths}
    packages = {module_name(path, source) for path in paths if path.name == "__init__.py"}
    found: list[Import] = []
    for path in paths:
        importer, where = module_name(path, source), str(path.relative_to(source.parent))
        found += imports_of(path.read_text(encoding="utf-8"), importer, where, modules, packages)
    return found


def upward(imports: list[Import]) -> list[Import]:
    """Imports of a room above, or of another room on the same row where those are apart."""
    wrong = []
    for found in imports:
        importer, imported = room_of(found.importer), room_of(found.imported)
        if not importer or not imported or importer == imported:
            continue
        higher, lower = LEVELS[importer], LEVELS[imported]
        if lower > higher or (lower == higher and isinstance(ROWS[lower], set)):
            wrong.append(found)
    return wrong


def through_packages(imports: list[Import]) -> list[Import]:
    """Imports from a package's `__init__`, except by the rooms that read the name tables and by a package of its own parts."""
    return [found for found in imports if found.through_package and room_of(found.importer) not in MAY_READ_TABLES]


def cycles(imports: list[Import]) -> list[str]:
    """Chains of modules that come back to where they began."""
    graph: dict[str, set[str]] = {}
    for found in imports:
        graph.setdefault(found.importer, set()).add(found.imported)
    done: set[str] = set()
    rings: list[str] = []

    def visit(module: str, chain: list[str]) -> None:
        if module in chain:
            rings.append(" → ".join([*chain[chain.index(module) :], module]))
        elif module not in done:
            for after in sorted(graph.get(module, ())):
                visit(after, [*chain, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return rings


def listed(wrong: list[Import] | list[str]) -> str:
    return "\n" + "\n".join(map(str, wrong))


def test_a_room_imports_only_rooms_below_it():
    wrong = upward(all_imports())
    assert not wrong, listed(wrong)


def test_nobody_imports_from_a_package_but_those_who_read_the_tables():
    wrong = through_packages(all_imports())
    assert not wrong, listed(wrong)


def test_no_imports_go_in_a_circle():
    rings = cycles(all_imports())
    assert not rings, listed(rings)


def test_every_room_has_a_row():
    rooms = {room_of(module_name(path)) for path in SOURCE.rglob("*.py")} - {""}
    assert rooms <= set(LEVELS), f"give {sorted(rooms - set(LEVELS))} a row in ROWS, here and in docs/explain"


@pytest.mark.parametrize(
    ("importer", "line", "rule"),
    [
        ("ungrid.fields.base", "from ungrid.fit.loop import run", upward),
        ("ungrid.fields.base", "def f():\n    import ungrid.verbs", upward),
        ("ungrid.encodings.base", "from ungrid.networks.mlp import Mlp", upward),
        ("ungrid.encodings.base", "from ..networks import mlp", upward),
        ("ungrid.fit.loop", "from ungrid.encodings import ENCODINGS", through_packages),
        ("ungrid.fit.loop", "from ..encodings import ENCODINGS", through_packages),
        ("ungrid.fit.loop", "import ungrid.encodings", through_packages),
        ("ungrid.fit.loop", "from ungrid.encodings import mlp", through_packages),
        ("ungrid.fit.loop", "from ungrid import differentiate", through_packages),
    ],
)
def test_the_rules_see_what_they_forbid(importer, line, rule):
    packages = {"ungrid", "ungrid.encodings", "ungrid.networks", "ungrid.fields", "ungrid.fit"}
    modules = packages | {f"ungrid.{name}" for name in ("networks.mlp", "encodings.mlp", "differentiate", "fit.loop", "verbs")}
    (found,) = imports_of(line, importer, "there.py", modules, packages)
    assert rule([found]) == [found]
    assert str(found).startswith(f"there.py:{line.count(chr(10)) + 1}: ")


def test_a_circle_is_seen():
    there = [Import("a", "b", "", False), Import("b", "c", "", False), Import("c", "a", "", False)]
    assert cycles(there) == ["a → b → c → a"]
