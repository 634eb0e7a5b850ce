"""Networks: features in, values out."""

from ungrid.networks.bacon import Bacon
from ungrid.networks.base import Network
from ungrid.networks.convolutional import ConvolutionalNetwork
from ungrid.networks.coordconv import CoordConv
from ungrid.networks.cppn import Cppn
from ungrid.networks.finer import Finer
from ungrid.networks.finer_gauss import FinerGauss
from ungrid.networks.finer_wire import FinerWire
from ungrid.networks.gauss import Gauss
from ungrid.networks.hosc import Hosc
from ungrid.networks.incode import Incode
from ungrid.networks.kan import SplineNetwork
from ungrid.networks.mlp import Mlp
from ungrid.networks.multiplicative import FourierFilterNetwork, GaborFilterNetwork
from ungrid.networks.palette import CosinePalette
from ungrid.networks.sinc import Sinc
from ungrid.networks.siren import Siren
from ungrid.networks.wire import Wire

__all__ = [
    "NETWORKS",
    "Finer",
    "FinerGauss",
    "FinerWire",
    "Gauss",
    "Hosc",
    "Incode",
    "Mlp",
    "Network",
    "Sinc",
    "Siren",
    "Wire",
    "Bacon",
    "FourierFilterNetwork",
    "GaborFilterNetwork",
    "SplineNetwork",
    "GRID_NETWORKS",
    "ConvolutionalNetwork",
    "CoordConv",
    "CosinePalette",
    "Cppn",
]

NETWORKS: dict[str, type] = {
    "Finer": Finer,
    "FinerGauss": FinerGauss,
    "FinerWire": FinerWire,
    "Gauss": Gauss,
    "Hosc": Hosc,
    "Incode": Incode,
    "Mlp": Mlp,
    "Sinc": Sinc,
    "Siren": Siren,
    "Wire": Wire,
    "Bacon": Bacon,
    "FourierFilterNetwork": FourierFilterNetwork,
    "GaborFilterNetwork": GaborFilterNetwork,
    "SplineNetwork": SplineNetwork,
    "CosinePalette": CosinePalette,
    "Cppn": Cppn,
}
GRID_NETWORKS: dict[str, type] = {"ConvolutionalNetwork": ConvolutionalNetwork}  # these see a grid at once, and no points
