"""What measuring leaves behind: a table, a picture and ``bench.json``."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.table import Table

from dualnet.bench.forms import Measurement
from dualnet.training.results import COLOURS, TITLES

__all__ = ["busy", "costs", "draw", "machine_gflops", "report", "table", "write"]


def machine_gflops(measurements: Sequence[Measurement]) -> float:
    """The best rate of a matrix product that any side reached: this machine's peak; 0 if none was measured."""
    return max((m.product_gflops for m in measurements), default=0.0)


def report(measurements: Sequence[Measurement], **asked: Any) -> dict[str, Any]:
    """What was asked and what was found, as JSON values."""
    peak = machine_gflops(measurements)
    return {**asked, "machine_gflops": peak, "measurements": [m.to_dict(peak) for m in measurements]}


def table(title: str, measurements: Sequence[Measurement]) -> Table:
    """One row per side and form."""
    peak = machine_gflops(measurements)
    result = Table(title=title, title_justify="left", header_style="bold")
    for name in ("", "form"):
        result.add_column(name, no_wrap=True)
    for name in (
        "forward\nmedian (best)",
        "step\nmedian (best)",
        "samples/s\nin training",
        "GFLOP/s\nforward",
        "GFLOP/s\nstep",
        "peak\nmemory",
    ):
        result.add_column(name, justify="right")
    result.add_column("first calls,\ncompiling", justify="right")
    for m in measurements:
        side = f"[{COLOURS[m.backend]}]{TITLES[m.backend]}[/]"
        if m.reason:
            result.add_row(side, m.form, "-", "-", "-", "-", "-", "-", "-")
            continue
        result.add_row(
            side,
            m.form,
            _milliseconds(m.forward_seconds),
            _milliseconds(m.step_seconds),
            f"{m.batch_size / m.step:,.0f}",
            f"{m.forward_gflops:,.1f} ({m.forward_gflops / peak:.0%})",
            f"{m.step_gflops:,.1f} ({m.step_gflops / peak:.0%})",
            f"{m.peak_bytes / 2**20:,.0f} MiB",
            f"{m.warm_up_seconds:.1f} s",
        )
    return result


def costs(measurements: Sequence[Measurement]) -> list[str]:
    """What the model costs, a line for each side; what the shares are of; why a form has no figures."""
    sides = {m.backend: m for m in measurements if not m.reason}
    lines = [
        f"{TITLES[backend]}: {m.parameters:,} parameters; multiply-adds for one sample "
        f"{m.forward_multiply_adds / m.batch_size:,.0f} forward, {m.step_multiply_adds / m.batch_size:,.0f} trained; "
        f"{m.framework_bytes / 2**20:,.0f} MiB before it is built; "
        f"on {m.versions['device']} with {m.versions['threads']} threads"
        for backend, m in sides.items()
    ]
    reasons = [f"{TITLES[m.backend]}, {m.form}: none: {m.reason}" for m in measurements if m.reason]
    shares = f"shares are of {machine_gflops(measurements):,.0f} GFLOP/s, the best large matrix product here"
    return [*lines, shares, *reasons] if lines else reasons


def busy(load: float) -> list[str]:
    """A warning if others kept more than a quarter of the cores busy before anything was measured; else none."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if load <= cores / 4:
        return []
    said = f"the machine was busy (load {load:.1f} on {cores} cores): the best times say more than the medians"
    return [f"[yellow]{said}[/]"]


def _milliseconds(seconds: Sequence[float]) -> str:
    middle, best = 1000 * median(seconds), 1000 * min(seconds)
    return f"{middle:,.2f} ({best:,.2f}) ms" if middle < 100 else f"{middle:,.0f} ({best:,.0f}) ms"


def draw(path: Path, found: Mapping[str, Sequence[Measurement]]) -> None:
    """A picture: a row for each title with time forward and in a training step, achieved rate, and memory."""
    from matplotlib.figure import Figure  # only here: importing it takes a second

    done = {title: [m for m in measurements if not m.reason] for title, measurements in found.items()}
    heights = [0.4 * len(measurements) + 1.6 for measurements in done.values()]
    figure = Figure(figsize=(15, sum(heights)), layout="constrained")
    grid = figure.subplots(len(done), 4, squeeze=False, height_ratios=heights)
    for axes, (title, measurements) in zip(grid, done.items(), strict=True):
        _bars(axes, title, measurements)
    figure.savefig(path, dpi=100)


def _bars(axes: Any, title: str, measurements: Sequence[Measurement]) -> None:
    forward, step, rate, memory = axes
    places = np.arange(len(measurements))
    style: dict[str, Any] = {"color": [COLOURS[m.backend] for m in measurements]}
    times = {forward: [m.forward_seconds for m in measurements], step: [m.step_seconds for m in measurements]}
    for one, series in times.items():
        quartiles = [np.percentile(seconds, (25, 50, 75)) for seconds in series]
        low, middle, high = 1000 * np.reshape(quartiles, (-1, 3)).T
        one.barh(places, middle, xerr=(middle - low, high - middle), **style)
        one.set_xlabel("milliseconds (median, quartiles)")
    forward.set_title(f"{title}\nforward", loc="left")
    step.set_title("training step")
    rate.barh(places, [m.step_gflops for m in measurements], **style)
    rate.axvline(machine_gflops(measurements), color="#d93025", linewidth=1)
    rate.set(title="rate of a training step (line: large matrix product)", xlabel="GFLOP/s")
    memory.barh(places, [m.peak_bytes / 2**20 for m in measurements], **style)
    before = [m.framework_bytes / 2**20 for m in measurements]
    memory.barh(places, before, color="#00000040")
    memory.set(title="peak memory (dark: before it is built)", xlabel="MiB")
    for one in axes:
        one.set_yticks(places, [f"{TITLES[m.backend]}, {m.form}" for m in measurements] if one is forward else [])
        one.invert_yaxis()


def write(path: Path, reports: Sequence[Mapping[str, Any]]) -> None:
    """``bench.json``."""
    path.write_text(json.dumps(reports, indent=2, allow_nan=False) + "\n")
