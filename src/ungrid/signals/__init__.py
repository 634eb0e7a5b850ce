"""Signals: files and arrays in, values on a grid with what their source knew, and back."""

from ungrid.signals.audio import AUDIO
from ungrid.signals.image import IMAGE
from ungrid.signals.modality import Modality
from ungrid.signals.series import SERIES
from ungrid.signals.sphere import SPHERE
from ungrid.signals.video import VIDEO
from ungrid.signals.volume import VOLUME

# in the order in which a file or object is offered to them: a moving GIF is a film before it is a picture, a NetCDF file with
# latitudes a sphere before it is a volume, an array [H, W, c] a picture before it is a volume
MODALITIES: dict[str, Modality] = {kind.kind: kind for kind in (VIDEO, AUDIO, SERIES, SPHERE, IMAGE, VOLUME)}

__all__ = ["MODALITIES", "Modality"]
