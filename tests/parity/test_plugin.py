"""The pytest plugin: with a stub of the comparison in this process, and as it is installed in another one."""

import configparser
from pathlib import Path

import pytest

import parity.html
import parity.models  # noqa: F401 - loaded here, so that a run inside this process does not load NumPy again
from dualnet.interface import MissingFrameworkError
from dualnet.process import require

pytest_plugins = ["pytester"]

STUB = """
import pytest
from parity.report import Finding, Report

@pytest.fixture(autouse=True)
def compare(monkeypatch):
    def compare(a, b, inputs, *, limit=1.0):
        return Report(f"{a} | {b}", (Finding("float64/eval/output/0", inputs, limit),))
    monkeypatch.setattr("parity.models.compare", compare)
"""
TESTS = """
import pytest

def test_agree(assert_parity):
    assert assert_parity("a", "b", 0.5).passed

def test_differ(assert_parity):
    assert_parity("a", "b", 0.5)
    assert_parity("<c>", "d", 3.5)

@pytest.mark.parametrize("x", ["a/b", "a:b"])
def test_keywords(assert_parity, x):
    assert_parity(x, x, 0.5, limit=0.1)
"""


@pytest.fixture
def run(pytester):
    pytester.makeconftest(STUB)
    pytester.makepyfile(TESTS)
    return lambda *arguments: pytester.runpytest_inprocess("-p", "parity.plugin", *arguments)


def test_it_fails_with_the_report_and_nothing_else(run):
    done = run("-k", "agree or differ")
    done.assert_outcomes(passed=1, failed=1)
    text = done.stdout.str()
    assert "ParityError: <c> | d: differ; 1 of 1 quantities compared, 1 differ" in text
    assert "next step: " in text
    assert "plugin.py" not in text, "the traceback ends in the test"
    assert "page:" not in text


def test_it_writes_a_page_for_each_failure(run, pytester):
    done = run("--parity-html", "pages/new")
    done.assert_outcomes(passed=1, failed=3)
    pages = sorted((pytester.path / "pages" / "new").iterdir())
    assert len(pages) == 3, "names that differ in special characters alone have pages of their own"
    assert all("<h1>" in page.read_text() for page in pages)
    assert all(f"page: pages/new/{page.name}" in done.stdout.str() for page in pages)


def test_a_page_that_cannot_be_written_does_not_hide_the_report(run, pytester):
    (pytester.path / "pages").write_text("")
    done = run("--parity-html", "pages", "-k", "differ")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*ParityError: <c> | d: differ*", "*page: pages/*cannot be written*"])


def test_installed_it_loads_nothing_heavy_and_may_be_named_too(pytester, monkeypatch):
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    folder = pytester.mkdir("installed") / "somebody-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[pytest11]{setup['options.entry_points']['pytest11']}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder.parent), prepend=":")
    pytester.makepyfile(
        """
        import sys

        def test_light(pytestconfig):
            assert pytestconfig.getoption("--parity-html") is None
            assert not {"numpy", "torch", "tensorflow", "keras", "dualnet", "jinja2"} & set(sys.modules)
        """
    )
    for arguments in ([], ["-p", "parity.plugin"]):
        pytester.runpytest_subprocess(*arguments, timeout=120).assert_outcomes(passed=1)


def test_it_compares_models(pytester):
    try:
        require("torch")
    except MissingFrameworkError as error:
        pytest.skip(str(error))
    pytester.makepyfile(
        """
        import numpy as np
        import torch
        from torch import nn

        IMAGES = np.random.default_rng(0).normal(size=(2, 3, 4, 5))

        def test_differ(assert_parity):
            assert_parity(nn.BatchNorm2d(3, eps=1e-3), nn.BatchNorm2d(3, eps=1e-5), IMAGES)
        """
    )
    done = pytester.runpytest_subprocess("-p", "parity.plugin", timeout=120)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*ParityError: BatchNorm2d (torch) | BatchNorm2d (torch): differ*", "*norm.epsilon*"])
