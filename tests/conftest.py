"""Both frameworks in one process, in the order that works; a missing one skips, and fails where CI requires both."""

import os
import warnings

import pytest

from dualnet import catalogue
from dualnet.interface import BACKENDS, MissingFrameworkError
from dualnet.process import cores, require, thread_counts

if count := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # the processes share the cores
    os.environ |= thread_counts(cores() // int(count))


def pytest_collection_modifyitems(config, items):
    """What shares its fixtures or its report runs in one process: a file, or a model of the parity suite."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            check = getattr(item, "callspec", None) and item.callspec.params.get("check")
            parts = (item.path.name, *((check.concept, check.variant) if check else ()))
            item.add_marker(pytest.mark.xdist_group("-".join(parts)))


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
