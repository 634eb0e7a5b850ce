"""Compile the native kernels, one library for each instruction set: `python -m ungrid.kernels.build [--sanitize]`.

Imports only the standard library, because the package's build hook loads this file before anything is installed.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
NATIVE = Path(__file__).parent / "native"
NOTE = "not_built.txt"  # in place of the libraries where there are none: why
COMPILERS = ("c++", "g++", "clang++")
FLAGS = ("-O3", "-std=c++17", "-fPIC", "-pthread", "-fvisibility=hidden", "-fno-math-errno", "-ffp-contract=fast")
SANITIZERS = {"address,undefined": ("-static-libasan",), "thread": ()}
SANITIZE_FLAGS = ("-O1", "-g", "-std=c++17", "-pthread", "-ffp-contract=fast", "-fno-sanitize-recover=all")
NOT_THIS_CPU = 77  # exit code of the self-check where the processor lacks its instruction set


class BuildError(Exception):
    """No compiler, or one that failed; the message says which."""


def instruction_sets() -> dict[str, tuple[str, ...]]:
    """Name → compiler flags of what is built for this kind of machine. 64-bit ARM needs none: NEON is its baseline."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return {"base": ()}
    avx2 = ("-mavx2", "-mfma")
    return {"base": (), "avx2": avx2, "avx512": ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", *avx2)}


def find_compiler() -> list[str]:
    """The command of a C++ compiler: $CXX where it is set, else the first of c++, g++ and clang++ that is there.

    Raises: BuildError: there is none.
    """
    named = os.environ.get("CXX", "").split()
    for command in [named] if named else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return command
    raise BuildError(f"$CXX names {named[0]!r}, which is not there" if named else "no C++ compiler")


def compile_libraries(folder: Path = NATIVE, warn: Callable[[str], None] = print) -> list[Path]:
    """Compile a folder's `*.cpp` into one `ungrid_<set>.so` beside them for each instruction set.

    A library appears whole or not at all. A set that the compiler does not know is left out with a warning.

    Raises: BuildError: no compiler, or it cannot build the base library; then no library is left and a note says why.
    """
    try:
        built, failures = _compile(folder)
    except (BuildError, OSError) as error:
        _remove(folder, instruction_sets())
        (folder / NOTE).write_text(f"{error}\n")
        raise BuildError(str(error)) from error
    (folder / NOTE).unlink(missing_ok=True)
    _remove(folder, failures)
    for name, said in failures.items():
        warn(f"no {name} kernels: {said}")
    return built


def _compile(folder: Path) -> tuple[list[Path], dict[str, str]]:
    """The libraries that were built, and what the compiler said about each of the others."""
    compiler, sets = find_compiler(), instruction_sets()
    sources = [path for path in sorted(folder.glob("*.cpp")) if not path.name.startswith("selfcheck")]
    with tempfile.TemporaryDirectory(dir=folder) as parts:
        objects = {(name, path): f"{parts}/{name}_{path.stem}.o" for name in sets for path in sources}
        commands = {
            (name, path): [*compiler, *FLAGS, *sets[name], "-c", str(path), "-o", to] for (name, path), to in objects.items()
        }
        failures = {name: said for (name, _), said in _run_together(commands).items()}
        outputs = {name: Path(parts) / f"ungrid_{name}.so" for name in sets if name not in failures}
        links = {
            name: [*compiler, *FLAGS, "-shared", *(objects[name, path] for path in sources), "-o", str(to)]
            for name, to in outputs.items()
        }
        failures |= _run_together(links)
        if "base" in failures:
            raise BuildError(failures["base"])
        return [path.replace(folder / path.name) for name, path in outputs.items() if name not in failures], failures


def _run_together(commands: Mapping[Key, list[str]]) -> dict[Key, str]:
    """Run all commands, as many at a time as there are cores; key → what it said, of those that failed."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(
            lambda command: subprocess.run(command, capture_output=True, text=True, errors="replace"), commands.values()
        )
        return {
            key: f"{command[0]} failed: {_first_error(process.stderr)}"
            for (key, command), process in zip(commands.items(), done, strict=True)
            if process.returncode
        }


def _first_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[-1] if lines else "it gave no reason")


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / f"ungrid_{name}.so").unlink(missing_ok=True)


def sanitize(folder: Path = NATIVE) -> None:
    """Build the self-check with the address, undefined-behavior and thread sanitizers, for each instruction set, and run it.

    Raises: BuildError: it cannot be built, or it found a fault.
    """
    compiler = find_compiler()
    sources = [str(path) for path in sorted(folder.glob("*.cpp"))]
    with tempfile.TemporaryDirectory() as parts:
        commands = {
            f"{name} {kind}": [
                *compiler, *SANITIZE_FLAGS, f"-fsanitize={kind}", *extra, *flags, *sources, "-o", f"{parts}/{name}_{kind}"
            ]
            for name, flags in instruction_sets().items()
            for kind, extra in SANITIZERS.items()
        }  # fmt: skip
        for name, said in _run_together(commands).items():
            raise BuildError(f"{name}: {said}")
        for name, command in commands.items():
            code = subprocess.run([command[-1]]).returncode
            if code not in (0, NOT_THIS_CPU):
                raise BuildError(f"{name}: the self-check ended with {code}")
            print(f"{name}: {'clean' if code == 0 else 'not run, this processor lacks the instruction set'}")


def main() -> int:
    """Build in place, or build and run the sanitized self-check; exit code 1 with one line where that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sanitize", action="store_true", help="run the self-check under sanitizers instead")
    try:
        if parser.parse_args().sanitize:
            sanitize()
        else:
            print("\n".join(str(path) for path in compile_libraries()))
    except (BuildError, OSError) as error:
        print(f"ungrid.kernels.build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
