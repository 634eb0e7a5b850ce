"""What every encoding, network and field promises, as checks that raise AssertionError with what is broken.

An author of an extension calls the check of the kind in a test of their own; the parts of ungrid are checked through
their folders' name tables. A maker builds the part small, with few parameters, and smooth enough that two derivatives
exist at random coordinates.
"""

import copy
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from ungrid.domain import DOMAINS
from ungrid.domain.grid import Grid
from ungrid.encodings import ENCODINGS
from ungrid.encodings.base import Encoding
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError, ShapeError
from ungrid.fields import FIELDS
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.storage import load_field, save_field
from ungrid.networks import GRID_NETWORKS, NETWORKS
from ungrid.networks.base import Network
from ungrid.spec import from_spec, to_spec
from ungrid.testing.examples import encoded_field
from ungrid.testing.tolerances import assert_same_bits, assert_same_up_to_rounding
from ungrid.testing.toys import unit_box

LEADING_AXES = [(), (1,), (5,), (0,), (2, 3), (2, 0, 3), (1, 2, 1, 2)]


def check_encoding(make: Callable[[int, int], Encoding], in_dims: Iterable[int] = (1, 2, 3)) -> None:
    """Check an encoding's contract.

    Args:
        make: (in_dim, seed) → the encoding; one that draws no random numbers ignores the seed.
        in_dims: numbers of axes to check it on.
    """
    for in_dim in in_dims:

        def build(seed: int, in_dim: int = in_dim) -> Encoding:
            return make(in_dim, seed)

        _check_part(build, in_dim)
        _check_axes_and_octaves(build(0), in_dim)
        _check_file(encoded_field(build(0)))


def check_network(make: Callable[[int, int, int], Network], sizes: Iterable[tuple[int, int]] = ((1, 1), (3, 2))) -> None:
    """Check a network's contract.

    Args:
        make: (in_dim, out_dim, seed) → the network; one that draws no random numbers ignores the seed.
        sizes: (in_dim, out_dim) to check it on; in_dim at most 4.
    """
    for in_dim, out_dim in sizes:

        def build(seed: int, in_dim: int = in_dim, out_dim: int = out_dim) -> Network:
            return make(in_dim, out_dim, seed)

        _check_part(build, in_dim)
        network = build(0)
        assert network.out_dim == out_dim, f"asked for {out_dim} channels, out_dim is {network.out_dim}"
        assert network.width_sum() > 0, "width_sum is 0, so memory cannot be bounded"
        _check_file(EncodedField(unit_box(in_dim), Identity(in_dim), network))


def check_field(field: Field) -> None:
    """Check a field's contract; it is left as it was. Its grid, if it has a record, is not asked for."""
    field = copy.deepcopy(field)
    coords = random_coords(field, (7,))
    check_leading_axes(field, lambda leading: random_coords(field, leading), field.out_dim)
    check_input_is_left_alone(field, coords)
    check_tensors_are_registered(field)
    check_dtype_and_device(field, coords)
    check_vmap(field, coords)
    check_derivatives(field, coords[:3])
    check_smoothness(field)
    check_spec(field)
    _check_coords_of_a_field(field)
    _check_grids_of_a_field(field)
    _check_file(field)
    assert sum(field.outputs.values()) == field.out_dim, f"outputs {field.outputs} do not add up to out_dim {field.out_dim}"
    assert field.bytes_per_point() > 0, "bytes_per_point is 0, so memory cannot be bounded"


