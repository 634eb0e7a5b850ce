"""`ungrid doctor`: versions, device, fast paths, missing extras, and a self-test of the whole path."""

import importlib.util
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ungrid.cli.command import Command

CORE = ("torch", "numpy", "safetensors", "pillow", "tifffile", "tyro", "rich", "jaxtyping")
EXTRAS = {
    "image": {"imagecodecs": "16-bit color PNG, compressed TIFF", "OpenEXR": "EXR"},
    "audio": {"soundfile": "FLAC, Ogg, MP3"},
    "video": {"av": "films"},
    "medical": {"nibabel": "NIfTI", "pydicom": "DICOM"},
    "itk": {"SimpleITK": "MHA, NRRD"},
    "series": {"pandas": "tables of pandas", "pyarrow": "Parquet"},
    "arrays": {"h5py": "HDF5", "xarray": "NetCDF", "h5netcdf": "NetCDF", "zarr": "Zarr, OME-Zarr", "scipy": "classic NetCDF"},
    "mri": {"finufft": "MRI along trajectories, faster"},
    "shapes": {"libigl": "distances to surfaces", "trimesh": "mesh files"},
    "plot": {"matplotlib": "the demo's fit curve"},
    "scale": {"dask": "many jobs on a Dask cluster", "distributed": "many jobs on a Dask cluster"},
    "track": {"tensorboard": "TensorBoard logs"},
}
MODULES = {"libigl": "igl"}  # of packages whose module has another name
SELF_TEST_DB = 30.0


@dataclass(kw_only=True)
class Doctor(Command):
    """What this machine has, what is missing, and whether the whole path works here."""

    calibrate: bool = False
    """Measure for some seconds how fast fits run here, and keep that for the predictions of `ungrid fit`."""

    def run(self) -> dict[str, Any]:
        """Look, then try."""
        import torch

        from ungrid.kernels.native_library import describe

        calibration = self._calibration()
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
            "video_encoders": _encoders(),
            "extras": {extra: _present(needs) for extra, needs in EXTRAS.items()},
            "calibration": calibration,
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

    def _calibration(self) -> dict[str, Any]:
        """Nanoseconds of a fit's parts that predictions count with, and where they are from."""
        from ungrid.presets.predict import Machine

        machine = Machine.here()
        if self.calibrate:
            self.say("measuring how fast fits run here …")
            machine = measure_machine()
            self.say(f"wrote {machine.save()}")
        return {"origin": machine.origin} | {f"{name}_ns": round(1e9 * cost, 2) for name, cost in machine.costs().items()}

    def _self_test(self) -> dict[str, Any]:
        """Fit a phantom, save it, load it, ask it."""
        from ungrid import fitting, verbs
        from ungrid.errors import UngridError
        from ungrid.fit.guard import Guard
        from ungrid.fit.limits import Limits
        from ungrid.signals.phantoms import zone_plate

        start = time.monotonic()
        try:
            signal = zone_plate(64, cycles=0.1)
            plan = verbs.make_plan(signal, seed=self.seed)
            limits = Limits(steps=200)
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


def measure_machine(*, side: int = 512, steps: int = 8, repeats: int = 5) -> Any:
    """The `presets.predict.Machine` of this one, with the current threads and kernels; medians of wall time.

    Steps are timed with few and many parameters and at two sizes of batch: a cost of each, and one for the rest, explain them.

    Args:
        side: pixels across the larger of the pictures that are fitted.
        steps: of the optimizer in each measurement.
        repeats: of each measurement; all are taken in turn, so that a load that comes and goes meets them alike.
    """
    from ungrid.presets.predict import Machine
    from ungrid.signals.image import read_picture
    from ungrid.signals.sample import sample_photo
    from ungrid.tasks.complete import refined
    from ungrid.tasks.represent import represent

    few, many = _fit_of_noise(side // 4), _fit_of_noise(side)
    photo, noise = read_picture(sample_photo()).values[: side // 3, : side // 3], many.problem.signal
    quick, large, wide, measuring, placing, solving = _median_seconds(
        [
            lambda: _go_on(few, 2**11, steps),
            lambda: _go_on(many, 2**11, steps),
            lambda: _go_on(many, 2**14, steps),
            lambda: few.problem.judge.quality(few.field),
            lambda: represent(noise, estimates="cubic"),
            lambda: refined(photo),
        ],
        repeats,
    )
    point = max(0.0, wide - large) / steps / (2**14 - 2**11)
    parameter = max(0.0, large - quick) / steps / (many.field.n_params - few.field.n_params)
    step = max(0.0, quick / steps - 2**11 * point - few.field.n_params * parameter)
    return Machine(
        step=step,
        parameter=parameter,
        point=point,
        cubic=placing / (3 * noise.values.numel()),  # 4n values on the lattice, n of them known
        solved=solving / (3 * photo.numel()),
        measured=measuring / few.problem.signal.values.numel(),
        origin="calibrated",
    )


def _fit_of_noise(side: int) -> Any:
    """A fit of the preset `fast` to a picture of noise, not begun."""
    import torch

    from ungrid.fields.record import Recipe
    from ungrid.fit.state import FitState
    from ungrid.presets.plan import plan_signal
    from ungrid.signals.image import from_array

    plan = plan_signal(from_array(torch.rand(side, side, 3, generator=torch.Generator().manual_seed(0))), "fast")
    return FitState(plan.field.train(), plan.problem, plan.field.recipe or Recipe(), seed=0)


def _go_on(state: Any, batch: int, steps: int) -> None:
    """Some more steps of the loop with batches of that size."""
    from ungrid.fit.loop import Budget, run

    state.recipe, state.stopped_by = replace(state.recipe, batch_size=batch), None
    run(state, Budget(state.step + steps))


def _median_seconds(acts: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Of wall time that each takes, all in turn, after one turn that does not count."""
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(1 + repeats):
        for act, taken in zip(acts, times, strict=True):
            start = time.monotonic()
            act()
            taken.append(time.monotonic() - start)
    return [statistics.median(taken[1:]) for taken in times]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _encoders() -> list[str]:
    """What films can be written by here; none without PyAV."""
    from ungrid.errors import MissingExtra
    from ungrid.signals.video_write import available

    try:
        return available()
    except MissingExtra:
        return []


def _present(packages: dict[str, str]) -> dict[str, bool]:
    return {package: importlib.util.find_spec(MODULES.get(package, package)) is not None for package in packages}
