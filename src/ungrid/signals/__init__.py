"""Signals: files and arrays in, values on a grid with what their source knew, and back."""

from ungrid.signals.audio import AUDIO
from ungrid.signals.image import IMAGE
from ungrid.signals.modality import Modality
from ungrid.signals.video import VIDEO
from ungrid.signals.volume import VOLUME

# in the order in which a file is offered to them: a moving GIF is a film before it is a picture
MODALITIES: dict[str, Modality] = {modality.kind: modality for modality in (VIDEO, IMAGE, AUDIO, VOLUME)}

__all__ = ["MODALITIES", "Modality"]
