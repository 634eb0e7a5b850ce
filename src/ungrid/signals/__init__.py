"""Signals: files and arrays in, values on a grid with what their source knew, and back."""

from ungrid.signals.audio import AUDIO
from ungrid.signals.image import IMAGE
from ungrid.signals.modality import Modality

# in the order in which a file is offered to them
MODALITIES: dict[str, Modality] = {modality.kind: modality for modality in (IMAGE, AUDIO)}

__all__ = ["MODALITIES", "Modality"]
