import subprocess
import sys

import pytest
import torch
from torch import nn

from ungrid.fit.adam import Adam

SETTINGS = {"learning_rate": 0.05, "betas": (0.8, 0.95), "epsilon": 1e-6, "weight_decay": 0.1}


def weights():
    rng = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=rng)) for shape in [(5, 3), (7,)]]


def descend(optimizer, parameters, steps):
    for step in range(steps):
        optimizer.zero_grad()
        sum(((p - step) ** 2).sum() for p in parameters).backward()
        optimizer.step()


@pytest.mark.parametrize("decoupled", [False, True])
def test_it_takes_the_steps_of_pytorchs_optimizer(decoupled):
    ours, theirs = weights(), weights()
    peer = (torch.optim.AdamW if decoupled else torch.optim.Adam)(
        theirs, lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, fused=True
    )
    descend(Adam(ours, decoupled=decoupled, **SETTINGS), ours, 5)
    descend(peer, theirs, 5)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_it_goes_on_from_its_state_to_the_same_bits():
    whole, parts = weights(), weights()
    descend(Adam(whole, **SETTINGS), whole, 2)
    first, second = Adam(parts, **SETTINGS), Adam(parts, **(SETTINGS | {"learning_rate": 9.0}))
    descend(first, parts, 2)
    second.load_state_dict(first.state_dict())
    first.moments[0]["exp_avg"].zero_()  # no longer any concern of the second
    descend(second, parts, 2)
    again = Adam(whole, **SETTINGS)
    assert not torch.equal(whole[0], parts[0])
    other = weights()
    reference = Adam(other, **SETTINGS)
    descend(reference, other, 2)
    descend(reference, other, 2)
    assert all(torch.equal(one, two) for one, two in zip(parts, other, strict=True))
    assert again.state_dict()["moments"] == [{}, {}]


def test_parameters_without_gradients_stay_where_they_are():
    a, b = weights()
    before = b.detach().clone()
    optimizer = Adam([a, b], **SETTINGS)
    a.sum().backward()
    optimizer.step()
    assert torch.equal(b, before)
    optimizer.zero_grad(set_to_none=False)
    assert float(a.grad.abs().sum()) == 0


def test_a_fit_does_not_load_the_compiler():
    code = (
        "import sys, numpy, ungrid as ug; ug.fit(numpy.random.default_rng(0).random((12, 12)), steps=3, callbacks=[]);"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
