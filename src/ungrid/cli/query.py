"""`ungrid query`: values and derivatives anywhere, in the units of the field's box."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command, Output
from ungrid.cli.options import parse_place, parse_region
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
    integral: Annotated[str | None, tyro.conf.arg(metavar="t=0:60")] = None
    """The integral over this part of the box, and the mean there, instead of values; axes not named count whole."""
    deviation: bool = False
    """Also the standard deviation of each value, of a field fitted with --uncertainty."""
    output: Output = None
    """Write the values to a .csv or .npy file, too; with --deviation, behind them their deviations."""

    def run(self) -> dict[str, Any]:
        """Evaluate."""
        import torch

        from ungrid import asking, fitting, verbs
        from ungrid.cli.tables import check_table_path, read_points, write_table

        field = verbs.load_as_field(self.field).to(fitting.choose_device(self.device))
        if self.integral is not None:
            return self._integral(field)
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
        values = asking.query(field, rows, derivative=self.derivative, max_memory=self.memory)
        result = {"axes": field.box.axes, "units": field.box.units, "coords": rows.tolist(), "values": values.tolist()}
        if self.deviation:
            deviations = asking.query(field, rows, derivative=self.derivative, deviation=True, max_memory=self.memory)
            result["deviations"] = deviations.tolist()
            values = torch.cat([values, deviations], dim=-1)
        if self.output is not None:
            write_table(self.output, values)
        return result

    def _integral(self, field: Any) -> dict[str, Any]:
        """Integral and mean over `--integral`."""
        from ungrid.integrate import integrate

        if self.at or self.points or self.derivative or self.deviation or self.output:
            raise InputError("--integral goes alone: it is one number for each channel")
        region = parse_region(self.integral or "", field.box.axes)
        part = field.box.crop(region)
        total = integrate(field, region)
        about = {"axes": field.box.axes, "units": field.box.units, "region": part.bounds}
        return about | {"integral": total.tolist(), "mean": (total / math.prod(part.extent)).tolist()}

    def show(self, result: dict[str, Any]) -> None:
        """One line a place."""
        if "integral" in result:
            print(f"integral  {_digits(result['integral'])}\nmean      {_digits(result['mean'])}")
            return
        deviations = result.get("deviations") or [None] * len(result["coords"])
        for place, values, deviation in zip(result["coords"], result["values"], deviations, strict=True):
            where = "  ".join(f"{axis}={at:g}" for axis, at in zip(result["axes"], place, strict=True))
            print(f"{where}  {_digits(values)}" + ("" if deviation is None else f"  ± {_digits(deviation)}"))


def _digits(values: Any) -> str:
    if isinstance(values, list):
        inner = " ".join(_digits(value) for value in values)
        return f"[{inner}]" if values and isinstance(values[0], list) else inner
    return f"{values:.6g}"
