"""What a measurement was made on: the machine, how loaded it was, and which ungrid."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ungrid.kernels.native_library import describe

FOLDER = Path(__file__).parents[1]


def machine() -> dict[str, Any]:
    """Processor, cores, threads, load over the last minute, versions, and which kernels serve."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "kernels": describe(),
    }


def commit() -> str:
    """The checkout's commit, with "-dirty" where files differ from it; the version of an installed package."""
    try:
        _git("ls-files", "--error-unmatch", "errors.py")  # a package may be installed somewhere below another repository
        changed = "-dirty" if _git("status", "--porcelain") else ""
        return _git("rev-parse", "HEAD") + changed
    except (OSError, subprocess.SubprocessError):
        try:
            return version("ungrid")
        except PackageNotFoundError:
            return "unknown"


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", "-C", str(FOLDER), *arguments], capture_output=True, text=True, timeout=20, check=True)
    return found.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
