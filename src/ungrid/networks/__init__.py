"""Networks: features in, values out."""

from ungrid.networks.base import Network
from ungrid.networks.convolutional import ConvolutionalNetwork
from ungrid.networks.coordconv import CoordConv
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren

__all__ = ["GRID_NETWORKS", "NETWORKS", "ConvolutionalNetwork", "CoordConv", "Mlp", "Network", "Siren"]

NETWORKS: dict[str, type] = {"Mlp": Mlp, "Siren": Siren}
GRID_NETWORKS: dict[str, type] = {"ConvolutionalNetwork": ConvolutionalNetwork}  # these see a grid at once, and no points
