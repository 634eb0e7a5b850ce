"""Networks: features in, values out."""

from ungrid.networks.base import Network
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.networks.wire import Wire

__all__ = ["NETWORKS", "Mlp", "Network", "Siren", "Wire"]

NETWORKS: dict[str, type] = {
    "Mlp": Mlp,
    "Siren": Siren,
    "Wire": Wire,
}
