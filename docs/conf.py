"""The documentation site: the Markdown pages of the repository, where they are, and a reference.

    uv run sphinx-build -c docs . site

The pages are those that people read in the repository too, so their links are the same. What is in
`docs/reference` is written from the code by `reference.py` before each build.
"""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

project = "data-services"
author = "The data-services maintainers"
copyright = "The data-services maintainers, Apache-2.0"  # noqa: A001 - Sphinx's name
version = release = version_of("util-services")

root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**",
    "packages/*/*.md",
    "code-locations/*/*.md",
]
exclude_patterns = ["**/changelog.d/**"]
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser", "site_reference"]

add_module_names = False
napoleon_use_rtype = False
myst_enable_extensions = ["attrs_inline", "smartquotes"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"data-services {release}"
html_copy_source = False
html_show_sourcelink = False
