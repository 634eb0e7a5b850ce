"""Docstrings are written to be read in the source; this turns what reStructuredText would misread into what was meant."""

import re
from typing import Any

from sphinx.application import Sphinx

SECTION = re.compile(r"(Shape|Raises|Differs from the paper): (\S.*)")
INDENTED_BLOCK = re.compile(r"\s{4,}")
CODE = re.compile(r"(``.*?``|`.*?`)")


def convert(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Before napoleon: one-line sections become fields, tables literal blocks, and stars and bars plain characters."""
    done: list[str] = []
    in_table = False
    for line in lines:
        is_table = line.startswith("|")
        if is_table and not in_table:
            done += ["::", ""]
        in_table = is_table
        if is_table:
            done.append("    " + line)
        elif SECTION.fullmatch(line):
            done += ["", ":" + _escaped(SECTION.sub(r"\1: \2", line))]
        elif line.lstrip().startswith(">>>"):
            done.append(line)
        else:
            done.append(_escaped(line))
    lines[:] = _formulas(done)


def _formulas(lines: list[str]) -> list[str]:
    """An indented line that follows text and an empty line is a formula: shown as it stands."""
    done: list[str] = []
    for at, line in enumerate(lines):
        previous = next((text for text in reversed(lines[:at]) if text.strip()), "")
        starts = INDENTED_BLOCK.match(line) and at and not lines[at - 1].strip() and not previous.startswith((" ", ":"))
        if starts and previous and not previous.rstrip().endswith(("Args:", "Raises:", "Returns:", "Example:", "::")):
            done += ["::", ""]
        done.append(line)
    return done


def _escaped(line: str) -> str:
    parts = CODE.split(line)
    plain = [re.sub(r"_(?=\W|$)", r"\\_", re.sub(r"([*|])", r"\\\1", part)) for part in parts[::2]]
    mixed = [text for pair in zip(plain, [*parts[1::2], ""], strict=True) for text in pair]
    return "".join(mixed)


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to autodoc, before napoleon does."""
    app.connect("autodoc-process-docstring", convert, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
