"""Which papers a field rests on: BibTeX of exactly the parts that are used."""

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from ungrid.errors import UnknownName, nearest


def bibtex(keys: Iterable[str]) -> str:
    """The BibTeX entries of these keys, in order, separated by blank lines.

    Raises:
        UnknownName: a key that is not in `papers.bib`.
    """
    entries = _entries()
    wanted = list(keys)
    for key in wanted:
        if key not in entries:
            raise UnknownName(f"no paper is known by {key!r}; there are {', '.join(sorted(entries))}{nearest(key, entries)}")
    return "\n\n".join(entries[key] for key in wanted)


def is_known(key: str) -> bool:
    """Whether `papers.bib` has the key."""
    return key in _entries()


def keys_of(thing: Any) -> set[str]:
    """Keys of the papers that an object and its parts, or a class, name in `paper`; of a string, the key itself."""
    return {thing} if isinstance(thing, str) else set(_walk(thing))


def _walk(thing: Any) -> Iterator[str]:
    has_parts = hasattr(thing, "modules") and not isinstance(thing, type)
    parts = [thing, *thing.modules()] if has_parts else [thing]
    for part in parts:
        paper = getattr(part, "paper", None)
        if paper is not None:
            yield paper


def _entries() -> dict[str, str]:
    text = files("ungrid").joinpath("papers.bib").read_text(encoding="utf-8")
    return {match[1]: match[0].strip() for match in re.finditer(r"@\w+\{([^,]+),.*?\n\}", text, flags=re.DOTALL)}
