"""The directive `command-help`: what `ungrid COMMAND --help` prints, asked when the documentation is built."""

import os
import subprocess
import sys
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

RUN = "import sys; from ungrid.cli.main import main; sys.exit(main(sys.argv[1:]))"


class CommandHelp(Directive):
    """`command-help` with a command's name, or without for the list of commands."""

    optional_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """A literal block."""
        words = [*self.arguments, "--help"]
        env = os.environ | {"COLUMNS": "88", "NO_COLOR": "1", "TERM": "dumb"}
        done = subprocess.run([sys.executable, "-c", RUN, *words], env=env, capture_output=True, text=True, check=True)
        text = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        block = nodes.literal_block(text, text)
        block["language"] = "text"
        return [block]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
