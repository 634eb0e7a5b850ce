"""Rows of measurements as Markdown tables and as one plot."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from ungrid.bench.measure import Row
from ungrid.errors import MissingExtra
from ungrid.files import write_beside

PANEL = (5.2, 3.6)  # inches, at least
LINE = 0.16  # inches


def by_measurement(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each measurement, in their order."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["measurement"], []).append(row)
    return groups


def markdown(title: str, rows: Sequence[Row], machine: Mapping[str, Any], commit: str, settings: Sequence[str] = ()) -> str:
    """A heading, the machine and the commit, how it was measured, and a table for each measurement."""
    parts = [f"# {title}", f"Commit {commit}. " + ", ".join(f"{key}: {value}" for key, value in machine.items()) + "."]
    parts += ["\n".join(f"- {line}" for line in settings)] if settings else []
    for name, group in by_measurement(rows).items():
        parts += [f"## {name}", table(group)]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Row]) -> str:
    """One Markdown table with a column for every key but the measurement's name."""
    keys, *lines = cells(rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in [keys, ["---"] * len(keys), *lines])


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """The names of a table's columns, then each row as text."""
    keys = list(dict.fromkeys(key for row in rows for key in row if key != "measurement"))
    return [keys, *([_cell(row.get(key)) for key in keys] for row in rows)]


