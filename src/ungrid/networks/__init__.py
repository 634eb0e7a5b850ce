"""Networks: features in, values out."""

from ungrid.networks.bacon import Bacon
from ungrid.networks.base import Network
from ungrid.networks.kan import SplineNetwork
from ungrid.networks.mlp import Mlp
from ungrid.networks.multiplicative import FourierFilterNetwork, GaborFilterNetwork
from ungrid.networks.siren import Siren

__all__ = ["NETWORKS", "Bacon", "FourierFilterNetwork", "GaborFilterNetwork", "Mlp", "Network", "Siren", "SplineNetwork"]

NETWORKS: dict[str, type] = {
    "Bacon": Bacon,
    "FourierFilterNetwork": FourierFilterNetwork,
    "GaborFilterNetwork": GaborFilterNetwork,
    "Mlp": Mlp,
    "Siren": Siren,
    "SplineNetwork": SplineNetwork,
}
