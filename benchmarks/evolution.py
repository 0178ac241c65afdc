"""Seven convolutional networks on the handwritten digits, on both sides: ``python -m benchmarks.evolution``.

Every network of the concept cnn_evolution_benchmark is trained from equal weights on equal batches by both trainers,
each side in a process of its own. Leaves a table, ``evolution.png`` and ``evolution.json`` behind.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dualnet.concepts.modern_convnets.cnn_evolution_benchmark import NETWORKS, OPTIMIZER
from dualnet.interface import BACKENDS, BackendName, choose
from dualnet.training.compare import run_jobs
from dualnet.training.job import Job
from dualnet.training.results import COLOURS, TITLES

__all__ = ["Line", "draw", "line", "main", "table", "train"]

STYLES: dict[BackendName, tuple[Any, str]] = {"tf": ("-", "o"), "torch": ((0, (4, 3)), "x")}
"""Dashes and markers: where both sides agree, one must not hide the other."""

COLUMNS = 4
"""Panels side by side in the picture."""


@dataclass(frozen=True)
class Line:
    """What one side made of one network; accuracies are of the test images, a list has a number for each epoch."""

    network: str
    year: int
    backend: BackendName
    parameters: int
    losses: list[float]
    accuracies: list[float]
    seconds: float
    """Of training."""


def train(network: str, epochs: int, batch_size: int, seed: int, out: Path) -> list[Line]:
    """Both sides of one network, trained next to each other."""
    chosen = NETWORKS[network]
    job = Job(
        backend="tf", concept=chosen.concept.id, variant=chosen.variant, config=chosen.settings, data="digits",
        optimizer=asdict(OPTIMIZER), batch_size=batch_size, epochs=epochs, seed=seed,
    )  # fmt: skip
    jobs = [Job(**{**vars(job), "backend": backend}) for backend in BACKENDS]
    result, _ = run_jobs(jobs, out / network, Console(stderr=True), parity=False)
    return [line(network, backend, side) for backend, side in result["sides"].items()]


def line(network: str, backend: BackendName, side: dict[str, Any]) -> Line:
    """The line of one side, from what a run leaves behind."""
    epochs = side["history"]["epochs"]
    return Line(
        network, NETWORKS[network].year, backend, side["parameters"], [epoch["loss"] for epoch in epochs],
        [epoch["metric"] for epoch in epochs], sum(epoch["seconds"] for epoch in epochs),
    )  # fmt: skip


def table(lines: list[Line]) -> Table:
    """Parameters, last loss and accuracy of every network on every side."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("network", "year", "side", "parameters", "loss", "accuracy", "seconds"):
        found.add_column(title, justify="left" if title in ("network", "side") else "right")
    for one in lines:
        found.add_row(
            one.network, str(one.year), one.backend, f"{one.parameters:,}", f"{one.losses[-1]:.4f}",
            f"{one.accuracies[-1]:.2%}", f"{one.seconds:.1f}",
        )  # fmt: skip
    return found


def draw(path: Path, lines: list[Line]) -> None:
    """A picture: the loss of every epoch, a panel for each network, and all accuracies."""
    from matplotlib.figure import Figure  # only here: importing it takes a second

    names = list(dict.fromkeys(one.network for one in lines))
    rows = -(-(len(names) + 1) // COLUMNS)
    figure = Figure(figsize=(3.5 * COLUMNS, 3 * rows), layout="constrained")
    panels = [figure.add_subplot(rows, COLUMNS, i + 1) for i in range(len(names) + 1)]
    last = panels.pop()
    for one in lines:
        axes = panels[names.index(one.network)]
        title = f"{one.network}, {one.year}: {one.parameters:,} parameters"
        axes.set_title(title, fontsize="medium")
        axes.set(xlabel="epoch", ylabel="training loss")
        dashes, marker = STYLES[one.backend]
        style: dict[str, Any] = {"color": COLOURS[one.backend], "label": TITLES[one.backend]}
        axes.plot(range(1, len(one.losses) + 1), one.losses, linestyle=dashes, **style)
        last.plot(names.index(one.network), one.accuracies[-1], linestyle="", marker=marker, **style)
    last.set(title="test", ylabel="accuracy", ylim=(0, 1.05))
    last.set_xticks(range(len(names)), names, rotation=45)
    panels[0].legend(frameon=False)
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main(
    network: Annotated[list[str], typer.Option(help="Repeatable.")] = [*NETWORKS],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per step.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Decides initial weights and the order of rows.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("runs/evolution"),
) -> None:
    """Train, and print one table over all networks and both sides."""
    for name in network:
        choose(NETWORKS, name, "network")
    out.mkdir(parents=True, exist_ok=True)
    lines = [found for name in network for found in train(name, epochs, batch_size, seed, out)]
    draw(out / "evolution.png", lines)
    (out / "evolution.json").write_text(json.dumps([asdict(one) for one in lines], indent=2) + "\n")
    Console().print(table(lines))


if __name__ == "__main__":
    typer.run(main)
