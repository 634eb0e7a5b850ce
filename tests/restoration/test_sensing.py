import torch

from ungrid.measurements.noise import Gaussian
from ungrid.restoration.degradation import Degradation
from ungrid.restoration.oriented_field import oriented_field
from ungrid.restoration.sensing import biharmonic, interpolated, sensed, sensed_total_variation


def wheel(n=48):
    """Spokes: edges in every direction."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, n), torch.linspace(-1, 1, n), indexing="ij")
    return (0.5 + 0.4 * torch.tanh(6 * torch.sin(5 * torch.atan2(y, x)) * (y**2 + x**2).sqrt()))[..., None]


def error(values, truth):
    return float((values - truth).square().mean())


def halved(values):
    return values.unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).mean(dim=(1, 3))


def test_what_the_sensor_sees_of_the_scene_is_the_picture():
    picture = halved(wheel())
    degradation = Degradation(Gaussian(0.0), upscale=2)
    for values in (sensed_total_variation(picture, degradation), estimated(picture, degradation)):
        assert error(halved(values), picture) < 3e-5


def estimated(picture, degradation):
    known = sensed(picture, degradation)
    start = sensed_total_variation(picture, degradation, margin=True)
    return oriented_field(known.measured, known.sensor, known.deviation, start)[known.inside]


def test_enlarging_beats_interpolation():
    picture, degradation = halved(wheel()), Degradation(Gaussian(0.0), upscale=2)
    cubic = error(interpolated(picture, degradation), wheel())
    assert error(estimated(picture, degradation), wheel()) < cubic / 1.5
    assert error(sensed_total_variation(picture, degradation), wheel()) < cubic


def test_a_known_blur_is_undone_up_to_the_border():
    psf = torch.full((1, 7), 1 / 7)
    scene = torch.nn.functional.pad(wheel(54)[3:51].movedim(-1, 0), (0, 0)).movedim(0, -1)  # [48, 54]
    seen = scene.unfold(1, 7, 1).mean(dim=-1) + 0.005 * torch.randn(48, 48, 1, generator=torch.Generator().manual_seed(0))
    truth, degradation = scene[:, 3:51], Degradation(Gaussian(0.005), psf=psf)
    assert error(sensed_total_variation(seen, degradation), truth) < error(seen, truth) / 2
    assert error(estimated(seen, degradation), truth) < error(seen, truth) / 4


def test_missing_pixels_are_filled_in_and_known_ones_stay():
    known = torch.rand(48, 48, generator=torch.Generator().manual_seed(0)) < 0.5
    picture = torch.where(known[..., None], wheel(), 0.0)
    degradation = Degradation(Gaussian(0.0), known=known)
    filled = biharmonic(picture, degradation)
    assert torch.equal(filled[known], wheel()[known])
    assert error(filled, wheel()) < 2e-3
    assert error(sensed(picture, degradation).start, wheel()) < error(filled, wheel())


def test_a_biharmonic_fill_continues_a_parabola():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 24), indexing="ij")
    plane = (0.3 * y - 0.2 * x + 0.5)[..., None]
    known = torch.ones(24, 24, dtype=torch.bool)
    known[8:14, 9:17] = False
    assert error(biharmonic(plane * known[..., None], Degradation(Gaussian(0.0), known=known)), plane) < 1e-8


def test_blur_missing_pixels_and_enlarging_go_together():
    known = torch.rand(24, 24, generator=torch.Generator().manual_seed(0)) < 0.8
    picture = torch.where(known[..., None], halved(wheel()), 0.0)
    degradation = Degradation(Gaussian(0.01), upscale=2, psf=torch.full((3, 3), 1 / 9), known=known)
    assert "upscale:2 psf:3x3 known:" in degradation.describe()
    assert estimated(picture, degradation).shape == (48, 48, 1)
