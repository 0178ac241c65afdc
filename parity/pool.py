"""Reports of many models from several processes, which share the cores."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from dualnet.interface import DualnetError
from dualnet.process import cores, thread_counts
from parity.report import Report

__all__ = ["CrashError", "reports"]

WORTH_A_PROCESS = 4
"""Models for which one more process, which must import both frameworks, is started."""


class CrashError(DualnetError):
    """A process that compared a model died."""


def reports(
    report: Callable[[str, str | None, int], Report],
    pairs: Sequence[tuple[str, str | None]],
    seed: int = 0,
    jobs: int | None = None,
) -> Iterator[Report]:
    """The report of each concept's variant, in their order, each as soon as it is there.

    Args:
        report: compares one, given its id, variant and seed: `parity.suite.report`.
        pairs: concept ids with a variant.
        seed: decides weights, inputs and cotangents.
        jobs: processes; by default as many as there are cores and work for. One is this process itself.

    Raises:
        CrashError: a framework killed its process.
    """
    if jobs is None:
        jobs = max(1, min(cores(), len(pairs) // WORTH_A_PROCESS))
    if jobs == 1:
        for id, variant in pairs:
            yield report(id, variant, seed)
        return
    before = dict(os.environ)
    os.environ |= thread_counts(cores() // jobs)
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    try:
        futures = [(pair, pool.submit(report, *pair, seed)) for pair in pairs]
        for (id, variant), future in futures:
            try:
                yield future.result()
            except BrokenProcessPool:
                name = " ".join(filter(None, (id, variant)))
                raise CrashError(
                    f"a process died before {name} was compared: a framework crashed or memory ran out; "
                    f"`parity run {id} --jobs 1` shows which"
                ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        os.environ.clear()
        os.environ |= before