def random_coords(part: nn.Module, leading: Sequence[int], *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Coords [*leading, in_dim] inside a field's box, or in [-1, 1] for another part, away from its border."""
    rng = torch.Generator().manual_seed(seed)
    in_dim: int = part.in_dim  # type: ignore[assignment]
    unit = 0.95 * (2 * torch.rand((*leading, in_dim), generator=rng, dtype=torch.float64) - 1)
    return (part.box.denormalize(unit) if isinstance(part, Field) else unit).to(dtype)


def check_leading_axes(part: nn.Module, coords_of: Callable[[Sequence[int]], Tensor], out_dim: int) -> None:
    """Any number of leading axes, none and empty ones too, and the same values however they are arranged."""
    for leading in LEADING_AXES:
        found = tuple(part(coords_of(leading)).shape)
        assert found == (*leading, out_dim), f"coords with leading axes {leading} gave {found}, expected {(*leading, out_dim)}"
    coords = coords_of((2, 3))
    flat = part(coords.flatten(0, 1)).unflatten(0, (2, 3))
    assert_same_up_to_rounding(part(coords), flat, slack=10.0)
    assert_same_up_to_rounding(part(coords[1, 2]), flat[1, 2], slack=10.0)
    assert_same_up_to_rounding(part(coords.transpose(0, 1)), flat.transpose(0, 1), slack=10.0)


def check_input_is_left_alone(part: nn.Module, coords: Tensor) -> None:
    """Evaluation changes neither its argument nor the part, and gives the same bits twice."""
    given, state = coords.clone(), _copied_state(part)
    first = part(coords)
    assert_same_bits(coords, given)
    assert not coords.requires_grad, "evaluation made its argument require gradients"
    _assert_same_states(part.state_dict(), state)
    assert_same_bits(part(coords), first)


def check_tensors_are_registered(part: nn.Module) -> None:
    """Every tensor is a parameter or a persistent buffer, so that it moves and saves with the part."""
    for name, module in part.named_modules():
        hidden = sorted(key for key, value in vars(module).items() if isinstance(value, Tensor))
        assert not hidden, f"{name or type(part).__name__} keeps the tensors {hidden} without registering them"
        lost = sorted(module._non_persistent_buffers_set)
        assert not lost, f"{name or type(part).__name__} has the non-persistent buffers {lost}, which a file would lose"


def check_dtype_and_device(part: nn.Module, coords: Tensor) -> None:
    """Values have the dtype and device of coords and part: float32, float64, the meta device, CUDA where there is one."""
    for dtype in (torch.float32, torch.float64):
        found = copy.deepcopy(part).to(dtype)(coords.to(dtype)).dtype
        assert found == dtype, f"coords of {dtype} gave values of {found}"
    for device in ["meta", *(["cuda"] if torch.cuda.is_available() else [])]:
        values = copy.deepcopy(part).to(device)(coords.to(device))
        assert values.device.type == device, f"coords on {device} gave values on {values.device}"


def check_vmap(part: nn.Module, coords: Tensor) -> None:
    """`torch.func.vmap` over coords [n, d] gives what the batch gives, and so do its reverse-mode derivatives."""
    assert_same_up_to_rounding(torch.func.vmap(part)(coords), part(coords), slack=10.0)
    slopes = torch.func.vmap(torch.func.jacrev(part))(coords)
    assert slopes.shape == (*part(coords).shape, coords.shape[-1]), f"vmap of jacrev gave {tuple(slopes.shape)}"


def check_derivatives(part: nn.Module, coords: Tensor) -> None:
    """First and second derivatives by coords, first by parameters, against finite differences in float64."""
    part = _enlivened(copy.deepcopy(part).double())
    points = coords.detach().double().requires_grad_(True)
    assert gradcheck(part, (points,)), "first derivatives by the coords are wrong"
    assert gradgradcheck(part, (points,)), "second derivatives by the coords are wrong"
    names = [name for name, _ in part.named_parameters()]

    def of_parameters(*parameters: Tensor) -> Tensor:
        values: Tensor = torch.func.functional_call(part, dict(zip(names, parameters, strict=True)), (points.detach(),))
        return values

    if names:
        assert gradcheck(of_parameters, tuple(part.parameters())), "derivatives by the parameters are wrong"


def check_smoothness(part: nn.Module, segments: int = 2) -> None:
    """As many derivatives as `smoothness` says, at most two, are continuous: along a line, their jumps shrink with the steps."""
    part = _enlivened(copy.deepcopy(part).double())
    smoothness = float(part.smoothness)  # type: ignore[arg-type]
    assert smoothness >= -1, f"smoothness is {smoothness}, expected the number of continuous derivatives, or -1 for jumps"
    ends = random_coords(part, (2 * segments,), dtype=torch.float64).unflatten(0, (2, segments))
    for order in range(int(min(smoothness, 2)) + 1):
        coarse, fine = (_largest_jump(part, ends, order, n) for n in (512, 2048))
        assert fine <= 0.5 * coarse + 1e-9, f"smoothness is {smoothness}, but derivative {order} jumps by {fine:.3g}"


def check_spec(part: nn.Module) -> None:
    """The spec is plain JSON, and builds the part again: the same spec, the same names and shapes."""
    spec = json.loads(json.dumps(to_spec(part), allow_nan=False))
    again = from_spec(spec, known_parts(part))
    assert to_spec(again) == spec, f"rebuilt from its spec, the part says {to_spec(again)} and not {spec}"
    shapes = {name: tuple(tensor.shape) for name, tensor in again.state_dict().items()}
    assert shapes == {name: tuple(tensor.shape) for name, tensor in part.state_dict().items()}


def check_seed(make: Callable[[int], nn.Module]) -> None:
    """The same seed gives the same bits whatever the global seed, which is neither read nor moved; another seed, others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = make(3)
        first(random_coords(first, (4,)))
        assert torch.equal(torch.get_rng_state(), before), "building or evaluating draws from the global generator"
        torch.manual_seed(2)
        again, other = make(3), make(4)
    _assert_same_states(again.state_dict(), first.state_dict())
    if any(hasattr(module, "seed") for module in first.modules()):
        same = all(map(torch.equal, other.state_dict().values(), first.state_dict().values()))
        assert not same, "two seeds gave the same bits"


def check_meta(make: Callable[[int], nn.Module]) -> None:
    """On the meta device the part is built without allocating, with the same names, shapes and dtypes."""
    real = make(0).state_dict()
    with torch.device("meta"):
        hollow = make(0).state_dict()
    for name, tensor in hollow.items():
        assert tensor.is_meta, f"{name} is created on {tensor.device} even under torch.device('meta')"
    found = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in hollow.items()}
    assert found == {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in real.items()}


def known_parts(part: nn.Module | None = None) -> dict[str, type]:
    """All parts that a spec of ungrid's may name, and the types that this part is made of."""
    own = {type(module).__name__: type(module) for module in part.modules()} if part is not None else {}
    return {**DOMAINS, **ENCODINGS, **NETWORKS, **GRID_NETWORKS, **FIELDS, **own}


def _check_part(make: Callable[[int], Any], in_dim: int) -> None:
    """What encodings and networks have in common."""
    part = make(0)
    assert part.in_dim == in_dim, f"asked for in_dim {in_dim}, got {part.in_dim}"
    coords = random_coords(part, (7,))
    check_leading_axes(part, lambda leading: random_coords(part, leading), part.out_dim)
    check_input_is_left_alone(part, coords)
    check_tensors_are_registered(part)
    check_dtype_and_device(part, coords)
    check_vmap(part, coords)
    check_derivatives(part, coords[:3])
    check_smoothness(part)
    check_spec(part)
    check_seed(make)
    check_meta(make)


def _check_axes_and_octaves(encoding: Encoding, in_dim: int) -> None:
    axes = [torch.linspace(-0.9, 0.8, 3 + axis) for axis in range(in_dim)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    assert_same_up_to_rounding(encoding.on_axes(axes), encoding(points), slack=10.0)
    octaves = encoding.octaves()
    if octaves is not None:
        assert octaves.shape == (encoding.out_dim,), f"{tuple(octaves.shape)} octaves for {encoding.out_dim} features"
        assert bool((octaves >= 0).all()), f"octaves count from the encoding's lowest; got {octaves.tolist()}"


def _check_coords_of_a_field(field: Field) -> None:
    """Numbers become coords of the field's dtype; wrong ones are refused and never cast."""
    own = next(field.parameters()).dtype
    coords = random_coords(field, (2,), dtype=own)
    assert_same_bits(field(coords.tolist()), field(coords))
    assert_same_bits(field(coords.numpy()), field(coords))
    other = torch.float64 if own == torch.float32 else torch.float32
    if field.coords_dtype == own:
        _assert_refused(field, coords.to(other), InputError)
    _assert_refused(field, torch.zeros(3, field.in_dim + 1, dtype=own), ShapeError)


def _check_grids_of_a_field(field: Field) -> None:
    """`on` and `sample` give the array of a grid, in the order of its axes, whatever the chunks."""
    grid = Grid(field.box, tuple(range(3, 3 + field.in_dim)))
    values = field(grid.points())
    assert tuple(values.shape) == (*grid.shape, field.out_dim)
    assert_same_up_to_rounding(field.on(grid), values, slack=50.0)
    for max_memory in (None, 1, 5 * field.bytes_per_point()):
        sampled = field.sample(grid, max_memory=max_memory)
        assert not sampled.requires_grad, "sampled values carry gradients"
        assert_same_up_to_rounding(sampled, values.detach(), slack=50.0)


def _check_file(field: Field) -> None:
    """Written to a `.ung` file and read back, in float32 and float64, the field has the same spec and the same bits."""
    with tempfile.TemporaryDirectory() as folder:
        for dtype in (torch.float32, torch.float64):
            saved, path = copy.deepcopy(field).to(dtype), Path(folder, "field.ung")
            save_field(saved, path, version="0")
            loaded = load_field(path, known_parts(field))
            assert to_spec(loaded) == to_spec(saved), "the file changed the spec"
            _assert_same_states(loaded.state_dict(), saved.state_dict())
            coords = random_coords(field, (5,), dtype=dtype)
            assert_same_bits(loaded(coords), saved(coords))
            fitted = [parameter.requires_grad for parameter in saved.parameters()]
            assert fitted == [parameter.requires_grad for parameter in loaded.parameters()], "the file changed what is frozen"
            assert any(fitted), "a loaded field cannot be fitted further"


def _assert_refused(field: Field, coords: Tensor, error: type[Exception]) -> None:
    try:
        field(coords)
    except error:
        return
    raise AssertionError(f"coords of {coords.dtype} and shape {tuple(coords.shape)} were taken; expected {error.__name__}")


def _largest_jump(part: nn.Module, ends: Tensor, order: int, n_steps: int) -> float:
    """Of a derivative along straight lines between pairs of points [2, segments, d], from one of n_steps places to the next."""
    at = torch.linspace(0, 1, n_steps, dtype=torch.float64).requires_grad_(True)
    jump = 0.0
    for start, end in ends.unbind(1):
        values = part(start + at[:, None] * (end - start)).mean(dim=-1)
        for _ in range(order):
            if not values.requires_grad:  # nothing is left to differentiate: a constant, whose slope is 0
                return jump
            (values,) = torch.autograd.grad(values.sum(), at, create_graph=True)
        jump = max(jump, float(values.detach().diff().abs().max()))
    return jump


def _enlivened(part: nn.Module) -> nn.Module:
    """The part, parameters that start near zero scaled up: a wrong derivative is then larger than gradcheck's tolerance."""
    with torch.no_grad():
        for parameter in part.parameters():
            largest = float(parameter.abs().max()) if parameter.numel() else 0.0
            if 0 < largest < 1e-2:
                parameter.mul_(0.5 / largest)
    return part


def _copied_state(part: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in part.state_dict().items()}


def _assert_same_states(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(actual) == list(expected), f"the tensors are {list(actual)}, expected {list(expected)}"
    for name, tensor in actual.items():
        assert tensor.dtype == expected[name].dtype, f"{name} is {tensor.dtype}, expected {expected[name].dtype}"
        assert torch.equal(tensor, expected[name]), f"{name} is not the same bits"


__all__ = [
    "check_derivatives",
    "check_dtype_and_device",
    "check_encoding",
    "check_field",
    "check_input_is_left_alone",
    "check_leading_axes",
    "check_meta",
    "check_network",
    "check_seed",
    "check_smoothness",
    "check_spec",
    "check_tensors_are_registered",
    "check_vmap",
    "known_parts",
    "random_coords",
]
