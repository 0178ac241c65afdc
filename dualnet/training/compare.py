"""The main job: both backends with the same weights and batches, parity first, then trained side by side."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from dualnet.catalogue import concept
from dualnet.interface import BackendName
from dualnet.process import require
from dualnet.training.exhibits import draw_exhibits, load_exhibits
from dualnet.training.history import History
from dualnet.training.job import Job
from dualnet.training.results import COLOURS, TITLES, Side, divergence, draw, new_folder, table, write
from dualnet.training.sides import Sides, terminable

__all__ = ["check", "run_jobs"]


UNTOLD = frozenset(
    (
        "backend",
        "checkpoint",
        "checkpoint_every",
        "trace",
        "traced_config",
        "exhibits",
        "weights",
        "data_dir",
        "download",
    )
)
"""What of a job says nothing about its result."""


def run_jobs(jobs: Sequence[Job], out: Path, console: Console, *, parity: bool) -> tuple[dict[str, Any], bool]:
    """Run one job per backend, show their progress, and leave table, picture, events and result behind.

    Args:
        jobs: one per backend, alike but for it.
        out: the folder for the results; what an earlier run left there is replaced at the end, not before.
        console: where to show progress and results.
        parity: compare both sides before they train.

    Returns:
        the result as in ``result.json``, and whether parity held (True if it was not asked for).

    Raises:
        MissingFrameworkError: a backend's framework is not installed.
        DualnetError: the job cannot be done as asked.
        WorkerError: a side broke down.
    """
    for job in jobs:
        require(job.backend)
    declared, first = concept(jobs[0].concept), jobs[0]
    title = f"{declared.title}: {declared.id}, {first.variant}, on {first.data}"
    sides: dict[BackendName, Side] = {job.backend: Side() for job in jobs}
    with terminable(), new_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        jobs = [
            replace(
                job,
                exhibits=f"{scratch}/{job.backend}.npz",
                weights=str(folder / "weights" / f"{job.backend}.safetensors"),
            )
            for job in jobs
        ]
        if parity:
            jobs = [replace(job, trace=f"{scratch}/{job.backend}.safetensors") for job in jobs]
        with Sides({job.backend: job for job in jobs}) as running:
            if parity:
                with console.status("importing, building, recording both sides"):
                    for backend, event in running.events("traced"):
                        _ready(backend, event, sides, console)
            report = check(jobs, running, console) if parity else None
            running.proceed()
            _follow(running, sides, declared.metric, console)
        result = _result(first, declared.metric, sides, report)
        draw(folder / "curves.png", title, declared.metric, sides)
        write(folder, result, sides)
        pictures = ["curves.png"]
        exhibits = {job.backend: load_exhibits(Path(job.exhibits or "")) for job in jobs}
        if all(exhibits.values()):
            draw_exhibits(folder / "exhibits.png", title, exhibits)
            pictures.append("exhibits.png")
    console.print(table(title, declared.metric, sides))
    if len(sides) > 1:
        gap = result["divergence"]
        where = "nowhere" if gap["first_step"] is None else f"first at step {gap['first_step']}"
        console.print(f"largest relative difference of the losses: {gap['largest']:.1e}; above 1e-5 {where}")
    console.print(
        f"pictures and figures: {', '.join(str(out / name) for name in (*pictures, 'result.json'))}", soft_wrap=True
    )
    console.print(
        f"weights: {', '.join(str(out / 'weights' / f'{backend}.safetensors') for backend in sides)}", soft_wrap=True
    )
    console.print(f"TensorBoard: tensorboard --logdir {out / 'tensorboard'}", soft_wrap=True)
    return result, report is None or report["passed"]


def check(jobs: Sequence[Job], running: Sides, console: Console) -> dict[str, Any]:
    """The parity report of the sides, which have recorded what is compared, in short; it is shown.

    Args:
        jobs: of both sides, with the files of their traces.
        running: the sides, waiting.
        console: where to show it.
    """
    from parity.report import Report
    from parity.suite import settled, third_opinion
    from parity.trace import Trace
    from parity.verdict import compare_traces  # only here: dualnet does without the engine

    def compared(seed: int) -> Report:
        if seed != jobs[0].seed:
            with console.status("recording both sides on other inputs"):
                running.retrace(seed)
        a, b = (Trace.load(job.trace or "") for job in jobs)
        return compare_traces(a, b, title="parity", reference=third_opinion(a))

    report = settled(compared, jobs[0].seed)
    worst = f"largest float64 difference {report.smallest_passing_limit:.1e}"
    console.print(f"[{'green' if report.passed else 'red'}]{report}[/]; {worst}", highlight=False)
    summary = report.to_dict()
    return {
        key: summary[key] for key in ("passed", "compared", "expected", "smallest_passing_limit", "not_tested", "notes")
    }


def _ready(backend: BackendName, event: dict[str, Any], sides: dict[BackendName, Side], console: Console) -> None:
    """Take down what a side says when it is about to train."""
    if event["event"] != "ready":
        return
    sides[backend] = Side(**{key: event[key] for key in event if key != "event"})
    if steps := sides[backend].resumed_steps:
        console.print(f"{TITLES[backend]}: goes on after {steps} steps of an earlier run")


def _follow(running: Sides[BackendName], sides: dict[BackendName, Side], metric: str, console: Console) -> None:
    """Show how the sides train, and keep how it went; a fast one may be done before the other is ready."""
    columns = (
        TextColumn("[bold]{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
        TextColumn("loss {task.fields[loss]}"),
        TextColumn("test {task.fields[metric]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[BackendName, TaskID] = {
            backend: bars.add_task(f"[{COLOURS[backend]}]{TITLES[backend]}[/]", total=1, loss="-", metric="-")
            for backend in sides
        }
        for backend, event in running.events("done"):
            _ready(backend, event, sides, console)
            if event["event"] == "progress":
                value = "-" if event["metric"] is None else f"{metric} {event['metric']:.4f}"
                bars.update(
                    tasks[backend],
                    completed=event["step"],
                    total=event["steps"],
                    loss=f"{event['loss']:.4f}",
                    metric=value,
                )
            elif event["event"] == "done":
                sides[backend].history = History.from_dict(event["history"])
                sides[backend].peak_memory_bytes = event["peak_memory_bytes"]


def _result(job: Job, metric: str, sides: Mapping[BackendName, Side], report: dict[str, Any] | None) -> dict[str, Any]:
    settings = asdict(job)
    asked = {key: settings[key] for key in settings if key not in UNTOLD}
    result: dict[str, Any] = {**asked, "metric": metric, "parity": report}
    if len(sides) > 1:
        a, b = (side.history for side in sides.values())
        result["divergence"] = asdict(divergence(a, b))
    result["sides"] = {backend: side.to_dict() for backend, side in sides.items()}
    return result
