"""What only the native kernels of the multilayer perceptron do; that they agree is in test_mlp."""

import ctypes
import os
import signal

import pytest
import torch

from ungrid.errors import MachineError
from ungrid.kernels.activations import Pointwise
from ungrid.kernels.mlp_native import Call, NativeEngine
from ungrid.kernels.native_library import available, library

needs_kernels = pytest.mark.skipif(not available(), reason="no native kernels are built here")
SINES = Pointwise("sine", (3.0,), "none")


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.delenv("UNGRID_KERNELS", raising=False)
    return NativeEngine(library())


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def network(n=2000, groups=1):
    """Points and parameters of networks with one hidden layer."""
    rng = torch.Generator().manual_seed(0)
    shapes = [(groups, 20, 2), (groups, 3, 20), (groups, 20), (groups, 3)]
    return torch.rand(n, 2, generator=rng), [torch.rand(*shape, generator=rng) - 0.5 for shape in shapes]


def both_passes(engine, points, parameters, bounds):
    passed = engine.forward(points, parameters, bounds, SINES, keep=True)
    grads = torch.ones_like(passed[0])
    back = engine.backward(points, parameters, bounds, SINES, passed=passed, grad_values=grads, wanted=(True, True))
    return [passed[0], back[0], *back[1]]


@needs_kernels
def test_with_no_fewer_groups_than_threads_the_bits_do_not_depend_on_the_threads(engine, two_threads):
    bounds = torch.tensor([0, 700, 700, 900, 2000])
    two = both_passes(engine, *network(groups=4), bounds)
    torch.set_num_threads(1)
    for first, second in zip(both_passes(engine, *network(groups=4), bounds), two, strict=True):
        assert torch.equal(first, second)


@needs_kernels
def test_without_bounds_all_points_are_one_group(engine):
    points, parameters = network()
    single = [parameter[0] for parameter in parameters]
    for got, expected in zip(
        both_passes(engine, points, single, None), both_passes(engine, points, parameters, torch.tensor([0, 2000])), strict=True
    ):
        assert torch.equal(got, expected.view_as(got))


@needs_kernels
def test_only_what_was_asked_for_is_kept(engine):
    points, parameters = network(10)
    bounds = torch.tensor([0, 10])
    values, kept = engine.forward(points, parameters, bounds, SINES, keep=False)
    again, more = engine.forward(points, parameters, bounds, SINES, keep=True)
    assert torch.equal(values, again)
    assert kept.numel() == 0
    assert more.numel() >= 10 * 20
    back = engine.backward(
        points, parameters, bounds, SINES, passed=(again, more), grad_values=torch.ones(10, 3), wanted=(False, False)
    )
    assert back == (None, None)


@needs_kernels
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own(engine, two_threads):
    points, parameters = network()
    bounds = torch.tensor([0, len(points)])
    expected, _ = engine.forward(points, parameters, bounds, SINES, keep=False)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that waits for its parent's threads dies
        os._exit(0 if torch.equal(engine.forward(points, parameters, bounds, SINES, keep=False)[0], expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_kernel_that_stops_is_an_error():
    stub = ctypes.CDLL(None)
    stub.ungrid_mlp_kept = lambda call: 0
    stub.ungrid_mlp_forward = lambda call: 1
    with pytest.raises(MachineError, match="a native kernel stopped: out of memory"):
        NativeEngine(stub).forward(*network(4), torch.tensor([0, 4]), SINES, keep=False)


def test_the_call_has_only_fields_of_eight_bytes():
    assert ctypes.sizeof(Call) == 8 * len(Call._fields_)
