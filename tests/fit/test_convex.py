import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fit.convex import admm, conjugate_gradients, power_spectrum
from ungrid.terms.smoothness import AtLeast, TotalVariation
from ungrid.testing.toys import unit_box


def positive_system(n, condition, seed=0):
    """A symmetric positive matrix with eigenvalues from 1 to `condition`, and a right side."""
    rng = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=rng))
    eigenvalues = torch.logspace(0, np.log10(condition), n, dtype=torch.float64)
    return basis @ torch.diag(eigenvalues) @ basis.T, torch.randn(n, dtype=torch.float64, generator=rng)


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e5])
@pytest.mark.parametrize("has_start", [False, True])
def test_the_solution_is_that_of_a_direct_solver(condition, has_start):
    matrix, right = positive_system(20, condition)
    start = torch.ones(20, dtype=torch.float64) if has_start else None
    found = conjugate_gradients(matrix.mv, right, start, max_iterations=200, tolerance=1e-12)
    assert found.relative_residual <= 1e-12
    assert_close(found.values, torch.from_numpy(np.linalg.solve(matrix.numpy(), right.numpy())), rtol=1e-6, atol=1e-8)


def test_as_many_iterations_as_distinct_eigenvalues_suffice():
    diagonal = torch.tensor([1.0, 1.0, 4.0, 4.0, 9.0], dtype=torch.float64)
    found = conjugate_gradients(diagonal.mul, torch.ones(5, dtype=torch.float64), max_iterations=10, tolerance=1e-12)
    assert found.iterations == 3
    assert_close(found.values, 1 / diagonal)


def test_the_inverse_as_preconditioner_takes_one_iteration():
    matrix, right = positive_system(12, 1e4)
    inverse = torch.linalg.inv(matrix)
    found = conjugate_gradients(matrix.mv, right, preconditioner=inverse.mv, max_iterations=9, tolerance=1e-9)
    assert found.iterations == 1


def test_division_by_the_diagonal_helps_where_scales_differ():
    scales = torch.logspace(-3, 3, 40, dtype=torch.float64)
    matrix, right = positive_system(40, 10)
    matrix = scales[:, None] * matrix * scales
    how = {"max_iterations": 60, "tolerance": 1e-10}
    plain = conjugate_gradients(matrix.mv, right, **how)
    scaled = conjugate_gradients(matrix.mv, right, preconditioner=matrix.diagonal().reciprocal().mul, **how)
    assert plain.relative_residual > 1e-3
    assert scaled.relative_residual <= 1e-10


def test_tensors_of_any_shape_are_one_vector():
    matrix, right = positive_system(24, 50)
    flat = conjugate_gradients(matrix.mv, right, max_iterations=50, tolerance=1e-12)
    shaped = conjugate_gradients(
        lambda x: (matrix @ x.reshape(-1)).view(2, 3, 4), right.view(2, 3, 4), max_iterations=50, tolerance=1e-12
    )
    assert_close(shaped.values, flat.values.view(2, 3, 4))


def test_it_stops_at_the_tolerance_and_tells_each_step():
    matrix, right = positive_system(30, 1e3)
    told = []
    found = conjugate_gradients(
        matrix.mv, right, max_iterations=100, tolerance=1e-3, callback=lambda step, residual: told.append((step, residual))
    )
    assert [step for step, _ in told] == list(range(1, found.iterations + 1))
    assert told[-1][1] == found.relative_residual <= 1e-3 < told[-2][1]
    true = (right - matrix @ found.values).norm() / right.norm()
    assert found.relative_residual == pytest.approx(true.item(), rel=1e-6)


def test_few_iterations_are_kept_to_and_a_solution_needs_none():
    matrix, right = positive_system(30, 1e3)
    assert conjugate_gradients(matrix.mv, right, max_iterations=4, tolerance=0.0).iterations == 4
    solution = torch.linalg.solve(matrix, right)
    assert conjugate_gradients(matrix.mv, right, solution, max_iterations=4, tolerance=1e-9).iterations == 0
    assert torch.equal(conjugate_gradients(matrix.mv, right, right, max_iterations=0, tolerance=0.0).values, right)
    zero = conjugate_gradients(matrix.mv, torch.zeros_like(right), right, max_iterations=4, tolerance=0.0)
    assert (zero.values == 0).all()
    assert zero[1:] == (0, 0.0)


