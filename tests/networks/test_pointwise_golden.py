"""Networks that act on each coordinate alone, against `golden/make_pointwise_networks.py`, which knows only the formulas."""

import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.networks import NETWORKS
from ungrid.spec import from_spec

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "pointwise_networks.json").read_text(encoding="utf-8"))


def golden_network(entry, dtype):
    network = from_spec({"type": entry["network"], **entry["arguments"]}, NETWORKS).to(dtype)
    weights = {name: torch.tensor(values, dtype=dtype) for name, values in entry["weights"].items()}
    network.load_state_dict(weights)
    return network


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", GOLDEN)
def test_every_pointwise_network_is_its_formula(name, dtype, atol):
    entry = GOLDEN[name]
    coords, expected = (torch.tensor(entry[key], dtype=dtype) for key in ("coords", "values"))
    assert_close(golden_network(entry, dtype)(coords), expected, atol=atol, rtol=0)


@pytest.mark.parametrize("name", GOLDEN)
def test_every_pointwise_network_may_be_stacked_over_its_weights(name):
    network = golden_network(GOLDEN[name], torch.float64)
    coords = torch.tensor(GOLDEN[name]["coords"], dtype=torch.float64)
    stacks = {key: torch.stack([weight, 0.5 * weight]) for key, weight in network.state_dict().items()}
    values = torch.func.vmap(lambda weights: torch.func.functional_call(network, weights, (coords,)))(stacks)
    halved = {key: 0.5 * weight for key, weight in network.state_dict().items()}
    assert_close(values[0], network(coords))
    assert_close(values[1], torch.func.functional_call(network, halved, (coords,)))
