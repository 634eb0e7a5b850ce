"""Solids by a formula: `a.ung + b.ung`, `(a - b) & c`, `a +~0.5 b`."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.solids import Solid, in_one_box

SDF = "sdf"
OPERATIONS = {"+": "union", "-": "difference", "&": "intersection"}
TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<radius>~\s*[^\s()&]*)|(?P<sign>[()&]|[-+](?=[\s(~]|$))|(?P<name>[^\s()&~"']+))"""
)
MOST_SIGNS = 10_000  # of a formula
DEEPEST = 32  # parentheses in parentheses


def combine(formula: str, fields: Mapping[str, Field] | Callable[[str], Field]) -> Field:
    """A solid of solids: `+` unites, `-` takes away, `&` intersects, `~r` after an operator blends over r.

    `&` goes before `+` and `-`, which go from left to right; parentheses say otherwise. `+` and `-` stand between spaces, since
    names may hold them; names with spaces stand in quotes. Fields in different boxes are brought into one (`Extended`).

    Args:
        formula: such as "a - b", "(a + b) & c", "a +~0.5 b".
        fields: of signed distance, by the names in the formula; or what gives one for a name.

    Raises:
        InputError: a formula that cannot be read, a name that is none, a field of another kind.

    Example:
        >>> import torch, ungrid as ug
        >>> corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
        >>> solid = ug.fit((corners, [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]), preset="fast")
        >>> ug.combine("a - b", {"a": solid, "b": solid}).operation
        'difference'
    """
    return _Reader(formula, fields).whole()


def from_files(formula: str, load: Callable[[Path], Field]) -> Field:
    """As `combine`, the names being those of files."""
    return combine(formula, lambda name: load(Path(name)))


class _Reader:
    """Reads a formula from left to right."""

    def __init__(self, formula: str, fields: Mapping[str, Field] | Callable[[str], Field]):
        if len(formula) > MOST_SIGNS:
            raise InputError(f"the formula has {len(formula):,} signs; expected at most {MOST_SIGNS:,}")
        self.formula, self.fields, self.depth = formula, fields, 0
        self.known: dict[str, Field] = {}
        self.tokens = [*_tokens(formula), ("end", "")]

    def whole(self) -> Field:
        field = self._sum()
        if self.tokens[0][0] != "end":
            raise self._wrong(f"{self.tokens[0][1]!r} is left over")
        return field

    def _sum(self) -> Field:
        return self._chain("+-", lambda: self._chain("&", self._one))

    def _chain(self, signs: str, operand: Callable[[], Field]) -> Field:
        field = operand()
        while self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            operation = OPERATIONS[self.tokens.pop(0)[1]]
            radius = self._radius() if self.tokens[0][0] == "radius" else None
            other = operand()
            if radius is None:
                radius = self._radius() if self.tokens[0][0] == "radius" else 0.0
            field = Solid(in_one_box((field, other)), operation, radius)
        return field

    def _one(self) -> Field:
        what, text = self.tokens.pop(0)
        if (what, text) == ("sign", "("):
            self.depth += 1
            if self.depth > DEEPEST:
                raise self._wrong(f"more than {DEEPEST} parentheses in each other")
            field = self._sum()
            if self.tokens.pop(0) != ("sign", ")"):
                raise self._wrong("a parenthesis is not closed")
            self.depth -= 1
            return field
        if what != "name":
            raise self._wrong("it ends too early" if what == "end" else f"{text!r} stands where a field is expected")
        if text not in self.known:
            self.known[text] = self._field(text)
        return self.known[text]

    def _field(self, name: str) -> Field:
        if callable(self.fields):
            field = self.fields(name)
        elif name in self.fields:
            field = self.fields[name]
        else:
            raise self._wrong(f"there is no field {name!r} among {sorted(self.fields)}")
        if field.record is not None and field.record.kind not in ("", SDF):
            raise InputError(f"{name} is of kind {field.record.kind}; expected solids, of kind {SDF}")
        return field

    def _radius(self) -> float:
        text = self.tokens.pop(0)[1][1:].strip()
        try:
            return float(text)
        except ValueError:
            raise self._wrong(f"~{text} is no radius") from None

    def _wrong(self, why: str) -> InputError:
        return InputError(
            f"the formula {self.formula!r} cannot be read: {why}; expected something like 'a.ung - (b.ung +~0.5 c.ung)'"
        )


def _tokens(formula: str) -> Iterator[tuple[str, str]]:
    at = 0
    while formula[at:].strip():
        found = TOKEN.match(formula, at)
        if found is None:
            raise InputError(
                f"the formula {formula!r} cannot be read at {formula[at:].strip()[:20]!r}; names with spaces stand in quotes"
            )
        what = found.lastgroup or ""
        text = found[what]
        yield ("name", text[1:-1]) if what == "quoted" else (what, text)
        at = found.end()