def test_neither_start_nor_right_side_is_changed():
    matrix, right = positive_system(10, 10)
    start = torch.ones(10, dtype=torch.float64)
    before = right.clone()
    conjugate_gradients(matrix.mv, right, start, max_iterations=5, tolerance=0.0)
    assert torch.equal(right, before)
    assert (start == 1).all()


def test_a_semidefinite_system_keeps_the_starts_part_of_the_null_space():
    steps = torch.diff(torch.eye(8, dtype=torch.float64), dim=0)
    right = steps.T @ torch.arange(7, dtype=torch.float64)
    start = torch.full((8,), 5.0, dtype=torch.float64)
    found = conjugate_gradients((steps.T @ steps).mv, right, start, max_iterations=20, tolerance=1e-12)
    assert_close(found.values.diff(), torch.arange(7, dtype=torch.float64))
    assert found.values.mean().item() == pytest.approx(5.0)


def test_single_precision_ends_where_rounding_begins():
    matrix, right = positive_system(50, 1e4)
    found = conjugate_gradients(matrix.float().mv, right.float(), max_iterations=2_000, tolerance=0.0)
    assert found.values.dtype == torch.float32
    assert_close(found.values.double(), torch.linalg.solve(matrix, right), rtol=0, atol=1e-2)


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_an_operator_that_is_not_positive_is_refused(factor):
    diagonal = torch.tensor([1.0, 2.0, factor], dtype=torch.float64)
    with pytest.raises(InputError, match="the operator is not positive definite"):
        conjugate_gradients(diagonal.mul, torch.ones(3, dtype=torch.float64), max_iterations=9, tolerance=0.0)


def test_a_preconditioner_that_is_not_positive_is_refused():
    with pytest.raises(InputError, match="the preconditioner is not positive definite"):
        conjugate_gradients(torch.clone, torch.ones(3), preconditioner=torch.neg, max_iterations=9, tolerance=0.0)


GRID = Grid(unit_box(2), (20, 24))


def noisy_step(seed=0):
    """A step with noise, and the step."""
    clean = torch.zeros(20, 24, 1)
    clean[:, 12:] = 1.0
    return clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed)), clean


def test_admm_minimizes_total_variation_as_far_as_a_slow_method_does():
    noisy, _ = noisy_step()
    term, factor = TotalVariation(GRID, 1.0), 0.2

    def objective(x):
        return float((x - noisy).square().sum() / 2 + factor * term.apply(x).square().sum((0, -1)).sqrt().sum())

    dual = term.apply(noisy) * 0  # the projected gradient of Chambolle's dual, until it stands still
    for _ in range(3000):
        dual = dual - 0.125 * term.apply(term.adjoint(dual) - noisy)
        dual = dual / (dual.square().sum((0, -1), keepdim=True).sqrt() / factor).clamp_min(1.0)
    found = admm(lambda x: x, noisy, [(term, factor)], max_iterations=400, tolerance=1e-6)
    assert objective(found.values) <= objective(noisy - term.adjoint(dual)) * (1 + 1e-4)


def test_a_bound_is_kept_beside_another_penalty():
    noisy, clean = noisy_step()
    bounded = admm(lambda x: x, noisy, [(TotalVariation(GRID, 1.0), 0.2), (AtLeast(GRID, 0.0), 0.0)], max_iterations=300)
    assert bounded.values.min() > -1e-3
    assert (bounded.values - clean).square().mean() < (noisy - clean).square().mean() / 8


def test_admm_can_be_stopped_and_says_how_far_it_came():
    noisy, _ = noisy_step()
    found = admm(lambda x: x, noisy, [(TotalVariation(GRID, 1.0), 0.2)], callback=lambda iteration, residual: iteration == 3)
    assert found.iterations == 3
    assert found.relative_residual > 1e-4


def test_the_spectrum_of_a_convolution_is_found_exactly():
    factor = 1 / (1 + torch.fft.fftfreq(20)[:, None].abs() + torch.fft.rfftfreq(24)[None])
    apply = lambda x: torch.fft.irfftn(torch.fft.rfftn(x, dim=(0, 1)) * factor[..., None], s=(20, 24), dim=(0, 1))  # noqa: E731
    assert_close(power_spectrum(apply, torch.zeros(20, 24, 1)), factor, rtol=1e-4, atol=1e-5)
