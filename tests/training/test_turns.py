"""Workers of any kind: spoken to one by one, and given cores to share or to take turns with."""

import json
from dataclasses import asdict, dataclass

import pytest

from dualnet.interface import DualnetError
from dualnet.training.sides import Sides, WorkerError

WORKER = """
import os

from dualnet.interface import ConfigError
from dualnet.training.serving import serve


def run(values, send, wait):
    print("no event")
    send("threads", count=int(os.environ["OMP_NUM_THREADS"]))
    while (line := wait()) != "finish":
        if line == "wrong":
            raise ConfigError("this is wrong")
        if line == "die":
            raise RuntimeError("broken")
        send("heard", name=values["name"], line=line)
    send("done")


serve(run)
"""


@dataclass
class Work:
    name: str

    def to_json(self):
        return json.dumps(asdict(self))


@pytest.fixture
def start(tmp_path, monkeypatch):
    (tmp_path / "listening_worker.py").write_text(WORKER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(6)), raising=False)

    def start(turns):
        return Sides({name: Work(name) for name in ("a", "b", "c")}, worker="listening_worker", turns=turns)

    return start


def threads(running):
    return [event["count"] for _, event in running.events("threads")]


def test_cores_are_shared_out_or_all_of_each(start):
    with start(turns=False) as running:
        assert threads(running) == [2, 2, 2]
    with start(turns=True) as running:
        assert threads(running) == [6, 6, 6]


def test_one_worker_goes_on_while_the_others_wait(start):
    with start(turns=True) as running:
        threads(running)
        running.proceed("first", only=["b"])
        assert list(running.events("heard", only=["b"])) == [("b", {"event": "heard", "name": "b", "line": "first"})]
        running.proceed("second")
        heard = sorted((name, event["name"], event["line"]) for name, event in running.events("heard"))
        assert heard == [(name, name, "second") for name in "abc"]
        running.proceed("finish")
        assert {name for name, _ in running.events("done")} == {*"abc"}


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [("wrong", DualnetError, "^this is wrong$"), ("die", WorkerError, "(?s)the c process ended with code 1.*broken")],
)
def test_what_goes_wrong_in_one_is_told(start, line, kind, message):
    with start(turns=True) as running:
        threads(running)
        running.proceed(line, only=["c"])
        with pytest.raises(kind, match=message):
            list(running.events("heard", only=["c"]))
