"""Networks: features in, values out."""

from ungrid.networks.base import Network
from ungrid.networks.cppn import Cppn
from ungrid.networks.mlp import Mlp
from ungrid.networks.palette import CosinePalette
from ungrid.networks.siren import Siren

__all__ = ["NETWORKS", "CosinePalette", "Cppn", "Mlp", "Network", "Siren"]

NETWORKS: dict[str, type] = {"CosinePalette": CosinePalette, "Cppn": Cppn, "Mlp": Mlp, "Siren": Siren}
