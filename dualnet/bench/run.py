"""Measures both sides: a process for each form, in turns, so that whatever else runs on the machine meets all alike."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from dualnet.bench.forms import IMPOSSIBLE, Measurement, Task
from dualnet.process import require
from dualnet.training.sides import Sides, WorkerError, terminable

__all__ = ["measure"]

ROUNDS = 5


def measure(tasks: Sequence[Task], repeats: int, console: Console) -> list[Measurement]:
    """Do the tasks of one concept.

    Args:
        tasks: one for each side and form.
        repeats: timed calls of each, forward and in training.
        console: where to show progress.

    Returns:
        One for each task, in order; what cannot be done says why.

    Raises:
        MissingFrameworkError: a backend's framework is not installed.
        DualnetError: a task cannot be done as asked.
        WorkerError: a side broke down while its model was made.
    """
    for task in tasks:
        require(task.backend)
    found = {
        task.name: Measurement(
            backend=task.backend,
            form=task.form,
            batch_size=task.batch_size,
            reason=IMPOSSIBLE.get((task.backend, task.form), ""),
        )
        for task in tasks
    }
    possible = {task.name: task for task in tasks if not found[task.name].reason}
    with (
        terminable(),
        Sides(possible, worker="dualnet.bench.worker", turns=True) as running,
        console.status("importing, building") as status,
    ):
        for name, event in running.events("built"):
            _note(found[name], event)
        for name in possible:
            status.update(f"{name}: warming up")
            _turn(running, name, found[name], "warm up", "warm")
        for count in _shared_out(repeats):
            for name in [name for name in possible if not found[name].reason]:
                status.update(f"{name}: {count} calls")
                _turn(running, name, found[name], str(count), "timed")
        for name in [name for name in possible if not found[name].reason]:
            status.update(f"{name}: counting")
            _turn(running, name, found[name], "finish", "done")
    return list(found.values())


def _turn(running: Sides[str], name: str, measurement: Measurement, line: str, until: str) -> None:
    """Let one worker go on until it has sent an event; a form in which it breaks down is one that cannot be done."""
    running.proceed(line, only=[name])
    try:
        for _, event in running.events(until, only=[name]):
            _note(measurement, event)
            if event["event"] == "impossible":
                return
    except WorkerError as error:
        measurement.reason = str(error)


def _note(measurement: Measurement, event: dict[str, Any]) -> None:
    for name, value in event.items():
        if name.endswith("_seconds") and isinstance(value, list):
            getattr(measurement, name).extend(value)
        elif name != "event":
            setattr(measurement, name, value)


def _shared_out(repeats: int) -> list[int]:
    """The calls of each round, nearly equal."""
    rounds = min(ROUNDS, repeats)
    return [(repeats + i) // rounds for i in range(rounds)]
