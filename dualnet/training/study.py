"""A concept that is no model, side by side: parity of its functions, then what there is to see of them."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from dualnet.catalogue import concept
from dualnet.interface import Array, BackendName, Exhibit
from dualnet.process import require
from dualnet.training.compare import check
from dualnet.training.exhibits import draw_exhibits, load_exhibits
from dualnet.training.job import Job
from dualnet.training.results import TITLES, new_folder
from dualnet.training.sides import Sides, terminable

__all__ = ["run_study"]

PRINTED = 8
"""Numbers of an array that are printed, not only compared."""


def run_study(jobs: Sequence[Job], out: Path, console: Console) -> tuple[dict[str, Any], bool]:
    """Compare the functions of both sides, and draw what there is to see of them into one picture.

    Args:
        jobs: one per backend, alike but for it; of a concept that is no model.
        out: the folder for the results; what an earlier run left there is replaced at the end, not before.
        console: where to show results.

    Returns:
        the result as in ``result.json``, and whether parity held.

    Raises:
        MissingFrameworkError: a backend's framework is not installed.
        DualnetError: the job cannot be done as asked.
        WorkerError: a side broke down.
    """
    for job in jobs:
        require(job.backend)
    declared = concept(jobs[0].concept)
    title = f"{declared.title}: {declared.id}" + (f", on {jobs[0].data}" if jobs[0].data else "")
    with terminable(), new_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        jobs = [
            replace(job, trace=f"{scratch}/{job.backend}.safetensors", exhibits=f"{scratch}/{job.backend}.npz")
            for job in jobs
        ]
        with Sides({job.backend: job for job in jobs}) as running:
            with console.status("recording both sides"):
                for _ in running.events("traced"):
                    pass
            report = check(jobs, running, console)
            running.proceed()
            with console.status("studying both sides"):
                ended = {backend: event for backend, event in running.events("done") if event["event"] == "done"}
        shown = {job.backend: load_exhibits(Path(job.exhibits or "")) for job in jobs}
        result = {
            "concept": declared.id,
            "data": jobs[0].data,
            "seed": jobs[0].seed,
            "parity": report,
            "exhibits": [_compared(*each) for each in zip(*shown.values(), strict=True)],
            "sides": {backend: {key: ended[backend][key] for key in ("versions", "source")} for backend in shown},
        }
        (folder / "result.json").write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
        left = ["result.json"]
        if any(shown.values()):
            draw_exhibits(folder / "exhibits.png", title, shown)
            left.insert(0, "exhibits.png")
    if any(shown.values()):
        console.print(_table(title, shown))
    console.print(f"pictures and figures: {', '.join(str(out / name) for name in left)}", soft_wrap=True)
    return result, report["passed"]


def _compared(a: Exhibit, b: Exhibit) -> dict[str, Any]:
    """How far the two sides' arrays of one exhibit are apart, in parts of each array's largest number."""
    gaps = {name: _gap(a.arrays[name], b.arrays[name]) for name in a.arrays}
    return {"title": a.title, "kind": a.kind, "largest_difference": gaps}


def _gap(a: Array, b: Array) -> float | None:
    """None if they cannot be compared: of other shapes, or not finite in the same places."""
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return None
    finite = np.isfinite(a)
    if not finite.any():
        return 0.0
    x, y = a[finite].astype(np.float64), b[finite].astype(np.float64)
    return float(np.abs(x - y).max() / max(np.abs(x).max(), np.abs(y).max(), np.finfo(np.float64).tiny))


def _table(title: str, sides: Mapping[BackendName, tuple[Exhibit, ...]]) -> Table:
    result = Table(title=title, title_justify="left", header_style="bold")
    result.add_column("")
    for backend in sides:
        result.add_column(TITLES[backend], justify="right")
    result.add_column("difference", justify="right")
    for exhibits in zip(*sides.values(), strict=True):
        for name in exhibits[0].arrays:
            arrays = [exhibit.arrays[name] for exhibit in exhibits]
            gap = _gap(*arrays)
            said = "not comparable" if gap is None else f"{gap:.1e}"
            result.add_row(f"{exhibits[0].title}: {name}", *map(_printed, arrays), said)
    return result


def _printed(array: Array) -> str:
    if array.size > PRINTED:
        return f"{' x '.join(map(str, array.shape))} numbers"
    return ", ".join(f"{value:.6g}" for value in array.ravel())
