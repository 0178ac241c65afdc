"""Reports from several processes: the same ones, in their order; a process that dies is told of."""

import contextlib
import os

import pytest

from parity import pool, suite


@pytest.mark.slow
def test_several_processes_find_what_one_finds(both):
    pairs = suite.pairs("perceptron", "receptive_field")
    before = dict(os.environ)
    one, two = (list(pool.reports(suite.report, pairs, 3, jobs=jobs)) for jobs in (1, 2))
    assert dict(os.environ) == before
    assert [report.title for report in two] == ["perceptron", "receptive_field"]
    for a, b in zip(one, two, strict=True):  # their errors are rounding, which depends on the number of threads
        assert b.passed
        assert [finding.name for finding in a.findings] == [finding.name for finding in b.findings]


def test_a_crash_says_what_was_compared():
    with pytest.raises(pool.CrashError, match=r"a process died before import os; os\.abort.* --jobs 1"):
        list(pool.reports(exec, [("import os; os.abort()", {})], None, jobs=2))


@pytest.mark.parametrize(("cores", "models", "processes"), [(2, 1, 0), (2, 7, 0), (2, 8, 2), (16, 8, 2), (1, 99, 0)])
def test_processes_are_started_for_cores_and_work(monkeypatch, cores, models, processes):
    started = []

    class Pool(pool.ProcessPoolExecutor):
        def __init__(self, count, context):
            started.append(count)
            raise InterruptedError

    monkeypatch.setattr(pool, "cores", lambda: cores)
    monkeypatch.setattr(pool, "ProcessPoolExecutor", Pool)
    with contextlib.suppress(InterruptedError):
        list(pool.reports(lambda id, variant, seed: id, [("a", None)] * models))
    assert sum(started) == processes
