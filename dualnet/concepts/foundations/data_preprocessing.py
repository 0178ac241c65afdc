"""Preprocessing: from a table in a file, with gaps and words in it, to tensors."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dualnet.concepts._files import CaseFile
from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "Prepared", "read_numbers", "read_table"]


class Prepared(NamedTuple):
    """A table as tensors."""

    inputs: Any
    """(N, F): the columns of numbers, then a column for each word of each column of words, and one for gaps in it."""
    targets: Any
    """(N,)."""


def read_numbers(path: Any, columns: tuple[str, ...]) -> Array:
    """Columns of a CSV file, (N, F) float64; NaN where there is a gap (nothing, NA, NaN).

    Raises:
        ValueError: a column is not there, or has something else than numbers.
    """
    import pandas as pd  # only here: importing it takes a second

    table = pd.read_csv(path)
    if missing := [column for column in columns if column not in table]:
        raise ValueError(f"no column {', '.join(missing)}: the file has {', '.join(table)}")
    found: Array = table[list(columns)].to_numpy(np.float64)
    return found


def read_table(path: Any, target: str) -> tuple[Array, Array]:
    """A CSV file as inputs (N, F) with gaps as NaN, words as columns of 0 and 1 in their order, and targets (N,)."""
    import pandas as pd

    table = pd.read_csv(path)
    words = pd.get_dummies(table.drop(columns=target), dummy_na=True, dtype=np.float64)  # they would be truths
    return words.to_numpy(np.float64), table[target].to_numpy(np.float64)


# --- a small table, and the third opinion ----------------------------------------------------------------------

_ROWS = ("NumRooms,RoofType,Price", "NA,NA,127500", "2,NA,106000", "4,Slate,178100", ",NA,140000", "3,Tile,155500")


def _write(path: Path) -> None:
    path.write_text("\n".join(_ROWS) + "\n")


_RNG = np.random.default_rng(61)
_FULL = _RNG.normal(size=(5, 3))
_GAPS = _FULL.copy()
_GAPS[[0, 3, 2], [1, 1, 2]] = np.nan


def _filled(values: Array) -> Array:
    return np.where(np.isnan(values), np.nanmean(values, 0), values)


def _indicators(codes: Array, classes: int) -> Array:
    found: Array = (np.where(codes < 0, classes, codes)[:, None] == np.arange(classes + 1)).astype(np.float32)
    return found


CONCEPT = Concept(
    module=__name__,
    title="CSV reading, missing values, one-hot encoding, conversion to tensors",
    kind="ops",
    summary="A table has numbers, gaps and words; a network takes numbers: gaps get a mean, words a column each.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.2",),
    differences=(
        Difference(
            "D251",
            "one-hot code of a negative label",
            tf="a row of zeros",
            torch="raises RuntimeError",
            ours="a gap: the last column is 1",
        ),
        Difference(
            "X-nanmean",
            "mean over what is there",
            tf="keras.ops.nanmean; none in tf",
            torch="nanmean",
            ours="the mean of the numbers; a gradient for each of them, none for a gap",
            demo=Demo(
                tf='hasattr(tf, "nanmean")',
                torch='hasattr(torch, "nanmean")',
            ),
        ),
    ),
    cases=(
        Case(
            "read_csv",
            {"path": CaseFile("numbers.csv", _write), "columns": ("NumRooms", "Price")},
            lambda path, columns: np.array([[np.nan, 127500], [2, 106000], [4, 178100], [np.nan, 140000], [3, 155500]]),
        ),
        *(
            Case(
                "read_csv",
                {"path": CaseFile("numbers.csv", _write), "columns": columns},
                raises=ValueError,
                label=label,
            )
            for label, columns in (("no_such_column", ("Rooms",)), ("words", ("RoofType",)))
        ),
        Case("fillna", {"values": _FULL}, _filled, wrt=("values",), label="no_gap"),
        Case(
            "fillna",
            {"values": _GAPS},
            _filled,
            wrt=("values",),
            label="gaps",
            gradients={"values": np.where(np.isnan(_GAPS), 0, [1.0, 1 + 2 / 3, 1 + 1 / 4])},
        ),
        Case("fillna", {"values": np.where(_FULL > -9, np.nan, 0)}, raises=ValueError, label="nothing_but_gaps"),
        Case("one_hot", {"codes": np.array([2, 0, -1, 1, 2]), "classes": 3}, _indicators),
        Case("one_hot", {"codes": np.empty(0, np.int64), "classes": 3}, _indicators, label="no_row"),
        Case("one_hot", {"codes": np.array([2, 3]), "classes": 3}, raises=ValueError, label="no_such_class"),
        Case(
            "preprocess",
            {"path": CaseFile("table.csv", _write), "target": "Price"},
            lambda path, target: Prepared(
                np.array([[3.0, 0, 0, 1], [2, 0, 0, 1], [4, 1, 0, 0], [3, 0, 0, 1], [3, 0, 1, 0]]),
                np.array([127500.0, 106000, 178100, 140000, 155500]),
            ),
        ),
    ),
)
