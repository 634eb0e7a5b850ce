"""Integrals of fields whose integral is known."""

import math

import pytest
import torch
from torch import nn

import ungrid as ug
from ungrid.cli.main import main
from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.integrate import integrate
from ungrid.signals.series import from_columns


class Formula(nn.Module):
    """A function of coords on a box, as a field."""

    def __init__(self, box, function, out_dim=1):
        super().__init__()
        self.box, self.function, self.out_dim = box, function, out_dim
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, coords):
        return self.scale * self.function(coords)


def test_a_polynomial_of_degree_seven_is_integrated_exactly():
    field = Formula(Box(("x",), ((0.0, 2.0),)), lambda x: x**7)
    assert float(integrate(field, {"x": (0.5, 2.0)}, pieces=1)[0]) == pytest.approx((2**8 - 0.5**8) / 8, rel=1e-13)


def test_axes_that_are_not_named_count_whole():
    field = Formula(Box(("y", "x"), ((0.0, 3.0), (0.0, math.pi))), lambda c: (c[..., :1] ** 2) * c[..., 1:].sin())
    assert float(integrate(field)[0]) == pytest.approx(18.0, rel=1e-9)
    assert float(integrate(field, {"y": (0.0, 1.0)})[0]) == pytest.approx(2 / 3, rel=1e-9)


def test_parts_of_an_interval_add_up():
    field = Formula(Box(("t",), ((0.0, 9.0),)), lambda t: (t.sin() * t).exp())
    whole = integrate(field, {"t": (1.0, 7.0)})
    assert torch.allclose(whole, integrate(field, {"t": (1.0, 3.3)}) + integrate(field, {"t": (3.3, 7.0)}), rtol=1e-7)


def test_the_slope_is_integrated_to_the_difference_of_values():
    t = torch.arange(120.0)
    field = ug.fit(from_columns((t / 7).sin().numpy(), t.numpy()), callbacks=[])
    slope = Formula(field.box, lambda c: ug.gradient(field, c.float())[..., 0].double())
    slope.record = field.record
    ends = field([[10.25], [77.5]]).double()
    assert float(integrate(slope, {"t": (10.25, 77.5)})[0]) == pytest.approx(float((ends[1] - ends[0]).detach()), abs=2e-5)


@pytest.mark.parametrize("region", [{"t": (0.0, 99.0)}, {"q": (0.0, 1.0)}, {"t": (3.0, 3.0)}])
def test_a_region_outside_is_refused(region):
    with pytest.raises(InputError):
        integrate(Formula(Box(("t",), ((0.0, 9.0),)), torch.sin), region)


def test_the_command_line_gives_integral_and_mean(tmp_path, capsys):
    ug.fit(from_columns([2.0] * 20, list(range(20))), callbacks=[]).save(tmp_path / "f.ung")
    assert main(["query", str(tmp_path / "f.ung"), "--integral", "t=0:10"]) == 0
    assert capsys.readouterr().out.split() == ["integral", "20", "mean", "2"]
    assert main(["query", str(tmp_path / "f.ung"), "--integral", "t=0:10", "--at", "t=1"]) == 2
