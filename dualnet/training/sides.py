"""Starts workers, one process per backend, follows their events, and leaves none behind."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Any

from dualnet.interface import BackendName, DualnetError
from dualnet.process import cores, worker_environment
from dualnet.training.job import Job

__all__ = ["Sides", "WorkerError"]

GRACE = 5.0
"""Seconds that a worker has to end after being asked."""


class WorkerError(DualnetError, RuntimeError):
    """A worker ended before its job was done."""


class Sides:
    """The workers of one run; a context manager that ends them all.

    The cores are shared out evenly, so that the backends run side by side without disturbing one another.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = {job.backend: job for job in jobs}
        self._events: queue.Queue[tuple[BackendName, dict[str, Any]]] = queue.Queue()
        self._processes: dict[BackendName, subprocess.Popen[str]] = {}
        self._threads: list[threading.Thread] = []
        self._logs: dict[BackendName, IO[str]] = {}

    def __enter__(self) -> "Sides":
        environment = {**os.environ, **worker_environment(cores() // len(self.jobs))}
        try:
            for backend, job in self.jobs.items():
                self._start(backend, job, environment)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, backend: BackendName, job: Job, environment: dict[str, str]) -> None:
        self._logs[backend] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in close()
        process = subprocess.Popen(
            [sys.executable, "-m", "dualnet.training.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._logs[backend],
            text=True, env=environment, start_new_session=True,  # Ctrl-C is ours to pass on
        )  # fmt: skip
        self._processes[backend] = process
        self._threads.append(threading.Thread(target=self._follow, args=(backend, process), daemon=True))
        self._threads[-1].start()
        self._tell(backend, job.to_json())

    def _follow(self, backend: BackendName, process: "subprocess.Popen[str]") -> None:
        last = ""
        for line in process.stdout or ():
            event = json.loads(line)
            last = event["event"]
            self._events.put((backend, event))
        if last not in ("done", "error"):
            self._events.put((backend, {"event": "died", "code": process.wait()}))

    def _tell(self, backend: BackendName, line: str) -> None:
        stdin = self._processes[backend].stdin
        try:
            if stdin:
                stdin.write(line + "\n")
                stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; its last event says why

    def proceed(self) -> None:
        """Let the workers that wait go on to train."""
        for backend in self.jobs:
            self._tell(backend, "train")

    def events(self, until: str) -> Iterator[tuple[BackendName, dict[str, Any]]]:
        """Events as they come, until every side has sent the one named ``until``.

        Raises:
            DualnetError: a side was given something that it cannot work with; the message says what.
            WorkerError: a side broke down; the message ends with what it printed last.
        """
        waiting = set(self.jobs)
        while waiting:
            backend, event = self._events.get()
            if event["event"] == "error":
                raise DualnetError(event["message"])
            if event["event"] == "died":
                raise WorkerError(f"the {backend} process ended with code {event['code']}:\n{self._log_tail(backend)}")
            yield backend, event
            if event["event"] == until:
                waiting.discard(backend)

    def _log_tail(self, backend: BackendName, lines: int = 15) -> str:
        log = self._logs[backend]
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
