"""Reports as JUnit XML, which every CI service shows: a suite for each report, a test case for each stage."""

from collections.abc import Iterable, Sequence

from junitparser import Failure, JUnitXml, TestCase, TestSuite

from dualnet.files import printable
from parity.report import Finding, Report

__all__ = ["junit"]

WHOLE = "whole report"
"""The test case that fails for whatever belongs to no stage: no partner, not tested, nothing compared."""


def junit(reports: Iterable[Report]) -> str:
    """JUnit XML of reports.

    Args:
        reports: what was found.

    Returns:
        The XML: ``testsuites/testsuite/testcase``; a stage is the first two parts of its quantities' names.
    """
    document = JUnitXml("parity")
    for report in reports:
        document.append(_suite(report))  # add_testsuite would make one of two reports with the same title
    text: bytes = document.tostring()
    return text.decode("utf-8") + "\n"


def _suite(report: Report) -> TestSuite:
    suite = TestSuite(printable(report.title))
    suite.add_property("compared", str(report.compared))
    suite.add_property("expected", str(report.expected))
    suite.add_property("smallest_passing_limit", f"{report.smallest_passing_limit:.3e}")
    for stage, findings in report.stages.items():
        failures = [finding for finding in findings if not finding.passed]
        suite.add_testcase(_case(report, stage, _message(report, failures) if failures else "", map(str, failures)))
    verdict = report.verdict if report.passed else f"{report.verdict}; next step: {report.next_step}"
    suite.add_testcase(_case(report, WHOLE, "" if report.passed else verdict, [str(report)]))
    return suite


def _case(report: Report, name: str, message: str, lines: Iterable[str]) -> TestCase:
    """One test case; it passes if there is no message."""
    case = TestCase(printable(name), classname=printable(report.title))
    if message:
        failure = Failure(printable(message), "ParityError")
        failure.text = printable("\n".join(lines))
        case.result = [failure]
    return case


def _message(report: Report, failures: Sequence[Finding]) -> str:
    """The one line that a CI service shows first: who is at fault, or else how many quantities differ."""
    guilty = [
        f"{group[0].where} ({group[0].cause or 'no known cause'}, {group[0].phase})"
        + (f" and {len(group) - 1} more like it" if len(group) > 1 else "")
        for group in report.groups
    ]
    return f"{len(failures)} differ" + (f"; culprits: {'; '.join(guilty)}" if guilty else "")
