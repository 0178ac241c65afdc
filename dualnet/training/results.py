"""What a side-by-side run leaves behind: a table, a picture, TensorBoard events and ``result.json``."""

import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from dualnet.interface import BackendName, ConfigError
from dualnet.training.history import History

__all__ = ["Divergence", "Side", "divergence", "draw", "new_folder", "relative_gaps", "table", "write"]

TITLES: Mapping[BackendName, str] = {"tf": "TensorFlow", "torch": "PyTorch"}
COLOURS: Mapping[BackendName, str] = {"tf": "#e8710a", "torch": "#4c3fd1"}
SEPARATION = 1e-5
"""A relative difference of two float32 losses above this is more than rounding."""


@dataclass
class Side:
    """What one backend did."""

    import_seconds: float = 0.0
    build_seconds: float = 0.0
    parameters: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    train_rows: int = 0
    test_rows: int = 0
    source: str = ""
    resumed_steps: int = 0
    """Done by an earlier run, from whose checkpoint this one went on."""
    history: History = field(default_factory=History)
    peak_memory_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**vars(self), "history": self.history.to_dict()}


@dataclass(frozen=True)
class Divergence:
    """How the two loss curves part: the largest relative difference, and the first step (from 1) above rounding."""

    largest: float
    first_step: int | None


def divergence(a: History, b: History) -> Divergence:
    """How two loss curves part."""
    gaps = relative_gaps(a, b)
    first = next((step for step, gap in enumerate(gaps, start=1) if gap > SEPARATION), None)
    return Divergence(max(gaps, default=0.0), first)


def relative_gaps(a: History, b: History) -> list[float]:
    """Relative difference of two loss curves, step by step; NaN counts as infinitely far."""
    gaps = [
        abs(x - y) / max(abs(x), abs(y)) if x != y else 0.0 for x, y in zip(a.losses, b.losses, strict=True)
    ]  # fmt: skip
    return [gap if math.isfinite(gap) else math.inf for gap in gaps]


def table(title: str, metric: str, sides: Mapping[BackendName, Side]) -> Table:
    """One row per figure, one column per backend."""
    result = Table(title=title, title_justify="left", header_style="bold")
    result.add_column("")
    for backend in sides:
        result.add_column(TITLES[backend], justify="right")
    rows = {
        "parameters": [f"{side.parameters:,}" for side in sides.values()],
        "training loss, last epoch": [f"{side.history.epochs[-1].loss:.6g}" for side in sides.values()],
        f"test {metric.replace('_', ' ')}": [_metric(metric, side.history) for side in sides.values()],
        "samples per second": [f"{side.history.samples_per_second:,.0f}" for side in sides.values()],
        "peak memory": [f"{side.peak_memory_bytes / 2**20:,.0f} MiB" for side in sides.values()],
        "import time": [f"{side.import_seconds:.2f} s" for side in sides.values()],
        "build time": [f"{side.build_seconds:.2f} s" for side in sides.values()],
    }
    for name, values in rows.items():
        result.add_row(name, *values)
    return result


def _metric(metric: str, history: History) -> str:
    value = history.epochs[-1].metric
    return f"{value:.2%}" if metric == "accuracy" else f"{value:.6g}"


def draw(path: Path, title: str, metric: str, sides: Mapping[BackendName, Side]) -> None:
    """A picture: loss curves (each step, and their running mean), how far they part, and the metric by epoch."""
    from matplotlib.figure import Figure  # only here: importing it takes a second

    figure = Figure(figsize=(4.5 * (1 + len(sides)), 4), layout="constrained")
    losses, *gaps, metrics = figure.subplots(1, 1 + len(sides))
    for (backend, side), dashes in zip(sides.items(), ("-", (0, (4, 3))), strict=False):
        style: dict[str, Any] = {"color": COLOURS[backend], "linestyle": dashes, "linewidth": 2}
        steps = np.arange(1, len(side.history.losses) + 1)
        losses.plot(steps, side.history.losses, color=COLOURS[backend], linewidth=0.5, alpha=0.25)
        losses.plot(steps, _running_mean(side.history.losses), label=TITLES[backend], **style)
        for player, values in side.history.players.items():
            losses.plot(steps, _running_mean(values), label=f"{TITLES[backend]}, {player}", **{**style, "linewidth": 1})
        epochs = [epoch.metric for epoch in side.history.epochs]
        metrics.plot(range(1, len(epochs) + 1), epochs, label=TITLES[backend], marker="o", markersize=4, **style)
    losses.set(title="loss", xlabel="step", ylabel="training loss", yscale="log")
    metrics.set(title="test", xlabel="epoch", ylabel=metric.replace("_", " "))
    metrics.xaxis.get_major_locator().set_params(integer=True)
    for axes in (losses, metrics):
        axes.legend(frameon=False)
    if gaps:
        parted = np.array(relative_gaps(*(side.history for side in sides.values())))
        gaps[0].semilogy(
            np.arange(1, len(parted) + 1), np.where(parted > 0, parted, np.nan), ".", color="#5f6368", ms=2
        )
        gaps[0].axhline(SEPARATION, color="#d93025", linewidth=1, label="beyond rounding")
        gaps[0].set(title="difference", xlabel="step", ylabel="relative difference of the losses")
        gaps[0].legend(frameon=False)
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=120)


def _running_mean(values: list[float]) -> NDArray[np.float64]:
    """The mean of the finite ones among about the last hundredth of all steps, at each step."""
    width = max(1, len(values) // 100)
    finite = np.isfinite(values)
    sums = np.cumsum(np.concatenate([[0.0], np.where(finite, values, 0.0)]))
    counts = np.cumsum(np.concatenate([[0], finite]))
    stop = np.arange(1, len(values) + 1)
    start = np.maximum(stop - width, 0)
    count = counts[stop] - counts[start]
    mean: NDArray[np.float64] = np.where(count > 0, sums[stop] - sums[start], np.nan) / np.maximum(count, 1)
    return mean


def write(folder: Path, result: Mapping[str, Any], sides: Mapping[BackendName, Side]) -> None:
    """``result.json``, and TensorBoard events of each side under ``tensorboard/<backend>``."""
    from tensorboardX import SummaryWriter  # needs neither framework

    text = json.dumps(_finite(result), indent=2, allow_nan=False)
    (folder / "result.json").write_text(text + "\n")
    for backend, side in sides.items():
        with SummaryWriter(str(folder / "tensorboard" / backend)) as writer:
            for step, loss in enumerate(side.history.losses, start=1):
                writer.add_scalar("loss/step", loss, step)
            for player, losses in side.history.players.items():
                for step, loss in enumerate(losses, start=1):
                    writer.add_scalar(f"loss/{player}", loss, step)
            for number, epoch in enumerate(side.history.epochs, start=1):
                writer.add_scalar("loss/epoch", epoch.loss, number)
                writer.add_scalar(f"{result['metric']}/test", epoch.metric, number)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write into; at the end its content moves to the target, or vanishes if anything went wrong.

    What the target holds under other names stays.
    """
    if target.exists() and not target.is_dir():
        raise ConfigError(f"--out {target}: expected a folder, it is a file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ConfigError(f"--out {target}: cannot be made: {error.strerror}: {error.filename}") from error
    try:
        yield partial
        target.mkdir(exist_ok=True)
        for entry in partial.iterdir():
            if (old := target / entry.name).is_dir():
                shutil.rmtree(old)
            entry.replace(old)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _finite(value: Any) -> Any:
    """The same JSON value with null for NaN and infinities, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
