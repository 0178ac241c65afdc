"""What a comparison costs: time and memory of `parity.compare` against bare passes of both models.

Time: outputs and all gradients of two healthy models, against one forward and one backward pass of each in the same
precision, turn by turn in one process.  Memory: the greatest resident size of a process that compares, against that of
one that only runs both models and holds their gradients; what building the models took does not count. Linux only.
"""

import ctypes
import gc
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import dualnet
import parity
from dualnet.interface import Array

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "googlenet": ("d2l", {"image_size": 224, "in_channels": 3, "width": 64}),
    "resnet": ("resnet50", {"image_size": 224, "in_channels": 3}),
    "vgg": (
        "vgg16",
        {
            "image_size": 224, "in_channels": 3, "channels": (64, 128, 256, 512, 512), "pooled_size": 7,
            "hidden": (4096, 4096), "num_classes": 1000,
        },
    ),
}  # fmt: skip
"""The networks, full size: a variant, and settings over it."""
TIME_GOAL, MEMORY_GOAL = 1.5, 1.3
"""The ratios that may not be passed."""


class Pair:
    """Both twins of a network in float64, and a batch for them."""

    def __init__(self, name: str, rows: int) -> None:
        variant, config = NETWORKS[name]
        self.sides = dualnet.load("torch"), dualnet.load("tf")
        self.models = []
        for side in self.sides:
            with side.precision("float64", seed=0):
                self.models.append(dualnet.build(name, backend=side.name, variant=variant, **config))
        size = config["image_size"]
        self.images = np.random.default_rng(0).normal(size=(rows, 3, size, size))

    def bare(self) -> list[Any]:
        """One forward and one backward pass of each; everything that they leave behind."""
        return [_torch_pass(self.models[0], self.images), _tf_pass(self.models[1], self.images)]

    def compared(self) -> parity.Report:
        """The same through the engine."""
        report = parity.compare(self.models[0], self.models[1], self.images)
        report.raise_if_failed()
        return report


def _torch_pass(model: Any, images: Array) -> Any:
    import torch

    model.eval()
    x = torch.tensor(images, requires_grad=True)
    y = model(x)
    return y, torch.autograd.grad(y.square().sum(), [x, *model.parameters()])


def _tf_pass(model: Any, images: Array) -> Any:
    import tensorflow as tf

    x = tf.constant(images.transpose(0, 2, 3, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=False)
        loss = tf.reduce_sum(tf.square(y))
    return y, tape.gradient(loss, [x, *model.trainable_variables])


def timed(name: str, rows: int, rounds: int) -> list[float]:
    """Compared to bare: the ratio of each round."""
    pair = Pair(name, rows)
    pair.bare(), pair.compared()  # what is only done once
    ratios = []
    for _ in range(rounds):
        seconds = []
        for work in (pair.compared, pair.bare):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        ratios.append(seconds[0] / seconds[1])
    return ratios


def peak(name: str, rows: int, way: str) -> float:
    """GiB of a process of its own that works in one way, "bare" or "compared"."""
    code = f"from benchmarks import cost; print(cost.work({name!r}, {rows}, {way!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )
    return float(done.stdout.split()[-1])


def work(name: str, rows: int, way: str) -> float:
    """GiB of this process at most, from when the models stand."""
    pair = Pair(name, rows)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the greatest size is from now on
    kept = getattr(pair, way)()
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    del kept
    return int(kib) / 2**20


def main(
    rows: Annotated[int, typer.Option(min=1, help="Images in the batch.")] = 8,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure, and print the ratios beside what they may be."""
    results: list[dict[str, Any]] = []
    for name in ("googlenet", "resnet"):
        ratios = timed(name, rows, rounds)
        results.append({"network": name, "what": "time", "ratio": median(ratios), "goal": TIME_GOAL, "rounds": ratios})
    bare, compared = (peak("vgg", 1, way) for way in ("bare", "compared"))
    results.append({
        "network": "vgg", "what": "memory", "ratio": compared / bare, "goal": MEMORY_GOAL, "GiB": [compared, bare],
    })  # fmt: skip
    if as_json:
        print(json.dumps(results, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("network", "what", "ratio", "goal"):
        table.add_column(column)
    for found in results:
        table.add_row(found["network"], found["what"], f"{found['ratio']:.2f}", f"{found['goal']}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
