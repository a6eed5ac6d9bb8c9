"""How the site is built: `make docs`. Pages that follow from the code are written into generated/ first."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from site_pages import write_pages  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

from nbnumba import __version__  # noqa: E402

project = "nbnumba"
author = "the nbnumba authors"
release = version = __version__
extensions = [
    "myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery", "site_math",
]
exclude_patterns = ["_build", "examples/*.rst", "**/GALLERY_HEADER*"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
# blocks without a language are commands and what they print
highlight_language = "none"
html_title = f"nbnumba {release}"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False, "show_toc_level": 2, "header_links_before_dropdown": 7,
    "footer_start": ["copyright"], "footer_end": [],
}
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
# the gallery's settings are no data that Sphinx could keep
suppress_warnings = ["config.cache"]
default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
sphinx_gallery_conf = {
    "examples_dirs": "examples", "gallery_dirs": "gallery", "filename_pattern": r"plot_",
    "download_all_examples": False,
    "show_memory": False, "remove_config_comments": True, "write_computation_times": False, "capture_repr": (),
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey", "show_signature": False, "reset_modules": ("matplotlib",),
}  # fmt: skip

warnings.filterwarnings("ignore", category=UserWarning, message=".*Matplotlib is currently using agg.*")
write_pages(HERE / "generated")


def _in_no_menu(app: Sphinx, _: object) -> None:
    """Tables as programs wrote them are linked where they are discussed, and in no menu."""
    name = app.env.docname
    if name.startswith(("benchmark/", "cuda/")):
        app.env.metadata[name]["orphan"] = True


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", _in_no_menu)
