"""`ungrid query`: values and derivatives anywhere, in the units of the field's box."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command, Output
from ungrid.cli.options import parse_place
from ungrid.errors import InputError


@dataclass(kw_only=True)
class Query(Command):
    """Values of a field, or their derivatives, at any places."""

    field: tyro.conf.Positional[Path]
    """The .ung file."""
    at: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="y=120.5,x=33.25")] = ()
    """A place; may be given many times."""
    points: Path | None = None
    """A CSV or npy file with one place a row, in the order of the field's axes."""
    derivative: Literal["gradient", "jacobian", "laplacian", "hessian"] | None = None
    """Ask for a derivative, per unit of the box, instead of the values."""
    deviation: bool = False
    """Also the standard deviation of each value, of a field fitted with --uncertainty."""
    output: Output = None
    """Write the values to a .csv or .npy file, too; with --deviation, behind them their deviations."""

    def run(self) -> dict[str, Any]:
        """Evaluate."""
        import torch

        from ungrid import fitting, verbs
        from ungrid.cli.tables import check_table_path, read_points, write_table

        field = verbs.load_as_field(self.field).to(fitting.choose_device(self.device))
        places = [parse_place(text, field.box.axes) for text in self.at]
        if self.output is not None:
            check_table_path(self.output)
        rows = torch.tensor(places, dtype=torch.float64).reshape(-1, field.in_dim)
        if self.points is not None:
            rows = torch.cat([rows, read_points(self.points, field.box.axes)])
        if len(rows) == 0:
            example = ",".join(f"{axis}={low:g}" for axis, (low, _) in zip(field.box.axes, field.box.bounds, strict=True))
            raise InputError(f"say where: --at {example}, or --points FILE.csv")
        outside = int((~field.box.contains(rows)).sum())
        if outside:
            self.say(f"{outside} of {len(rows)} places lie outside the box {field.box.bounds}; values there are extrapolated")
        values = verbs.query(field, rows, derivative=self.derivative, max_memory=self.memory)
        result = {"axes": field.box.axes, "units": field.box.units, "coords": rows.tolist(), "values": values.tolist()}
        if self.deviation:
            deviations = verbs.query(field, rows, derivative=self.derivative, deviation=True, max_memory=self.memory)
            result["deviations"] = deviations.tolist()
            values = torch.cat([values, deviations], dim=-1)
        if self.output is not None:
            write_table(self.output, values)
        return result

    def show(self, result: dict[str, Any]) -> None:
        """One line a place."""
        deviations = result.get("deviations") or [None] * len(result["coords"])
        for place, values, deviation in zip(result["coords"], result["values"], deviations, strict=True):
            where = "  ".join(f"{axis}={at:g}" for axis, at in zip(result["axes"], place, strict=True))
            print(f"{where}  {_digits(values)}" + ("" if deviation is None else f"  ± {_digits(deviation)}"))


def _digits(values: Any) -> str:
    if isinstance(values, list):
        inner = " ".join(_digits(value) for value in values)
        return f"[{inner}]" if values and isinstance(values[0], list) else inner
    return f"{values:.6g}"
