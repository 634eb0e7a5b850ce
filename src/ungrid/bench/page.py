"""A suite's result as one HTML page that holds everything: tables, the plot, machine and commit. It loads nothing."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ungrid.bench.measure import Row
from ungrid.bench.report import by_measurement, cells

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap; }
img { max-width: 100%; }
"""


def page(
    title: str, rows: Sequence[Row], machine: Mapping[str, Any], commit: str, *, settings: Sequence[str] = (), png: bytes = b""
) -> str:
    """The page's text.

    Args:
        title: of the page.
        rows: of all measurements.
        machine: what it was measured on.
        commit: of ungrid.
        settings: how it was measured, in sentences.
        png: the plot; empty for none.
    """
    said = "".join(f"<li>{escape(line)}</li>" for line in settings)
    plot = f'<img alt="plot of the tables below" src="data:image/png;base64,{base64.b64encode(png).decode()}">' if png else ""
    tables = "".join(f"<h2>{escape(name)}</h2>{_table(group)}" for name, group in by_measurement(rows).items())
    known = "".join(f"<tr><th>{escape(str(key))}</th><td>{escape(str(value))}</td></tr>" for key, value in machine.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1><ul>{said}</ul>{plot}{tables}"
        f"<h2>Machine</h2><table>{known}<tr><th>commit</th><td>{escape(commit)}</td></tr></table></body></html>\n"
    )


def _table(rows: Sequence[Row]) -> str:
    names, *lines = cells(rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"
