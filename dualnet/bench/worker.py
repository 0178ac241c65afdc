"""One side in one form, in a process of its own: ``python -m dualnet.bench.worker``.

Reads a `Task` as one line of JSON, and says what it measures as events: "built", then, each after a line that lets it
go on, "warm" (or "impossible"), "timed" as often as it is asked for so many calls, and after "finish" "done".
"""

import resource
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from dualnet.bench.forms import Task
from dualnet.catalogue import concept, load, twin
from dualnet.interface import Array, Spec
from dualnet.training.serving import serve

__all__ = ["run"]

WARM_UP = 3
"""Calls that are not counted."""
PRODUCT_SIZE, PRODUCTS = 2048, 10


def run(task: Task, send: Callable[..., None], wait: Callable[[], str]) -> None:
    """Measure what a task asks for, in turns with others."""
    declared = concept(task.concept)
    config = {key: tuple(v) if isinstance(v, list) else v for key, v in task.config.items()}
    settings = declared.settings(task.variant, config)
    backend, side = load(task.backend), import_module(f"dualnet.{task.backend}._bench")
    functions = twin(task.concept, task.backend)
    framework_bytes = _peak_bytes()
    model = declared.build(functions, task.variant, config)
    rule, loss = declared.variant(task.variant).recipe.optimizer, declared.loss(functions, backend, task.variant)
    trainer = side.trainer(task.form, model, loss, rule, declared.step(functions, task.variant))
    rng, specs, targets = np.random.default_rng(0), declared.inputs(settings), declared.targets(settings)
    x = [backend.tensor(_rows(spec, task.batch_size, rng), spec.axes) for spec in specs.values()]
    y = backend.tensor(_rows(targets, task.batch_size, rng), targets.axes)
    parameters = sum(array.size for array in backend.state(model).parameters.values())
    send("built", parameters=parameters, framework_bytes=framework_bytes, versions=backend.versions())

    def timed(call: Callable[..., Any], *args: Any) -> float:
        started = time.perf_counter()
        call(*args)
        side.finish()
        return time.perf_counter() - started

    wait()
    try:
        seconds = sum(timed(trainer.predict, x) + timed(trainer.step, x, y) for _ in range(WARM_UP))
    except Exception as error:  # a compiler may fail in any way; the other forms are still of use
        send("impossible", reason=_brief(error))
        send("done")
        return
    send("warm", warm_up_seconds=seconds)
    while (line := wait()) != "finish":
        calls = range(int(line))
        forward = [timed(trainer.predict, x) for _ in calls]
        send("timed", forward_seconds=forward, step_seconds=[timed(trainer.step, x, y) for _ in calls])
    peak_bytes = _peak_bytes()
    product = side.product(PRODUCT_SIZE)
    send(
        "done",
        peak_bytes=peak_bytes,
        product_gflops=2e-9 * PRODUCT_SIZE**3 / min(timed(product) for _ in range(PRODUCTS)),
        forward_multiply_adds=side.multiply_adds(trainer.predict, x),
        step_multiply_adds=side.multiply_adds(trainer.step, x, y),
    )


def _rows(spec: Spec, count: int, rng: np.random.Generator) -> Array:
    """Labels, or numbers in 0-1, which suit every model."""
    if spec.classes:
        return rng.integers(spec.classes, size=(count, *spec.shape))
    return rng.random((count, *spec.shape), dtype=np.float32)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _brief(error: Exception) -> str:
    """The kind of an error and its first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def main() -> None:
    """Serve the process that started this one."""
    serve(lambda values, send, wait: run(Task(**values), send, wait))


if __name__ == "__main__":
    main()
