import pytest
import torch
from torch.testing import assert_close

from ungrid.differentiate import curl, divergence, gradient, hessian, jacobian, laplacian
from ungrid.encodings import ENCODINGS
from ungrid.encodings.identity import Identity
from ungrid.errors import ShapeError
from ungrid.fields.encoded import EncodedField
from ungrid.networks import NETWORKS
from ungrid.networks.mlp import Mlp
from ungrid.testing.examples import ENCODING_EXAMPLES, NETWORK_EXAMPLES, encoded_field, example
from ungrid.testing.toys import gaussian_bump, plane_wave, unit_box

OPERATORS = [gradient, jacobian, laplacian, hessian]
STEP = 1e-4


def coords_in(box, n=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return box.denormalize(0.9 * (2 * torch.rand(n, box.dim, generator=rng, dtype=torch.float64) - 1))


def fields(out_dim, in_dim=2):
    """A field through every encoding and every network of the tables, weights large enough for visible derivatives."""
    made = {
        f"encoding {name}": encoded_field(example(name, ENCODING_EXAMPLES, ENCODINGS)(in_dim, 0), out_dim) for name in ENCODINGS
    }
    box = unit_box(in_dim)
    for name in NETWORKS:
        made[f"network {name}"] = EncodedField(
            box, Identity(in_dim), example(name, NETWORK_EXAMPLES, NETWORKS)(in_dim, out_dim, 0)
        )
    for field in made.values():
        field.double()
        for parameter in field.parameters():
            if parameter.abs().max() < 1e-2:
                parameter.data.mul_(0.5 / parameter.abs().max())
    return made


NAMES = list(fields(1))


def differences(function, coords, step=STEP):
    """∂function/∂coords [..., d] by central differences of fourth order."""
    columns = []
    for axis in range(coords.shape[-1]):
        h = torch.zeros(coords.shape[-1], dtype=coords.dtype)
        h[axis] = step
        near, far = function(coords + h) - function(coords - h), function(coords + 2 * h) - function(coords - 2 * h)
        columns.append((8 * near - far) / (12 * step))
    return torch.stack(columns, dim=-1)


@pytest.mark.parametrize("known", [plane_wave((1.5, -2.0, 0.3), 0.4), gaussian_bump((0.1, -0.2, 0.3), 0.7)])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (0, 3), (2, 2, 3)])
def test_derivatives_of_a_wave_and_a_bump_are_their_closed_forms(known, shape):
    coords = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 0.5
    assert_close(gradient(known, coords), known.gradient(coords))
    assert_close(jacobian(known, coords), known.gradient(coords))
    assert_close(laplacian(known, coords), known.laplacian(coords))
    assert_close(hessian(known, coords), known.hessian(coords))


