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

from rich.table import Table

from dualnet.interface import BackendName, ConfigError
from dualnet.training.loop import History

__all__ = ["Divergence", "Side", "divergence", "draw", "new_folder", "table", "write"]

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
    """Relative difference of two loss curves, step by step; NaN counts as infinitely far."""
    gaps = [
        abs(x - y) / max(abs(x), abs(y)) if x != y else 0.0 for x, y in zip(a.losses, b.losses, strict=True)
    ]  # fmt: skip
    gaps = [gap if math.isfinite(gap) else math.inf for gap in gaps]
    first = next((step for step, gap in enumerate(gaps, start=1) if gap > SEPARATION), None)
    return Divergence(max(gaps, default=0.0), first)


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
    """A picture of both loss curves and both metric curves."""
    from matplotlib.figure import Figure  # only here: importing it takes a second

    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, metrics = figure.subplots(1, 2)
    for index, (backend, side) in enumerate(sides.items()):
        style = {
            "color": COLOURS[backend],
            "label": TITLES[backend],
            "linestyle": ("-", "--")[index],
            "linewidth": 2 - index / 2,
        }
        losses.plot(range(1, len(side.history.losses) + 1), side.history.losses, **style)
        epochs = [epoch.metric for epoch in side.history.epochs]
        metrics.plot(range(1, len(epochs) + 1), epochs, marker="o", markersize=4, **style)
    losses.set(xlabel="step", ylabel="training loss", yscale="log")
    metrics.set(xlabel="epoch", ylabel=f"test {metric.replace('_', ' ')}")
    metrics.xaxis.get_major_locator().set_params(integer=True)
    for axes in (losses, metrics):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(path, dpi=120)


def write(folder: Path, result: Mapping[str, Any], sides: Mapping[BackendName, Side]) -> None:
    """``result.json``, and TensorBoard events of each side under ``tensorboard/<backend>``."""
    from tensorboardX import SummaryWriter  # needs neither framework

    text = json.dumps(_finite(result), indent=2, allow_nan=False)
    (folder / "result.json").write_text(text + "\n")
    for backend, side in sides.items():
        with SummaryWriter(str(folder / "tensorboard" / backend)) as writer:
            for step, loss in enumerate(side.history.losses, start=1):
                writer.add_scalar("loss/step", loss, step)
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
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
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
