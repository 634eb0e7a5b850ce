import json

import pytest
import torch

from ungrid.fit.orders import ORDERS


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_draws_indices_below_n(name):
    order, rng = ORDERS[name](), generator()
    for _ in range(20):
        index = order.draw(17, 5, rng)
        assert index.shape == (5,)
        assert index.dtype == torch.int64
        assert 0 <= index.min() <= index.max() < 17


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_is_the_same_for_the_same_seed_and_another_for_another(name):
    def drawn(seed):
        order, rng = ORDERS[name](), generator(seed)
        return torch.cat([order.draw(1000, 50, rng) for _ in range(4)])

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


@pytest.mark.parametrize("stop", [0, 1, 3, 4, 9])
@pytest.mark.parametrize("name", ORDERS)
def test_every_order_continues_from_a_state_that_went_through_json(name, stop):
    order, rng = ORDERS[name](), generator()
    for _ in range(stop):
        order.draw(23, 6, rng)
    resumed, resumed_rng = ORDERS[name](), generator()
    resumed.restore(json.loads(json.dumps(order.state())))
    resumed_rng.set_state(rng.get_state())
    for _ in range(8):
        assert torch.equal(resumed.draw(23, 6, resumed_rng), order.draw(23, 6, rng))


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_draws_from_more_indices_when_it_is_told_of_them(name):
    order, rng = ORDERS[name](), generator()
    order.draw(5, 3, rng)
    order.lengthen(12)
    assert set(torch.cat([order.draw(12, 4, rng) for _ in range(60)]).tolist()) == set(range(12))


@pytest.mark.parametrize("name", ORDERS)
def test_no_order_draws_from_the_global_generator(name):
    before = torch.get_rng_state()
    ORDERS[name]().draw(23, 6, generator())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_reaches_every_index(name):
    order, rng = ORDERS[name](), generator()
    seen = torch.cat([order.draw(12, 4, rng) for _ in range(60)])
    assert set(seen.tolist()) == set(range(12))
