"""The table of names: every text is executed, every name is one, and what a note asks for matters."""

import pytest

from dualnet.rosetta.check import examine, float64
from dualnet.rosetta.table import AREAS


@pytest.fixture(scope="module")
def frameworks(both):
    with float64():
        yield


@pytest.mark.parametrize("row", [pytest.param(row, id=row.title) for rows in AREAS.values() for row in rows])
def test_row(frameworks, row):
    assert not examine(row).problems
