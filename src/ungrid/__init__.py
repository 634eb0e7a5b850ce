"""ungrid: any signal as a function.

The public names are loaded when they are first used, so that `import ungrid` costs nothing and the command line can
show its help without torch.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

_HOME = {
    "load": "verbs",
    "fit": "verbs",
    "fit_large": "tiling",
    "fit_many": "many.fit_many",
    "uncertainty": "trusting",
    "diagnose": "judging",
    "anomalies": "judging",
    "solve": "solving",
    "tomography": "reconstructing",
    "mri": "magnetic_resonance",
    "save": "verbs",
    "cite": "citing",
    "render": "verbs",
    "combine": "combining",
    "compare": "judging",
    "mesh": "surfacing",
    "inspect": "surfacing",
    "restore": "restoring",
    "find_blur": "blurring",
    "blend": "blending",
    "art": "verbs",
    "learn_start": "starting",
    "gradient": "differentiate",
    "jacobian": "differentiate",
    "divergence": "differentiate",
    "curl": "differentiate",
    "laplacian": "differentiate",
    "hessian": "differentiate",
    "integrate": "integrate",
    "Box": "domain.box",
    "Geometry": "domain.scanners",
    "Grid": "domain.grid",
    "Signal": "signals.base",
    "Shape": "signals.shape",
    "Field": "fields.base",
    "EncodedField": "fields.encoded",
    "UncertainField": "fields.uncertain",
    "Recipe": "fields.record",
    "Problem": "fit.problem",
    "Clipping": "restoration.sound_losses",
    "Gaps": "restoration.sound_losses",
    "Bandwidth": "restoration.sound_bandwidth",
    "ThickSlices": "restoration.slice_losses",
}
_ROOMS = (
    "domain",
    "encodings",
    "errors",
    "fields",
    "measurements",
    "metrics",
    "networks",
    "presets",
    "signals",
    "tasks",
    "terms",
)

__all__ = [*_HOME, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        importlib.import_module("ungrid.verbs")  # attaches `save` to fields, however they were made
        return getattr(importlib.import_module(f"ungrid.{_HOME[name]}"), name)
    if name in _ROOMS:
        if name != "errors":
            importlib.import_module("ungrid.verbs")
        return importlib.import_module(f"ungrid.{name}")
    raise AttributeError(f"module 'ungrid' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Public(ModuleType):
    """`ungrid.fit` and `ungrid.render` stay the verbs when the packages of those names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Public
