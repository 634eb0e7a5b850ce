"""The verb that cites: BibTeX of exactly what a result rests on."""

from typing import Any

from ungrid.domain.box import Box
from ungrid.fields.base import Field
from ungrid.fit.optimizers import OPTIMIZER_PAPERS
from ungrid.fit.schedules import SCHEDULE_PAPERS
from ungrid.papers import bibtex, is_known, keys_of
from ungrid.presets.plan import NAMES
from ungrid.presets.start import papers_of_start
from ungrid.presets.table import PUBLISHED
from ungrid.verbs import PARTS


def cite(*objects: Any) -> str:
    """BibTeX of exactly the published ideas that fields, parts, or names of parts, presets or papers rest on."""
    keys = {key for thing in objects for part in _rests_on(thing) for key in keys_of(part)}
    return bibtex(sorted(keys))


def _rests_on(thing: Any) -> list[Any]:
    """The thing by its name, and for a field also what it was fitted by."""
    part = _named(thing) if isinstance(thing, str) else thing
    recipe = part.recipe if isinstance(part, Field) else None
    if recipe is None:
        return [part, *_papers_of_fit(part)]
    return [
        part,
        *papers_of_start(part.record),
        *(
            table[name]
            for table, name in ((OPTIMIZER_PAPERS, recipe.optimizer), (SCHEDULE_PAPERS, recipe.schedule))
            if name in table
        ),
    ]


def _papers_of_fit(part: Any) -> list[str]:
    """Keys that the record of a field names, such as those of what restored it; known ones alone, as a file may say anything."""
    record = part.record if isinstance(part, Field) else None
    named = record.fit.get("papers", []) if record is not None else []
    return [key for key in named if isinstance(key, str) and is_known(key)] if isinstance(named, list | tuple) else []


def _named(name: str) -> Any:
    """The part or a preset's field called `name` (the efforts build a dense grid), or the name itself, which may be a paper's."""
    if name in NAMES:
        return PUBLISHED.get(name, PUBLISHED["dense_grid"])(Box(("x",), ((0.0, 1.0),)), 1)
    return PARTS.get(name, name)
