"""`ungrid doctor`: versions, device, fast paths, missing extras, and a self-test of the whole path."""

import importlib.util
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ungrid.cli.command import Command

CORE = ("torch", "numpy", "safetensors", "pillow", "tifffile", "tyro", "rich", "jaxtyping")
EXTRAS = {
    "image": {"imagecodecs": "16-bit color PNG, compressed TIFF", "OpenEXR": "EXR"},
    "plot": {"matplotlib": "the demo's fit curve"},
    "track": {"tensorboard": "TensorBoard logs"},
}
SELF_TEST_DB = 30.0


@dataclass(kw_only=True)
class Doctor(Command):
    """What this machine has, what is missing, and whether the whole path works here."""

    def run(self) -> dict[str, Any]:
        """Look, then try."""
        import torch

        from ungrid.kernels.native_library import describe

        return {
            "ungrid": version("ungrid"),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "versions": {name: _version(name) for name in CORE},
            "device": "cuda" if torch.cuda.is_available() else "cpu",
            "cuda_devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "kernels": describe(),
            "extras": {extra: _present(needs) for extra, needs in EXTRAS.items()},
            "self_test": self._self_test(),
        }

    def show(self, result: dict[str, Any]) -> None:
        """The result, with what to install for what is missing."""
        missing = [extra for extra, packages in result["extras"].items() if not all(packages.values())]
        super().show({key: value for key, value in result.items() if key != "extras"})
        for extra in missing:
            lacking = [f"{package} ({EXTRAS[extra][package]})" for package, there in result["extras"][extra].items() if not there]
            print(f"missing: {', '.join(lacking)}; install with: pip install 'ungrid[{extra}]'")
        if not missing:
            print("extras: all installed")

    def execute(self) -> int:
        """Exit code 1 where the self-test fails: something here is broken."""
        result = self.run()
        self.report(result)
        return 0 if result["self_test"]["passed"] else 1

    def _self_test(self) -> dict[str, Any]:
        """Fit a phantom, save it, load it, ask it."""
        from ungrid import fitting, verbs
        from ungrid.errors import UngridError
        from ungrid.fit.guard import Guard
        from ungrid.signals.phantoms import zone_plate

        start = time.monotonic()
        try:
            signal = zone_plate(64, cycles=0.1)
            plan = verbs.make_plan(signal, seed=self.seed)
            limits = fitting.Limits(steps=200)
            field = fitting.carry_out(plan, limits, seed=self.seed, device=self.device, guard=Guard())
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "star.ung"
                verbs.save(field, path)
                again = verbs.load_as_field(path)
            same = bool((again.sample(again.grid()) == field.sample(field.grid())).all())
        except UngridError as error:
            return {"passed": False, "why": str(error)}
        psnr = field.metrics["quality"]["psnr"]
        passed = same and psnr >= SELF_TEST_DB
        return {"passed": passed, "psnr": psnr, "same_after_loading": same, "seconds": round(time.monotonic() - start, 2)}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _present(packages: dict[str, str]) -> dict[str, bool]:
    return {package: importlib.util.find_spec(package) is not None for package in packages}
