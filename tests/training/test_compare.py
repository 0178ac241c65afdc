"""Two sides at once, one of them much faster than the other."""

from dataclasses import asdict

import pytest
from rich.console import Console

from dualnet.training import compare
from dualnet.training.history import Epoch, History
from dualnet.training.job import Job

READY = {
    "event": "ready", "import_seconds": 1.0, "build_seconds": 1.0, "parameters": 3, "versions": {}, "train_rows": 8,
    "test_rows": 2, "source": "", "resumed_steps": 0,
}  # fmt: skip


class OneAfterTheOther:
    """Sides of which one has done its work before the other begins."""

    def __init__(self, jobs):
        history = History(losses=[1.0, 0.5], epochs=[Epoch(0.75, 0.5, 1.0, 8)])
        done = {"event": "done", "history": history.to_dict(), "peak_memory_bytes": 1}
        self.left = [(backend, event) for backend in jobs for event in (READY, done)]
        self.jobs = jobs

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def proceed(self):
        pass

    def events(self, until):
        waiting = set(self.jobs)
        while waiting:
            assert self.left, "waits for what has been said already"
            backend, event = self.left.pop(0)
            yield backend, event
            if event["event"] == until:
                waiting.discard(backend)


@pytest.fixture
def jobs(monkeypatch):
    monkeypatch.setattr(compare, "Sides", OneAfterTheOther)
    monkeypatch.setattr(compare, "load_exhibits", lambda path: ())
    job = Job(backend="torch", concept="lenet", variant="relu_max", config={}, data="digits")
    return [job, Job(**{**asdict(job), "backend": "tf"})]


def test_a_side_that_is_done_before_the_other_is_ready_is_heard(jobs, tmp_path):
    result, agree = compare.run_jobs(jobs, tmp_path, Console(quiet=True), parity=False)
    assert agree
    assert {backend: side["parameters"] for backend, side in result["sides"].items()} == {"torch": 3, "tf": 3}
    assert all(len(side["history"]["losses"]) == 2 for side in result["sides"].values())