def check_plot() -> None:
    """Raise MissingExtra, before long work, where no plot could be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("matplotlib", "plot", "drawing a suite's plot")


def plot(rows: Sequence[Row], path: Path) -> None:
    """One picture of a panel for each measurement that has one.

    Raises:
        MissingExtra: matplotlib is not installed.
        MachineError: not writable, disk full.
    """
    check_plot()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = [(name, group) for name, group in by_measurement(rows).items() if _panel(name, group)] or [("", [])]
    columns = min(2, len(panels))
    heights = [max(_height(group) for _, group in panels[at : at + columns]) for at in range(0, len(panels), columns)]
    figure, grid = pyplot.subplots(
        len(heights),
        columns,
        figsize=(PANEL[0] * columns, sum(heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (name, group) in zip(grid.flat, panels, strict=False):
        draw = _panel(name, group)
        if draw:
            draw(axes, group)
            axes.set_title(name.replace("_", " "))
    with write_beside(path) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)


def _panel(name: str, rows: Sequence[Row]) -> Callable[[Any, Sequence[Row]], None] | None:
    """How a measurement is drawn, or None."""
    return _beside_published if rows and "published" in rows[0] else PANELS.get(name)


def _height(rows: Sequence[Row]) -> float:
    """Inches of a panel: room for a line of text for each thing that has a bar of its own."""
    bars = {(row.get("picture"), row.get("data"), row.get("method"), row.get("field"), row.get("name")) for row in rows}
    return max(PANEL[1], LINE * len(bars))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "×".join(map(str, value))
    return str(value).replace("|", "/")


def _bars(axes: Any, labels: Sequence[str], lengths: Sequence[float], caption: str) -> None:
    bars = axes.barh(range(len(labels)), lengths)
    axes.bar_label(bars, fmt="%.3g", padding=2, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel(caption)


def _faster(axes: Any, rows: Sequence[Row]) -> None:
    labels = [f"{row['name']}, {_short(row)}" for row in rows]
    _bars(axes, labels, [row["times_faster"] for row in rows], f"times as fast as {rows[0]['versus']}")


def _short(row: Row) -> str:
    """What tells a row from others of its measurement: how many threads, or which size of coordinates."""
    words = [word for word in row["settings"].split() if word.endswith("-D,")]
    return " ".join([*(word.strip(",") for word in words), f"{row['threads']} thread" + "s" * (row["threads"] > 1)])


def _drawing(axes: Any, rows: Sequence[Row]) -> None:
    labels = [f"{row['field']}: {row['name']}" for row in rows]
    _bars(axes, labels, [row["megapixels_per_second"] for row in rows], "megapixels per second, one thread")
    axes.set_xscale("log")


def _seconds(axes: Any, rows: Sequence[Row]) -> None:
    for picture in dict.fromkeys(row["picture"] for row in rows):
        mine = [row for row in rows if row["picture"] == picture]
        axes.plot([row["cpu_seconds"] for row in mine], [row["psnr"] for row in mine], marker="o", label=picture)
        for row in mine:
            axes.annotate(row["name"], (row["cpu_seconds"], row["psnr"]), fontsize=7)
    axes.set(xscale="log", xlabel="seconds of the processor", ylabel="PSNR [dB] on all pixels")
    axes.legend(fontsize=7)


def _between(axes: Any, rows: Sequence[Row]) -> None:
    for known, marker in (("random half", "o"), ("even pixels", "^")):
        mine = [row for row in rows if row["known"] == known]
        axes.plot(
            [row["heldout_psnr"] for row in mine], [f"{row['picture']}: {row['name']}" for row in mine], marker, label=known
        )
    axes.tick_params(axis="y", labelsize=6)
    axes.set_xlabel("PSNR [dB] on the pixels left out")
    axes.legend(fontsize=7)


def _remembered_and_guessed(axes: Any, rows: Sequence[Row]) -> None:
    for signal in dict.fromkeys(row["signal"] for row in rows):
        mine = [row for row in rows if row["signal"] == signal and row["train_psnr"] is not None]
        axes.scatter([row["train_psnr"] for row in mine], [row["heldout_psnr"] for row in mine], s=12, label=signal)
        for row in mine:
            axes.annotate(row["name"], (row["train_psnr"], row["heldout_psnr"]), fontsize=6)
        best = max((row["heldout_psnr"] for row in rows if (row["signal"], row["kind"]) == (signal, "classical")), default=None)
        if best is not None and mine:
            axes.axhline(best, linewidth=0.8, linestyle=":", color=axes.collections[-1].get_facecolor()[0])
    axes.set(xlabel="PSNR [dB] on the samples fitted", ylabel="on those left out; dotted: best classical")
    axes.legend(fontsize=7)


def _guessed(axes: Any, rows: Sequence[Row]) -> None:
    values: dict[str, list[float]] = {}
    for row in rows:
        if row["heldout_psnr"] is not None:
            values.setdefault(row["name"], []).append(row["heldout_psnr"])
    means = sorted(((fmean(found), name) for name, found in values.items()), reverse=True)
    _bars(axes, [name for _, name in means], [mean for mean, _ in means], "mean PSNR [dB] on the samples left out")


def _restored(axes: Any, rows: Sequence[Row]) -> None:
    for noise in dict.fromkeys(row["noise"] for row in rows):
        mine = [row for row in rows if row["noise"] == noise]
        axes.plot([row["psnr"] for row in mine], [row["name"] for row in mine], "o", label=noise)
    axes.set_xlabel("mean PSNR [dB]")
    axes.legend(fontsize=7)


def _beside_published(axes: Any, rows: Sequence[Row]) -> None:
    measured = [row for row in rows if row["psnr"] is not None]
    labels = [f"{row['data']}: {row['method']}" for row in measured]
    _bars(axes, labels, [row["psnr"] for row in measured], "PSNR [dB]; lines: published, where comparable")
    for at, row in enumerate(measured):
        if row["difference"] is not None:
            axes.plot([row["published"]] * 2, [at - 0.4, at + 0.4], color="black")


PANELS: dict[str, Callable[[Any, Sequence[Row]], None]] = {
    "siren_step": _faster,
    "hash_step": _faster,
    "small_step": _faster,
    "hash_double_backward": _faster,
    "decode": _drawing,
    "time_to_quality": _seconds,
    "between_samples": _between,
    "models": _remembered_and_guessed,
    "fits": _guessed,
    "denoise": _restored,
}
