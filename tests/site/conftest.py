"""The site, built with a few concepts and modules, and a browser to look at it."""

import os
import shutil
from pathlib import Path

import pytest

import dualnet.site

CONFIG = Path(dualnet.site.__file__).parent / "mkdocs.yml"
CONCEPTS = ["k_fold_cross_validation", "lenet", "tensor_reductions"]
MODULES = ["dualnet.interface", "parity", "parity.report"]


def lacking(what):
    """Skip, or fail where the site must be tested."""
    (pytest.fail if os.environ.get("BROWSER_TESTS") else pytest.skip)(f"the site is not tested: {what}")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    try:
        import material  # noqa: F401
        import mkdocstrings  # noqa: F401
        from mkdocs.commands.build import build
        from mkdocs.config import load_config
    except ImportError as error:
        lacking(f"{error}; `pip install -e .[site]` has it")
    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(CONFIG), site_dir=str(folder), strict=True)
    config.extra |= {"concepts": CONCEPTS, "modules": MODULES}
    build(config)
    return folder


@pytest.fixture(scope="session")
def browser():
    """Chromium, or what CHROMIUM names."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        lacking(f"{error}; `pip install -e .[site]` has it")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        lacking("no browser; `apt-get install chromium` has one, CHROMIUM names another")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
