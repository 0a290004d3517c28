"""Settings of the documentation site (make docs), and the little that Sphinx lacks.

Nothing is fetched: neither by the build nor by its pages. Equations become MathML, which browsers draw themselves, by
the converter that comes with docutils; so no MathJax, KaTeX or LaTeX is needed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

import isacsim

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Sphinx lets every logger speak, and dask says much.
os.environ["DASK_LOGGING__DISTRIBUTED"] = "warning"

project = "isacsim"
author = "the isacsim authors"
copyright = author
version = release = isacsim.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "equations",
    "study_pages",
    "command_pages",
    "scenario_page",
    "names",
]
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = [
    "_extensions",
    "gallery",
    "api/backreferences",
    # The gallery's tables of run times fetch scripts from elsewhere, and times here mean nothing.
    "**sg_execution_times.rst",
]
suppress_warnings = ["config.cache"]  # the gallery's settings hold classes, which Sphinx does not keep
nitpicky = True
default_role = "literal"
# Types in docstrings are words for people; only what a role cites has to be there.
napoleon_preprocess_types = False
napoleon_use_param = False
napoleon_use_rtype = False

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("isacsim", "dira"),
    "reference_url": {"isacsim": None, "dira": None},
    "backreferences_dir": "api/backreferences",
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "capture_repr": ("_repr_html_",),
}

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"isacsim {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_domain_indices = False
html_theme_options = {"navigation_with_keys": True}


def setup(app: Sphinx) -> None:
    """Tell Sphinx that ```csv blocks have no colours."""
    app.add_lexer("csv", TextLexer)
