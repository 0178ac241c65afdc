"""Training throughput, ours against the ordinary ways of each framework: ``python -m benchmarks.training``.

Every round starts two fresh processes, ours and an ordinary one.  Both warm up, then they take turns: one trains
an epoch while the other waits, so that whatever else happens on the machine meets both alike.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any, cast

import psutil
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.side import Job
from dualnet.interface import BACKENDS, BackendName, choose
from dualnet.process import worker_environment

__all__ = ["GOALS", "NETWORKS", "ORDINARY", "Comparison", "Turn", "main", "race"]

NETWORKS = {
    "lenet": ("sigmoid_avg", "relu_max"),
    "multilayer_perceptron": ("concise",),
    "dcgan": ("dcgan_32",),
    "conv_vae": ("conv_15",),
}
"""The concepts with an ordinary network to compare with, and their variants."""


@dataclass(frozen=True)
class Public:
    """A network in full width that torchvision has, and perhaps keras.applications.

    Args:
        concept, variant, config: the same network here.
        torch, tf: its names there; empty where there is none.
        keras_config: settings under which it is the one of keras.applications.
    """

    concept: str
    variant: str
    config: dict[str, Any]
    torch: str
    tf: str = ""
    keras_config: dict[str, Any] = field(default_factory=dict)


SIZE = {"in_channels": 3, "image_size": 64, "num_classes": 1000}
DENSE = {"hidden": (4096, 4096)}
PUBLIC = {
    "alexnet": Public(
        "alexnet", "torchvision", {"channels": (64, 192, 384, 256, 256), "pooled_size": 6, **DENSE}, "alexnet"
    ),
    "vgg16": Public(
        "vgg", "vgg16", {"channels": (64, 128, 256, 512, 512), "pooled_size": 7, "dropout": 0.5, **DENSE}, "vgg16",
        "VGG16", {"pooled_size": 2, "dropout": 0.0},
    ),
    "googlenet": Public(
        "googlenet", "d2l",
        {"width": 64, "kernel_size": 3, "pool_padding": False, "last_pool": 2, "batch_norm": True, "dropout": 0.2},
        "googlenet",
    ),
    "resnet18": Public("resnet", "resnet18", {}, "resnet18"),
    "resnet50": Public(
        "resnet", "resnet50", {}, "resnet50", "ResNet50", {"version": "v1", "conv_bias": True, "epsilon": 1.001e-5}
    ),
    "densenet121": Public("densenet", "densenet121", {}, "densenet121", "DenseNet121", {"epsilon": 1.001e-5}),
}  # fmt: skip
"""Public networks on images of 64 pixels."""
ORDINARY = {"tf": ("fit",), "torch": ("contiguous", "channels_last")}
"""The ordinary ways of each framework."""
GOALS = {"tf": 1.1, "torch": 1.0}
"""The ratio to reach against each of them."""
OWN_GOALS = {"dcgan": 1.0, "conv_vae": 1.0}
"""The same, on either side, of what brings a step of its own."""
STEPS, TURNS = 50, 12
"""Steps of a turn, turns of a round."""
PUBLIC_STEPS, PUBLIC_TURNS, PUBLIC_BATCH = 10, 5, 16
"""Of the public networks, which take their time."""

Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Turn:
    """One epoch on each side, one right after the other.

    Args:
        ours, ordinary: samples per second.
        others: the share of the machine, 0-1, that other processes had; a turn with much of it says little.
    """

    ours: float
    ordinary: float
    others: float


@dataclass(frozen=True)
class Comparison:
    """All turns of all rounds."""

    job: Job
    rounds: list[list[Turn]]

    @property
    def ratios(self) -> list[float]:
        """Ours to ordinary: of each round, the median over its turns."""
        return [median(turn.ours / turn.ordinary for turn in turns) for turns in self.rounds]

    def to_dict(self) -> dict[str, Any]:
        """Medians over all turns; of the ratio, over the rounds."""
        turns = [turn for turns in self.rounds for turn in turns]
        return {
            **asdict(self.job),
            **{name: median(getattr(turn, name) for turn in turns) for name in ("ours", "ordinary", "others")},
            "ratios": self.ratios,
            "ratio": median(self.ratios),
            "goal": 1.0 if self.job.public else OWN_GOALS.get(self.job.concept, GOALS[self.job.backend]),
        }


def race(job: Job) -> list[Turn]:
    """One round of ours against the ordinary way of a job."""
    with _start(replace(job, way="ours")) as ours, _start(job) as ordinary:
        for process in (ours, ordinary):
            _result(process)  # at the same time and with the warm-up: not counted
        return [_turn(ours, ordinary) for _ in range(PUBLIC_TURNS if job.public else TURNS)]


@contextmanager
def _start(job: Job) -> Iterator[Process]:
    ours = worker_environment() if job.way == "ours" else {}  # as `dualnet train` starts it
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.side", job.to_json()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **ours},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _turn(*processes: Process) -> Turn:
    before = _cpu_seconds(*processes)
    results = []
    for process in processes:
        print(file=process.stdin, flush=True)
        results.append(_result(process))
    everyone, idle, own = (after - b for after, b in zip(_cpu_seconds(*processes), before, strict=True))
    ours, ordinary = results
    return Turn(ours, ordinary, max(0.0, 1 - (idle + own) / everyone))


def _result(process: Process) -> float:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise SystemExit(f"{process.args!r} ended with code {process.wait()}; its last words stand above")
    return float(line)


def _cpu_seconds(*processes: Process) -> tuple[float, float, float]:
    """Processor time so far: in all, idle, and used by these processes."""
    machine = psutil.cpu_times()
    used = sum(sum(psutil.Process(process.pid).cpu_times()[:2]) for process in processes)
    return sum(machine), machine.idle + getattr(machine, "iowait", 0.0), used


def public_jobs(name: str, backend: BackendName, batch_size: int) -> Iterator[Job]:
    """Ours against the public network of this name: every ordinary way of a side."""
    network = choose(PUBLIC, name, "public network")
    one = Job(
        way="", backend=backend, concept=network.concept, variant=network.variant, batch_size=batch_size,
        steps=PUBLIC_STEPS, config={**SIZE, **network.config}, public=network.torch,
    )  # fmt: skip
    yield from (replace(one, way=way) for way in ORDINARY[backend])
    if backend == "tf" and network.tf:
        yield replace(one, way="applications", config={**one.config, **network.keras_config}, public=network.tf)


def main(
    concept: Annotated[list[str], typer.Option(help="Repeatable.")] = [*NETWORKS],
    backend: Annotated[list[str], typer.Option(help="Repeatable.")] = [*ORDINARY],
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per step.")] = 256,
    public: Annotated[list[str], typer.Option(help="A public network instead of a concept; repeatable.")] = [],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure, and print samples per second, the ratio of each round and the median ratio."""
    jobs = [
        Job(way=way, backend=cast(BackendName, side), concept=id, variant=variant, batch_size=batch_size, steps=STEPS)
        for id in concept
        for variant in choose(NETWORKS, id, "concept")
        for side in backend
        for way in choose(ORDINARY, side, "backend")
    ]
    if public:
        sides = [choose({name: name for name in BACKENDS}, side, "backend") for side in backend]
        jobs = [job for name in public for side in sides for job in public_jobs(name, side, PUBLIC_BATCH)]
    found = []
    for job in jobs:
        turns = []
        for number in range(rounds):
            print(f"{job.concept} {job.variant}, {job.way}: round {number + 1} of {rounds}", file=sys.stderr)
            turns.append(race(job))
        found.append(Comparison(job, turns).to_dict())
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console().print(_table(found))


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title="Samples per second")
    for column in ("network", "against"):
        table.add_column(column)
    for column in ("ours", "theirs", "rounds", "ratio", "goal", "others"):
        table.add_column(column, justify="right")
    for row in found:
        table.add_row(
            f"{row['concept']} {row['variant']}",
            f"{row['backend']} {row['way']}",
            f"{row['ours']:,.0f}",
            f"{row['ordinary']:,.0f}",
            " ".join(f"{ratio:.2f}" for ratio in row["ratios"]),
            f"{row['ratio']:.2f}",
            f"{row['goal']:.1f}",
            f"{row['others']:.0%}",
        )
    return table


if __name__ == "__main__":
    typer.run(main)
