"""Both frameworks in one process, in the order that works; a missing one skips, and fails where CI requires both."""

import os
import warnings

import pytest

from dualnet import catalogue
from dualnet.interface import BACKENDS, MissingFrameworkError
from dualnet.process import require


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
