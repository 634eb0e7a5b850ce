"""How the documentation is built: `python -m sphinx -W docs build/docs`. Nothing is fetched from the network."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "ungrid"
author = "The ungrid authors"
version = release = installed_version("ungrid")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "docstrings",
    "command_help",
]
exclude_patterns = ["extensions", "build"]
html_theme = "furo"
html_title = "ungrid"
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # the gallery's settings hold nothing that a cache must know

default_role = "code"  # docstrings write `name`, as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False
python_maximum_signature_line_length = 100
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# examples become pages with their pictures; they are run as the tests run them
if list((HERE.parent / "examples").glob("[0-9][0-9]_*.py")):
    extensions.append("sphinx_gallery.gen_gallery")
    sphinx_gallery_conf = {
        "examples_dirs": "../examples",
        "gallery_dirs": "gallery",
        "filename_pattern": r"/\d\d_",
        "within_subsection_order": "FileNameSortKey",
        "reset_argv": "quick_examples.arguments",
        "download_all_examples": False,
        "show_memory": False,
        "abort_on_example_error": True,
        "remove_config_comments": True,
        "min_reported_time": 10_000,
        "write_computation_times": False,
        "show_signature": False,
    }
