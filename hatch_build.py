"""Compile the native kernels while the package is built; without a compiler it installs all the same, without them."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = "src/ungrid/kernels"


class KernelBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Runs `ungrid.kernels.build`, for wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and take what was built into the wheel."""
        build = load_build(Path(self.root) / KERNELS / "build.py")
        build_data["artifacts"] += [f"{KERNELS}/native/*.so", f"{KERNELS}/native/{build.NOTE}"]
        try:
            build.compile_libraries(warn=self.app.display_warning)
        except (build.BuildError, OSError) as error:
            self.app.display_warning(f"ungrid is installed without native kernels, its torch path serves: {error}")
        else:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def load_build(path: Path) -> ModuleType:
    """The module that compiles, from its file: the package itself cannot be imported yet."""
    spec = importlib.util.spec_from_file_location("ungrid_kernels_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
