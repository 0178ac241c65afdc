"""One way of training, in a process of its own: ``python -m benchmarks.side JOB``, started by `benchmarks.training`.

Trains epoch by epoch.  After the warm-up it prints the samples per second of every epoch and waits for a line
before the next one, so that such processes can take turns; it ends when standard input does.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

import numpy as np

import dualnet
from dualnet.data import order
from dualnet.interface import Array, BackendName, Concept
from dualnet.training.loop import native_inputs

__all__ = ["Job", "epochs"]

WARM_UP = 2
"""Epochs that are not counted."""
STEPS_AT_ONCE = 10
"""The training loop asks for as many as it does in a tenth of a second: 10 and more here."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train and how.

    Args:
        way: "ours", or an ordinary one: "fit", "applications" (tf), "contiguous" or "channels_last" (torch).
        backend, concept, variant: the network and the recipe's update rule.
        batch_size: rows of each step.
        steps: of each epoch.
        config: settings over the variant's.
        public: the same network's name in torchvision or keras.applications; empty if it is written out here.
    """

    way: str
    backend: BackendName
    concept: str
    variant: str
    batch_size: int
    steps: int
    config: dict[str, Any] = field(default_factory=dict)
    public: str = ""

    def to_json(self) -> str:
        """One line that `Job` can be made from again."""
        return json.dumps(asdict(self))


def epochs(job: Job) -> Iterator[float]:
    """Seconds of each epoch, without end; every way sees the same rows in the same order."""
    declared = dualnet.concept(job.concept)
    settings = declared.settings(job.variant, job.config)
    images, *_ = declared.inputs(settings).values()
    rng, rows = np.random.default_rng(0), job.steps * job.batch_size
    x = rng.random((rows, *images.shape), dtype=np.float32)
    target = declared.targets(settings)
    y = rng.integers(target.classes, size=rows) if target.classes else x
    orders = (order(rows, 0, epoch) for epoch in count())
    if job.way == "ours":
        return ours(job, declared, x, y, orders)
    rule = declared.variant(job.variant).recipe.optimizer
    if job.backend == "tf":
        from benchmarks import plain_keras

        keras_model = plain_keras.model(job.way, job.concept, job.variant, settings, job.public)
        return plain_keras.fit(keras_model, rule, x, y, orders, job.batch_size)
    from benchmarks import plain_torch

    if job.concept in plain_torch.OWN_STEPS:
        return plain_torch.OWN_STEPS[job.concept](settings, rule, x, orders, job.batch_size, job.way)
    torch_model = plain_torch.model(job.concept, settings, job.public)
    return plain_torch.loop(torch_model, rule, x, y, orders, job.batch_size, job.way)


def ours(job: Job, declared: Concept, x: Array, y: Array, orders: Iterator[Array]) -> Iterator[float]:
    """Seconds of each epoch; the steps are those of `dualnet.training.loop.train`."""
    settings = declared.settings(job.variant, job.config)
    specs = declared.inputs(settings)
    backend, twin = dualnet.load(job.backend), dualnet.twin(job.concept, job.backend)
    model = dualnet.build(job.concept, job.backend, variant=job.variant, **job.config)
    rule = declared.variant(job.variant).recipe.optimizer
    loss, own = declared.loss(twin, backend, job.variant), declared.step(twin, job.variant)
    trainer = backend.trainer(model, loss, rule, own)
    inputs, targets = native_inputs(backend, x, specs, 0, 0), backend.tensor(y, declared.targets(settings).axes)
    for rows in orders:
        started = time.perf_counter()
        for part in np.split(rows, job.steps // STEPS_AT_ONCE):
            backend.array(trainer.steps(inputs, targets, part, job.batch_size))
        yield time.perf_counter() - started


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    for epoch, seconds in enumerate(epochs(job)):
        if epoch >= WARM_UP:
            print(job.steps * job.batch_size / seconds, flush=True)
            if not sys.stdin.readline():
                return


if __name__ == "__main__":
    main()
