import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.signals.image import from_array
from ungrid.testing.toys import tiny_film, tiny_picture


def pictures():
    rng = np.random.default_rng(0)
    return rng.random((14, 17)), rng.random((30, 33))


def disc(shape):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y - shape[0] / 2) ** 2 + (x - shape[1] / 2) ** 2 < 30


def solved_directly(source, target, corner, region, mixed):
    """The discrete Poisson equation of Pérez et al. (2003), (7) and (13), by a sparse direct solver."""
    sparse = pytest.importorskip("scipy.sparse")
    from scipy.sparse.linalg import spsolve

    inside = {place: k for k, place in enumerate(zip(*np.nonzero(region), strict=True))}
    matrix, right = sparse.lil_matrix((len(inside), len(inside))), np.zeros(len(inside))
    for (y, x), k in inside.items():
        for q in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= q[0] < target.shape[0] and 0 <= q[1] < target.shape[1]):
                continue
            wanted = source[y - corner[0], x - corner[1]] - source[q[0] - corner[0], q[1] - corner[1]]
            own = target[y, x] - target[q]
            matrix[k, k] += 1
            right[k] += own if mixed and abs(own) > abs(wanted) else wanted
            if q in inside:
                matrix[k, inside[q]] = -1
            else:
                right[k] += target[q]
    found = target.copy()
    found[region] = spsolve(matrix.tocsr(), right)
    return found


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("corner", [(5, 7), (0, 0), (16, 16)])
def test_a_blend_is_the_direct_solution_of_poissons_equation(mixed, corner):
    source, target = pictures()
    mask = disc(source.shape)
    region = np.zeros(target.shape, dtype=bool)
    region[corner[0] : corner[0] + 14, corner[1] : corner[1] + 17] = mask
    field = ug.blend(source, target, at={"y": corner[0], "x": corner[1]}, mask=mask, mixed=mixed)
    expected = torch.from_numpy(solved_directly(source, target, corner, region, mixed)).float()
    torch.testing.assert_close(field.sample(field.grid())[..., 0].float(), expected, atol=2e-6, rtol=0)


def test_a_part_of_the_target_itself_blends_into_the_target():
    target = tiny_picture(24, 24)
    field = ug.blend(target.values[4:16, 6:20], target, at={"y": 4, "x": 6})
    torch.testing.assert_close(field.sample(field.grid()), target.values, atol=1e-5, rtol=0)


def test_a_brighter_source_takes_the_targets_brightness_and_what_is_around_stays():
    target, source = torch.full((20, 20), 0.3), torch.full((8, 8), 0.9)
    source[3:5, 3:5] = 1.0
    found = ug.blend(source, target, at={"y": 5, "x": 6}).sample(from_array(target).grid)[..., 0]
    assert torch.equal(found[:6], target[:6])
    assert float(found.max()) == pytest.approx(0.4, abs=0.06)
    assert float(found[7, 8]) == pytest.approx(0.3, abs=0.03)


def test_a_rectangle_is_solved_in_one_step():
    source, target = pictures()
    assert ug.blend(source, target, at={"y": 3, "x": 3}).record.fit["steps"] <= 2


def test_gray_goes_into_color_and_the_targets_alpha_and_metadata_stay():
    target = tiny_picture(20, 24, ("r", "g", "b", "a"))
    field = ug.blend(np.eye(8), target, at={"y": 2, "x": 3})
    assert field.record.channels == ("r", "g", "b", "a")
    assert field.record.source == target.source
    assert torch.equal(field.sample(field.grid())[..., 3], target.values[..., 3])


def test_the_sources_alpha_is_its_mask():
    source = torch.rand(8, 8, 4, generator=torch.Generator().manual_seed(0))
    source[..., 3] = torch.from_numpy(np.eye(8) > 0).float()
    assert ug.blend(source, tiny_picture(20, 24), at={"y": 2, "x": 3}).record.fit["pixels"] == 6


def test_a_blend_is_saved_and_cites_its_paper(tmp_path):
    source, target = pictures()
    field = ug.blend(source, target, at={"y": 3, "x": 3})
    field.save(tmp_path / "a.ung")
    assert torch.equal(ug.load(tmp_path / "a.ung").samples, field.samples)
    assert "perez2003poisson" in ug.cite(field)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"at": {"y": 17, "x": 0}}, "leaves the target's 30; expected y from 0 to 16"),
        ({"at": {"y": 0, "x": -1}}, "leaves the target's 33"),
        ({"at": {"y": 0.5, "x": 0}}, "no whole pixel"),
        ({"at": {"y": float("nan"), "x": 0}}, "no whole pixel"),
        ({"at": {"y": 0}}, "expected y and x"),
        ({"mask": np.zeros((14, 17), dtype=bool)}, "no pixel of the source"),
        ({"mask": np.ones((14, 16), dtype=bool)}, "must be equal"),
        ({"source": np.ones((1, 1))}, "no pixel of the source of 1×1"),
        ({"source": np.ones((40, 8))}, "40 pixels along y, the target 30"),
        ({"source": tiny_picture(8, 8)}, "or a gray source"),
        ({"source": tiny_film()}, "kind video"),
    ],
)
def test_what_cannot_be_blended_gets_one_clear_line(change, says):
    source, target = pictures()
    asked = {"source": source, "target": target, "at": {"y": 0, "x": 0}} | change
    with pytest.raises(InputError, match=says) as caught:
        ug.blend(asked.pop("source"), asked.pop("target"), **asked)
    assert "\n" not in str(caught.value)
