"""The pytest plugin: the fixture `assert_parity` and the option ``--parity-html``. Loads nothing before it is used.

Its entry point bears the module's own name, so that pytest takes ``-p parity.plugin`` and the installed plugin for one.
"""

import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from parity.report import Report

__all__ = ["assert_parity", "pytest_addoption"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--parity-html DIR``."""
    parser.getgroup("parity").addoption(
        "--parity-html",
        metavar="DIR",
        default=None,
        help="Write a page into DIR for each comparison of assert_parity that fails.",
    )


@pytest.fixture
def assert_parity(request: pytest.FixtureRequest) -> "Callable[..., Report]":
    """Compare two models, and fail with the report unless they agree: ``assert_parity(a, b, inputs, **keywords)``.

    Returns:
        A function with the arguments of `parity.compare`. It returns the report.
    """
    folder: str | None = request.config.getoption("--parity-html")
    calls = 0

    def check(a: Any, b: Any, inputs: Any, **keywords: Any) -> "Report":
        __tracebackhide__ = True
        nonlocal calls
        from parity.models import compare
        from parity.report import ParityError, ReportError

        report = compare(a, b, inputs, **keywords)
        calls += 1
        if report.passed:
            return report
        text = str(report)
        if folder is not None:
            try:
                text += f"\n  page: {report.save_html(Path(folder) / _page(request.node.nodeid, calls))}"
            except ReportError as error:
                text += f"\n  page: {error}"
        raise ParityError(text)

    return check


def _page(test: str, call: int) -> str:
    """A file name for a comparison; the checksum keeps tests apart whose names differ in special characters alone."""
    name = re.sub(r"[^\w.-]+", "-", test).strip("-")[-120:]
    return f"{name}-{zlib.crc32(test.encode()):08x}-{call}.html"
