"""A report in words: short enough to be read whole, and it ends with what to do next."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dualnet.files import printable
from parity.report import Culprit, Finding, Report, severity

__all__ = ["next_step", "short", "show"]

MOST = 6
"""How many lines of one sort are shown; the JSON and the page have all of them."""


def short(report: Report) -> str:
    """The report as a few lines: the worst quantities that differ, what is at fault, what was left out, what to do."""
    worst = sorted(report.failures, key=severity, reverse=True)
    lines = [f"{report.title}: {report.verdict}", *_few((f"  {finding}" for finding in worst), "quantities differ")]
    return printable("\n".join([*lines, *_explanation(report)]))


def show(report: Report, console: Console) -> None:
    """Print the report: as `short`, with a table of the worst quantity of each of the worst stages."""
    heading = Text(printable(report.title), style="green bold" if report.passed else "red bold")
    console.print(heading.append(f": {report.verdict}", style="not bold default"))
    stages = sorted(report.stages.items(), key=lambda stage: severity(_worst(stage[1])), reverse=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("stage", "quantities", "worst error", "limit", "noise"):
        table.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    table.add_column("worst quantity", overflow="fold")
    for stage, findings in stages[:MOST]:
        worst = _worst(findings)
        noise = "" if worst.noise is None else f"{worst.noise:.1e}"
        cells = stage, str(len(findings)), f"{worst.error:.1e}", f"{worst.limit:.1e}", noise, _where(worst, stage)
        table.add_row(*(Text(printable(cell)) for cell in cells), style="" if worst.passed else "red")
    if stages:
        console.print(table)
    if len(stages) > MOST:
        console.print(f"  ... and {len(stages) - MOST} more stages, none of them worse", highlight=False)
    for line in _explanation(report):
        style = "" if line.startswith("  note") else "bold" if line.startswith("  next step") else "red"
        console.print(printable(line), style=style, highlight=False, markup=False, soft_wrap=True)


def next_step(report: Report) -> str:
    """What the reader should do now, in one line; empty if everything agrees."""
    return "" if report.passed else next(_steps(report))


def _steps(report: Report) -> Iterator[str]:
    """What could be done, the most certain first."""
    for group in report.groups:
        for found in group[0].diagnoses[:1]:
            place = group[0].where + (f" and {len(group) - 1} more like it" if len(group) > 1 else "")
            yield f"mend one side at {place} (a: {found.fixes[0]}; or b: {found.fixes[1]}), then compare again"
    if report.unpaired:
        yield _partners(report.unpaired)
    if report.culprits:
        first = report.culprits[0]
        place = f"the code {first.where}" if first.kind == "glue" else first.where
        yield f"look at {place}: {first.measured or 'its error on equal inputs is its own'}"
    if report.compared == 0:
        yield "nothing was compared, so nothing is known: " + (
            str(report.failures[0]) if report.failures else "see that both sides have outputs of the same names"
        )
    if report.failures:
        worst = max(report.failures, key=severity)
        double = [finding for finding in report.findings if finding.name.startswith("float64/")]
        if double and all(finding.passed for finding in double):
            yield (
                "float64 agrees, so the formula is right: look for a cast, a rounded constant or faster, coarser "
                f"products before {worst.name}"
            )
        yield f"look at {worst.name} first; parity.compare on the two models names the layer at fault"
    if report.not_tested:
        yield (
            f"choose inputs and weights to which {report.not_tested[0]} matters, "
            f'or allow=["{report.not_tested[0]}"] if it may be without effect'
        )


def _partners(unpaired: Sequence[str]) -> str:
    """How to pair by hand, or to allow, what has no partner."""
    alone: dict[str, list[str]] = {"a": [], "b": []}
    for entry in unpaired:
        side, _, name = entry.partition(": ")
        if not entry.endswith(" (parameter)"):
            alone.setdefault(side, []).append(name.rpartition(" (")[0] or name)
    first = unpaired[0].partition(": ")[2]
    allow = f'allow=["{first.rpartition(" (")[0] or first}"]'
    if alone["a"] and alone["b"]:
        return f'pair by hand, as pairs={{"{alone["a"][0]}": "{alone["b"][0]}"}} if these belong together, or {allow}'
    return f"give {unpaired[0]} a partner, or {allow} if it may be without one"


def _explanation(report: Report) -> Iterator[str]:
    groups = report.groups
    for group in groups[:MOST]:
        yield from (f"  culprit: {line}" for line in str(group[0]).splitlines())
        if len(group) > 1:
            yield f"  culprit:   and {len(group) - 1} more like it{_other_settings(group)}"
    if len(groups) > MOST:
        yield f"  ... and {sum(len(group) for group in groups[MOST:])} more culprits"
    yield from _few((f"  no partner: {name}" for name in report.unpaired), "without a partner")
    yield from _few(
        (f"  not tested: {name}: nothing compared responds to it" for name in report.not_tested), "not tested"
    )
    yield from _few((f"  note: {note}" for note in report.notes), "notes")
    if report.next_step:
        yield f"  next step: {report.next_step}"


def _other_settings(group: Sequence[Culprit]) -> str:
    return ", some with other settings" if len({culprit.diagnoses[0].settings for culprit in group}) > 1 else ""


def _few(lines: Iterable[str], what: str) -> list[str]:
    found = list(lines)
    return [*found[:MOST], *([f"  ... and {len(found) - MOST} more {what}"] if len(found) > MOST else [])]


def _worst(findings: Sequence[Finding]) -> Finding:
    return max(findings, key=lambda finding: (not finding.excluded, *severity(finding)))


def _where(finding: Finding, stage: str) -> str:
    name = finding.name.removeprefix(stage + "/")
    if finding.problem:
        return f"{name}: {finding.problem}"
    if finding.passed or finding.values is None:
        return name
    return f"{name} at {list(finding.index)}: {finding.values[0]!r} against {finding.values[1]!r}"
