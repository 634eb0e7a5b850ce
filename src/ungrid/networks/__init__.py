"""Networks: features in, values out."""

from ungrid.networks.base import Network
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren

__all__ = ["NETWORKS", "Mlp", "Network", "Siren"]

NETWORKS: dict[str, type] = {"Mlp": Mlp, "Siren": Siren}
