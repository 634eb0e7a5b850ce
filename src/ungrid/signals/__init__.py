"""Signals: files and arrays in, values on a grid with what their source knew, and back."""

from ungrid.signals.image import IMAGE
from ungrid.signals.modality import Modality
from ungrid.signals.series import SERIES
from ungrid.signals.sphere import SPHERE

# in the order in which a file or object is offered to them: pictures, which take any array, come last
MODALITIES: dict[str, Modality] = {modality.kind: modality for modality in (SERIES, SPHERE, IMAGE)}

__all__ = ["MODALITIES", "Modality"]
