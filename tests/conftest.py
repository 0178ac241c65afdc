"""Both frameworks in one process, in the order that works; a missing one skips, and fails where CI requires both."""

import os
import warnings

import pytest

from dualnet import catalogue
from dualnet.interface import BACKENDS, MissingFrameworkError
from dualnet.process import cores, require, thread_counts
from parity import suite

if count := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # the processes share the cores
    os.environ |= thread_counts(cores() // int(count))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """What shares its fixtures or its report runs in one process: a file, or a model of the parity suite."""
    from xdist.scheduler import LoadScopeScheduling

    models = {check.id: f"{check.concept}-{check.variant}" for check in suite.checks()}

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            return models.get(test.removeprefix("test_parity[").removesuffix("]"), file)

    return Scheduling(config, log)


@pytest.fixture(scope="session", params=list(BACKENDS))
def backend(request):
    """Each backend in turn."""
    return load(request.param)


@pytest.fixture(scope="session")
def both():
    """Both backends by name."""
    return {name: load(name) for name in ("torch", "tf")}


def load(name):
    try:
        require(name)
    except MissingFrameworkError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework says while it is imported is its own business
        return catalogue.load(name)


@pytest.fixture(scope="module")
def frameworks(both):
    """Both, making float64 of their own accord: what executes texts of the rosetta table asks for it."""
    from dualnet.rosetta.check import float64

    with float64():
        yield
