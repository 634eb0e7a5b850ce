import torch
from torch import nn

from ungrid.fit.conjugate import ConjugateGradients


def solve(steps, *, scaled=False, n=12):
    rng = torch.Generator().manual_seed(0)
    root = torch.randn(n, n, generator=rng, dtype=torch.float64)
    matrix = root @ root.T + torch.eye(n, dtype=torch.float64)
    if scaled:
        spread = torch.logspace(-3, 3, n, dtype=torch.float64)
        matrix = torch.eye(n, dtype=torch.float64) * 2 + 0.5 / n
        matrix = spread[:, None] * matrix * spread
    truth = torch.ones(n, dtype=torch.float64)
    x = nn.Parameter(torch.zeros(n, dtype=torch.float64))
    if scaled:
        x.curvature = matrix.diag()
    optimizer = ConjugateGradients([x])

    def loss():
        optimizer.zero_grad()
        value = 0.5 * (x - truth) @ matrix @ (x - truth)
        value.backward()
        return float(value.detach())

    for _ in range(steps):
        optimizer.step(loss)
    return x.detach(), truth, optimizer


def test_n_steps_solve_n_unknowns():
    found, truth, _ = solve(12)
    torch.testing.assert_close(found, truth, atol=1e-6, rtol=0)
    assert (solve(5)[0] - truth).abs().max() > 1e-3


def test_the_curvature_makes_unequal_scales_equal():
    found, truth, _ = solve(4, scaled=True)
    torch.testing.assert_close(found, truth, atol=1e-6, rtol=0)


def test_a_saved_state_goes_on_where_it_was():
    _, _, optimizer = solve(3)
    again = ConjugateGradients([nn.Parameter(torch.zeros(12, dtype=torch.float64))])
    again.load_state_dict(optimizer.state_dict())
    (one,), (other,) = optimizer.state.values(), again.state.values()
    assert torch.equal(one["direction"], other["direction"])
    assert again.param_groups[0]["slope"] == optimizer.param_groups[0]["slope"]
