"""``python -m parity``: list the checks, run them, record one side, compare two recordings, show a kept report.

Exit codes: 0 agree, 1 differ, 2 bad usage, 5 nothing compared.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dualnet.interface import DualnetError
from dualnet.process import prepare
from parity import pool, suite
from parity.html import html
from parity.junit import junit
from parity.report import Report, ReportError, save
from parity.tolerance import FLOAT64_LIMIT
from parity.trace import Trace
from parity.verdict import compare_traces

__all__ = ["app", "main"]

app = typer.Typer(
    help="Prove two deep-learning sides equal. Exit codes: 0 agree, 1 differ, 2 bad usage, 5 nothing compared.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False, width=None if sys.stdout.isatty() else 140)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides weights, inputs and cotangents.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page, too.")]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML, too.")]
Ids = Annotated[
    list[str] | None, typer.Argument(help="Concept ids; all concepts if none is given.", show_default=False)
]


def main() -> None:
    """Run the command line; every expected error is one line and exit code 2."""
    try:
        app()
    except DualnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


@app.command("list")
def list_checks(ids: Ids = None, as_json: Json = False) -> None:
    """Name every check."""
    checks = suite.checks(*ids or ())
    if as_json:
        rows = [{"id": c.id, "concept": c.concept, "variant": c.variant, "check": c.name} for c in checks]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for check in checks:
            typer.echo(check.id)
        typer.echo(f"{len(checks)} checks of {len({check.concept for check in checks})} concepts", err=True)


@app.command()
def run(
    ids: Ids = None,
    seed: Seed = 0,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default by the cores and the work.", show_default=False)
    ] = None,
    as_json: Json = False,
    html_file: Html = None,
    junit_file: Junit = None,
) -> None:
    """Compare both sides of concepts."""
    # Names and files first: a wrong one is told before any framework is imported.
    pairs = suite.pairs(*ids or ())
    _check_files(html_file, junit_file)
    reports = []
    for report in pool.reports(suite.report, pairs, seed, jobs):
        reports.append(report)
        if not as_json:
            colour = "green" if report.passed else "red"
            out.print(f"[{colour}]{'agree ' if report.passed else 'differ'}[/] {report.title}")
    if as_json:
        typer.echo(json.dumps([report.to_dict() for report in reports], indent=2))
    else:
        _print_summary(reports)
    _write(reports, html_file, junit_file)
    raise typer.Exit(_exit_code(reports))


@app.command("record")
def record_command(
    what: Annotated[str, typer.Argument(help="A concept id, or MODULE:FACTORY, what makes a model of yours.")],
    backend: Annotated[str, typer.Option(help="tf or torch.")],
    out_file: Annotated[Path, typer.Option("--out", help="The trace file to write (safetensors).")],
    variant: Annotated[str | None, typer.Option(help="A variant of the concept.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="Inputs of your model: a file of numpy.savez.")] = None,
    layout: Annotated[str | None, typer.Option(help="The letters of the inputs' axes, as NHWC.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Run your model in train mode.")] = False,
    weights: Annotated[Path | None, typer.Option(help="A trace of the other side: use its weights.")] = None,
    seed: Seed = 0,
) -> None:
    """Run one side and keep what it computed, to be compared in another process or on another machine."""
    _check_files(out_file)
    if ":" in what:
        trace = _recorded(what, backend, inputs, layout, train, weights, seed)
    elif inputs or layout or train or weights:
        raise typer.BadParameter("--inputs, --layout, --train and --weights are for MODULE:FACTORY", param_hint="WHAT")
    else:
        trace = suite.record(backend, what, variant, seed=seed)  # type: ignore[arg-type]
    trace.save(out_file)
    typer.echo(f"{len(trace.quantities)} quantities of {what} on {backend} in {out_file}")


def _recorded(
    what: str, backend: str, inputs: Path | None, layout: str | None, train: bool, weights: Path | None, seed: int
) -> Trace:
    from parity import foreign
    from parity.models import side

    if inputs is None:
        raise typer.BadParameter("a model needs inputs: a file of numpy.savez", param_hint="--inputs")
    arrays = foreign.read_inputs(inputs)
    given = None if weights is None else Trace.load(weights)
    if given is not None and not foreign.is_model(given):
        raise typer.BadParameter(f"{weights}: a trace of a concept, not of a model", param_hint="--weights")
    model = foreign.made(what)
    if (found := side(model).framework) != backend:
        raise typer.BadParameter(f"{what} makes a model of {found}", param_hint="--backend")
    one = list(arrays.values()) if all(name.startswith("arr_") for name in arrays) else arrays
    return foreign.record_model(model, one, train=train, seed=seed, layout=layout, weights=given, factory=what)


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(help="A trace file.")],
    b: Annotated[Path, typer.Argument(help="Another one.")],
    limit: Annotated[
        float, typer.Option(help="Greatest float64 distance relative to a tensor's scale.")
    ] = FLOAT64_LIMIT,
    replay: Annotated[
        bool, typer.Option("--replay", help="Make both models again (runs their factories), and find who is at fault.")
    ] = False,
    as_json: Json = False,
    html_file: Html = None,
    junit_file: Junit = None,
) -> None:
    """Compare two recordings."""
    from parity import foreign

    _check_files(html_file, junit_file)
    traces = Trace.load(a), Trace.load(b)
    models = [foreign.is_model(trace) for trace in traces]
    if any(models) and not all(models):
        raise typer.BadParameter("one is a trace of a concept, the other of a model", param_hint="A B")
    if replay and not all(models):
        raise typer.BadParameter("only models recorded as MODULE:FACTORY can be made again", param_hint="--replay")
    if all(models):
        traces = foreign.aligned(*traces)
    try:
        if replay:
            report = foreign.replayed(Trace.load(a), Trace.load(b))
        else:
            report = compare_traces(*traces, title=f"{a} against {b}", reference=_oracle(*traces), limit=limit)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--limit") from error
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        report.print(out)
    _write([report], html_file, junit_file)
    raise typer.Exit(report.exit_code)


@app.command("mutate")
def mutate_command(
    bugs: Annotated[list[str] | None, typer.Argument(help="Ids of bugs; all if none is given.")] = None,
    models: Annotated[str, typer.Option(help="small, concepts or all: what to put the bugs into.")] = "all",
    clean: Annotated[int, typer.Option(min=0, help="Also compare clean pairs over so many seeds.")] = 0,
    list_bugs: Annotated[bool, typer.Option("--list", help="Only name the bugs.")] = False,
    as_json: Json = False,
) -> None:
    """Put porting bugs into one side, and see whether each is caught, blamed on the right layer and explained."""
    if models not in ("small", "concepts", "all"):
        raise typer.BadParameter(f"{models!r}: expected small, concepts or all", param_hint="--models")
    prepare("torch")
    from parity import sabotage

    raise typer.Exit(sabotage.run(bugs or [], models, clean, list_bugs=list_bugs, as_json=as_json, console=out))


@app.command("doctor")
def doctor_command(
    a: Annotated[str, typer.Argument(help="MODULE:FACTORY of one model, or of a model and its optimizer.")],
    b: Annotated[str, typer.Argument(help="The same of the other.")],
    inputs: Annotated[Path | None, typer.Option(help="A file of numpy.savez, to pair the layers.")] = None,
    layout: Annotated[str | None, typer.Option(help="The letters of the inputs' axes, as NHWC.")] = None,
    as_json: Json = False,
) -> None:
    """What differs between two models and their environments, before anything is compared; exit code 1 if it does."""
    from parity import foreign
    from parity.checkup import doctor

    arrays = None if inputs is None else list(foreign.read_inputs(inputs).values())
    models, optimizers = zip(*(_with_optimizer(foreign.made(name)) for name in (a, b)), strict=True)
    found = doctor(*models, optimizers=None if None in optimizers else optimizers, inputs=arrays, layout=layout)
    if as_json:
        typer.echo(json.dumps([difference.to_dict() for difference in found], indent=2))
    else:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("what", a, b, "what to do"):
            table.add_column(column, overflow="fold")
        for difference in found:
            table.add_row(difference.topic, difference.a, difference.b, difference.advice)
        out.print(table if found else "nothing differs")
    raise typer.Exit(int(bool(found)))


def _with_optimizer(found: Any) -> tuple[Any, Any]:
    return found if isinstance(found, tuple) and len(found) == 2 else (found, None)


@app.command("show")
def show_command(
    report: Annotated[Path, typer.Argument(help="A report's JSON, or a list of them, as --json prints it.")],
    as_json: Json = False,
    html_file: Html = None,
    junit_file: Junit = None,
) -> None:
    """Show reports that were kept as JSON; the exit code is theirs."""
    reports = list(Report.load(report))
    _check_files(html_file, junit_file)
    if as_json:
        typer.echo(json.dumps([found.to_dict() for found in reports], indent=2))
    else:
        for found in reports:
            found.print(out)
    _write(reports, html_file, junit_file)
    raise typer.Exit(_exit_code(reports))


def _check_files(*paths: Path | None) -> None:
    """Tell now, not after minutes of work, that a file cannot be written."""
    for path in paths:
        if path is not None:
            parent = next(folder for folder in path.absolute().parents if folder.exists())
            if path.is_dir() or not parent.is_dir() or not os.access(parent, os.W_OK):
                raise ReportError(f"{path}: cannot be written; expected the path of a file in a folder of yours")


def _write(reports: list[Report], html_file: Path | None, junit_file: Path | None) -> None:
    if html_file is not None:
        typer.echo(f"page: {save(html_file, html(reports))}", err=True)
    if junit_file is not None:
        typer.echo(f"JUnit: {save(junit_file, junit(reports))}", err=True)


def _oracle(a: Trace, b: Trace) -> Trace | None:
    same: Any = a.about.get("concept"), a.about.get("seed")
    return suite.third_opinion(a) if same == (b.about.get("concept"), b.about.get("seed")) and same[0] else None


def _print_summary(reports: list[Report]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("concept", "compared", "float64 error", "float32 error", "float32 limit", "verdict"):
        table.add_column(column, justify="left" if column in ("concept", "verdict") else "right", no_wrap=True)
    for report in reports:
        single = report.worst("float32/")
        table.add_row(
            report.title,
            f"{report.compared} of {report.expected}",
            f"{report.smallest_passing_limit:.1e}",
            f"{single.error:.1e}" if single else "",
            f"{single.limit:.1e}" if single else "",
            "agree" if report.passed else "differ",
            style="" if report.passed else "red",
        )
    out.print(table)
    for report in reports:
        if not report.passed or report.notes:
            out.print(str(report), markup=False)


def _exit_code(reports: list[Report]) -> int:
    if not any(report.compared for report in reports):
        return 5
    return int(not all(report.passed for report in reports))