@pytest.mark.parametrize("name", NAMES)
def test_first_and_second_derivatives_agree_with_finite_differences(name):
    field = fields(2)[name]
    coords = coords_in(field.box)
    assert_close(gradient(field, coords), differences(field, coords), rtol=1e-6, atol=1e-8)
    second = differences(lambda points: gradient(field, points), coords)
    assert_close(hessian(field, coords), second, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_laplacian_is_the_trace_of_the_hessian_which_is_symmetric(name):
    field = fields(2)[name]
    coords = coords_in(field.box)
    matrices = hessian(field, coords)
    assert_close(laplacian(field, coords), matrices.diagonal(dim1=-2, dim2=-1).sum(dim=-1))
    assert_close(matrices, matrices.mT)


@pytest.mark.parametrize("name", NAMES)
def test_divergence_and_curl_are_sums_and_differences_of_the_jacobian(name):
    field = fields(3, in_dim=3)[name]
    coords = coords_in(field.box)
    slopes = differences(field, coords)
    expected = torch.stack(
        [slopes[:, 2, 1] - slopes[:, 1, 2], slopes[:, 0, 2] - slopes[:, 2, 0], slopes[:, 1, 0] - slopes[:, 0, 1]], -1
    )
    assert_close(divergence(field, coords), slopes.diagonal(dim1=-2, dim2=-1).sum(dim=-1, keepdim=True), rtol=1e-6, atol=1e-8)
    assert_close(curl(field, coords), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("in_dim", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_the_curl_of_a_gradient_is_zero_and_its_divergence_the_laplacian(name, in_dim):
    field = fields(1, in_dim)[name]
    coords = coords_in(field.box)

    def slope(points):
        return gradient(field, points)[..., 0, :]

    zero = torch.zeros(len(coords), 1 if in_dim == 2 else 3, dtype=torch.float64)
    assert_close(curl(slope, coords), zero, rtol=0, atol=1e-9)
    assert_close(divergence(slope, coords), laplacian(field, coords))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_every_derivative_can_be_fitted_to(name, operator):
    field = fields(1)[name]
    coords = coords_in(field.box, n=2)
    parameters = [p for p in field.network.parameters() if p.numel() > 1][:1]
    (exact,) = torch.autograd.grad(operator(field, coords).square().sum(), parameters, allow_unused=True, materialize_grads=True)
    weight = parameters[0].data.view(-1)
    value, ends = weight[0].item(), []
    for step in (1e-5, -1e-5):
        weight[0] = value + step
        ends.append(operator(field, coords).square().sum().item())
    assert_close(exact.view(-1)[0].item(), (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_derivative_without_gradients_is_detached_and_the_same(operator):
    field = fields(2)["network Siren"]
    coords = coords_in(field.box)
    with torch.no_grad():
        bare = operator(field, coords)
    assert not bare.requires_grad
    assert_close(bare, operator(field, coords).detach())


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_coords_are_left_as_they_are(operator):
    coords = torch.zeros(2, 2, dtype=torch.float64)
    operator(plane_wave((1.0, 2.0)), coords)
    assert not coords.requires_grad
    assert coords.grad is None


@pytest.mark.parametrize("operator", OPERATORS)
def test_derivatives_by_the_coords_flow_through_a_derivative(operator):
    known = plane_wave((1.5, -2.0))
    coords = torch.rand(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda points: operator(known, points), coords)


def test_a_field_that_is_constant_or_linear_has_derivatives_of_zero():
    coords = torch.rand(3, 2, dtype=torch.float64)
    linear = torch.tensor([[2.0], [3.0]], dtype=torch.float64)
    assert gradient(lambda points: torch.ones_like(points[..., :1]), coords).eq(0).all()
    assert_close(gradient(lambda points: points @ linear, coords), linear.T.expand(3, 1, 2))
    assert laplacian(lambda points: points @ linear, coords).eq(0).all()
    assert hessian(lambda points: points @ linear, coords).eq(0).all()


def test_a_relu_network_has_no_laplacian():
    field = EncodedField(unit_box(2), Identity(2), Mlp(2, 1, 8, depth=2)).double()
    assert laplacian(field, coords_in(field.box)).eq(0).all()


@pytest.mark.parametrize(("operator", "in_dim", "out_dim"), [(divergence, 2, 3), (curl, 2, 1), (curl, 3, 2), (curl, 1, 1)])
def test_a_vector_operator_refuses_what_is_no_vector_field(operator, in_dim, out_dim):
    field = encoded_field(Identity(in_dim), out_dim).double()
    with pytest.raises(ShapeError, match="one channel per axis"):
        operator(field, coords_in(field.box))


def test_divergence_and_curl_of_a_rotation_and_a_source():
    coords = torch.rand(5, 3, dtype=torch.float64)

    def rotation(points):
        x, y, z = points.unbind(-1)
        return torch.stack([-y, x, 0 * z], dim=-1)

    assert_close(curl(rotation, coords), torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64).expand(5, 3))
    assert divergence(rotation, coords).eq(0).all()
    assert_close(divergence(lambda points: points * 1.0, coords), torch.full((5, 1), 3.0, dtype=torch.float64))
    assert_close(
        curl(lambda points: rotation(torch.cat([points, 0 * points[..., :1]], -1))[..., :2], coords[:, :2])[:, 0].mean().item(),
        2.0,
    )
