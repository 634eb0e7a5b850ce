"""`python -m ungrid.cli`: the same as the command `ungrid`."""

import sys

from ungrid.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
