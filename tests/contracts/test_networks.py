import pytest

from ungrid.networks import NETWORKS
from ungrid.testing import check_network
from ungrid.testing.examples import NETWORK_EXAMPLES, example


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_keeps_the_contract(name):
    check_network(example(name, NETWORK_EXAMPLES, NETWORKS))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_example_is_of_its_own_type(name):
    assert type(example(name, NETWORK_EXAMPLES, NETWORKS)(2, 1, 0)) is NETWORKS[name]
