"""`ungrid COMMAND …`: finds the command, reads its options, runs it, and turns errors into one line and an exit code."""

import contextlib
import io
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ungrid.errors import InputError, UngridError, nearest

# name → (module and class, one line of help); literal, so that help needs no import of theirs
COMMANDS: dict[str, tuple[str, str]] = {
    "fit": ("ungrid.cli.fit:Fit", "fit a field to a signal or surface and keep it in one .ung file"),
    "fit-many": ("ungrid.cli.fit_many:FitMany", "fit a folder or a stack of signals, small ones together"),
    "learn-start": ("ungrid.cli.learn_start:LearnStart", "learn from a folder of pictures where fits of such pictures begin"),
    "info": ("ungrid.cli.info:Info", "what a .ung file is"),
    "query": ("ungrid.cli.query:Query", "values and derivatives anywhere, in the picture's own pixels"),
    "mri": ("ungrid.cli.mri:Mri", "a picture or volume from undersampled samples of k-space"),
    "render": ("ungrid.cli.render:Render", "draw a field at any size, whole or in part"),
    "mesh": ("ungrid.cli.mesh:Mesh", "the surface of a field of distance as triangles"),
    "inspect": ("ungrid.cli.inspect:Inspect", "what is right and wrong with a surface, before it is fitted"),
    "combine": ("ungrid.cli.combine:Combine", "unite, subtract, intersect fields of distance"),
    "compare": ("ungrid.cli.compare:Compare", "measure two pictures or fields against each other"),
    "restore": ("ungrid.cli.restore:Restore", "undo noise, blur, missing pixels, clipping, gaps, thick slices"),
    "blend": ("ungrid.cli.blend:Blend", "put a part of one picture into another, without a seam"),
    "tomography": ("ungrid.cli.tomography:Tomography", "a slice or volume from the line integrals of a scanner"),
    "diagnose": ("ungrid.cli.diagnose:Diagnose", "what is wrong with a fit, and what to do about it"),
    "art": ("ungrid.cli.art:Art", "random pictures to pick from, their children, walks through their space"),
    "cite": ("ungrid.cli.cite:Cite", "BibTeX of exactly the parts that a field uses"),
    "bench": ("ungrid.cli.bench:Bench", "measure ungrid on this machine, compare models, repeat papers"),
    "doctor": ("ungrid.cli.doctor:Doctor", "versions, device, missing extras, a self-test"),
    "demo": ("ungrid.cli.demo:Demo", "the whole path on a photograph that ships with ungrid"),
}
BUG = 1
INTERRUPTED = 130
FULL = 6
FLAGS = (
    "-h",
    "--help",
    "--json",
    "--quiet",
    "--resume",
    "--encoded",
    "--quick",
    "--tune",
    "--mixed",
    "--tiled",
    "--calibrate",
    "--deviation",
    "--real",
    "--compare-classical",
)  # options without a value
ALONE = ("--declip",)  # options that may have one


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    # threads that wait by sleeping: on a machine that does other work, too, waiting by spinning takes three times as long
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal of few letters is no reason to fail
    try:
        code = _run(arguments)
        sys.stdout.flush()  # here, where a full disk or a closed pipe still has an exit code
        return code
    except SystemExit as stop:  # after a command's --help
        return int(stop.code or 0)
    except UngridError as error:
        return _fail(error, error.exit_code, as_json)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, as_json)
    except BrokenPipeError:
        _silence_stdout()  # whoever read the output has gone: be quiet at exit, too
        return 0
    except OSError as error:
        return _fail(f"the machine would not: {error}", FULL, as_json)
    except Exception as error:
        if _is_out_of_memory(error):
            what = str(error).strip() or "this does not fit here"
            return _fail(f"out of memory: {what}; use --max-memory, or a smaller picture", FULL, as_json)
        if os.environ.get("UNGRID_TRACEBACK"):
            raise
        message = f"this is a bug in ungrid: {type(error).__name__}: {error}; UNGRID_TRACEBACK=1 shows where"
        return _fail(message, BUG, as_json)


def help_text() -> str:
    """What `ungrid --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()]
    return "\n".join(
        [
            "ungrid: any signal as a function",
            "",
            "usage: ungrid COMMAND [options]",
            "       ungrid COMMAND --help",
            "",
            *lines,
            "",
            "every command takes --json --quiet --seed N --device auto|cpu|cuda --max-memory 2GB, in any order",
        ]
    )


def _run(arguments: list[str]) -> int:
    if not arguments or arguments in (["-h"], ["--help"]):
        print(help_text())
        return 0
    if arguments == ["--version"]:
        from importlib.metadata import version

        print(f"ungrid {version('ungrid')}")
        return 0
    name, rest = _split(arguments)
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(import_module(module), attribute)
    from ungrid.cli.command import parse

    return int(parse(command, name, rest).execute())


def _split(arguments: list[str]) -> tuple[str, list[str]]:
    """The command's name and everything else: options may stand before it, too."""
    for at, word in enumerate(arguments):
        if at and _takes_value(arguments[at - 1]) and not (arguments[at - 1] in ALONE and word in COMMANDS):
            continue
        if word in COMMANDS:
            return word, arguments[:at] + arguments[at + 1 :]
        if not word.startswith("-"):
            raise InputError(f"no command is called {word!r}; there are {', '.join(COMMANDS)}{nearest(word, COMMANDS)}")
    raise InputError(f"no command was given; there are {', '.join(COMMANDS)}")


def _takes_value(word: str) -> bool:
    return word.startswith("-") and "=" not in word and word not in FLAGS


def _fail(error: object, code: int, as_json: bool) -> int:
    message = " ".join(str(error).split())
    print(f"ungrid: {message}", file=sys.stderr)
    try:
        if as_json:
            done = getattr(error, "report", None) or {}
            print(json.dumps(done | {"error": {"type": type(error).__name__, "message": message, "exit_code": code}}))
        sys.stdout.flush()
    except OSError:  # standard output itself is what fails
        _silence_stdout()
    return code


def _silence_stdout() -> None:
    """Let what is left in the buffer, and what comes, go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_out_of_memory(error: Exception) -> bool:
    """Python's own error, CUDA's, or the RuntimeError that PyTorch's allocator raises on the CPU."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
