"""Starts workers, each a process of its own, follows their events, and leaves none behind."""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import IO, Any, Generic, Protocol, TypeVar

from dualnet.interface import DualnetError
from dualnet.process import cores, worker_environment

__all__ = ["Sides", "Work", "WorkerError", "terminable"]

K = TypeVar("K", bound=Hashable)

GRACE = 5.0
"""Seconds that a worker has to end after being asked."""


class WorkerError(DualnetError, RuntimeError):
    """A worker ended before its job was done."""


class Work(Protocol):
    """What a worker is asked to do."""

    def to_json(self) -> str:
        """One line that it can be made from again."""


class Sides(Generic[K]):
    """The workers of one run; a context manager that ends them all.

    Args:
        jobs: by the name under which each worker is spoken of.
        worker: the module that does them.
        turns: they take turns, and each has all cores; else the cores are shared out evenly, so that the workers run
            side by side without disturbing one another.
    """

    def __init__(self, jobs: Mapping[K, Work], *, worker: str = "dualnet.training.worker", turns: bool = False) -> None:
        self.jobs, self.worker, self.turns = jobs, worker, turns
        self._events: queue.Queue[tuple[K, dict[str, Any]]] = queue.Queue()
        self._processes: dict[K, subprocess.Popen[str]] = {}
        self._threads: list[threading.Thread] = []
        self._logs: dict[K, IO[str]] = {}

    def __enter__(self) -> "Sides[K]":
        environment = {**os.environ, **worker_environment(cores() // (1 if self.turns else len(self.jobs)))}
        try:
            for name, job in self.jobs.items():
                self._start(name, job, environment)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, name: K, job: Work, environment: dict[str, str]) -> None:
        self._logs[name] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in close()
        process = subprocess.Popen(
            [sys.executable, "-m", self.worker],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._logs[name],
            text=True, env=environment, start_new_session=True,  # Ctrl-C is ours to pass on
        )  # fmt: skip
        self._processes[name] = process
        self._threads.append(threading.Thread(target=self._follow, args=(name, process), daemon=True))
        self._threads[-1].start()
        self._tell(name, job.to_json())

    def _follow(self, name: K, process: "subprocess.Popen[str]") -> None:
        last = ""
        for line in process.stdout or ():
            event = json.loads(line)
            last = event["event"]
            self._events.put((name, event))
        if last not in ("done", "error"):
            self._events.put((name, {"event": "died", "code": process.wait()}))

    def _tell(self, name: K, line: str) -> None:
        stdin = self._processes[name].stdin
        try:
            if stdin:
                stdin.write(line + "\n")
                stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; its last event says why

    def proceed(self, line: str = "train", *, only: Sequence[K] | None = None) -> None:
        """Let the workers that wait go on: all of them, or only some."""
        for name in self.jobs if only is None else only:
            self._tell(name, line)

    def retrace(self, seed: int) -> None:
        """Let the workers that wait record another trace, and wait until they have."""
        self.proceed(str(seed))
        for _ in self.events("traced"):
            pass

    def events(self, until: str, *, only: Sequence[K] | None = None) -> Iterator[tuple[K, dict[str, Any]]]:
        """Events as they come, until every worker, or each of some, has sent the one named ``until``.

        Raises:
            DualnetError: a worker was given something that it cannot work with; the message says what.
            WorkerError: a worker broke down; the message ends with what it printed last.
        """
        waiting = set(self.jobs if only is None else only)
        while waiting:
            name, event = self._events.get()
            if event["event"] == "error":
                raise DualnetError(event["message"])
            if event["event"] == "died":
                raise WorkerError(f"the {name} process ended with code {event['code']}:\n{self._log_tail(name)}")
            yield name, event
            if event["event"] == until:
                waiting.discard(name)

    def _log_tail(self, name: K, lines: int = 15) -> str:
        log = self._logs[name]
        log.seek(0)
        return "".join(log.readlines()[-lines:]).rstrip()

    def close(self) -> None:
        """End every worker and wait until it is gone."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self._processes.values():
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self._threads:
            thread.join(GRACE)
        for process in self._processes.values():
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what was left in a pipe to a process that is gone
                    if pipe:
                        pipe.close()
        for log in self._logs.values():
            log.close()


@contextmanager
def terminable() -> Iterator[None]:
    """Let a polite kill unwind like Ctrl-C does, so that no process and no half-written file stays behind."""

    def stop(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
