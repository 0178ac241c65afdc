"""House prices: the Ames table of a Kaggle competition, numbers and categories as they are, with their gaps.

Source: De Cock (2011), Ames, Iowa: alternative to the Boston housing data; Kaggle, "House prices - advanced
regression techniques".
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dualnet.interface import Array, DataError, Dataset

__all__ = ["HOUSE_PLACES", "embedded_table", "find_houses", "read_houses"]

HOUSE_PLACES = ("", "tabular", "house_prices", "house-prices-advanced-regression-techniques")
"""Where the two files are looked for below the data folder."""
FILES = (("train.csv", "test.csv"), ("kaggle_house_pred_train.csv", "kaggle_house_pred_test.csv"))
MISSING = "NA"
ROW, PRICE = "Id", "SalePrice"


class Table(NamedTuple):
    """A CSV file: its columns by name, all of the same length."""

    path: Path
    columns: dict[str, list[str]]


def find_houses(folder: Path) -> tuple[Path, Path] | None:
    """The training and the test file below a folder, in one of the usual places; None without any.

    Raises:
        DataError: a place has one of the files but not the other.
    """
    for place in (folder / name for name in HOUSE_PLACES):
        for names in FILES:
            train, test = (place / name for name in names)
            if train.is_file() and test.is_file():
                return train, test
            if train.is_file() or test.is_file():
                there, missing = (train, test) if train.is_file() else (test, train)
                raise DataError(f"{place}: {there.name} is there, but not {missing.name}: both are needed")
    return None


def read_houses(train_path: Path, test_path: Path) -> Dataset:
    """Both files as a data set.

    The inputs are the columns of numbers (N, P), float64 with NaN in gaps, and the other columns (N, Q), int64: the
    place of a category among all that the column has in both files, sorted, from 1 on; 0 is a gap. Targets are the
    prices (N,) in dollars, NaN in the test file, which has none.

    Raises:
        DataError: a file is damaged, or the two do not fit together.
    """
    train, test = _read(train_path), _read(test_path)
    prices = _prices(train)
    names = [name for name in train.columns if name not in (ROW, PRICE)]
    if unlike := {name for name in test.columns if name not in (ROW, PRICE)} ^ set(names):
        raise DataError(f"{test.path}: its columns are not those of {train.path.name}: {', '.join(sorted(unlike))}")
    whole = {name: train.columns[name] + test.columns[name] for name in names}
    numbers = {name: found for name, column in whole.items() if (found := _numbers(column)) is not None}
    codes = [_codes(column) for name, column in whole.items() if name not in numbers]
    rows = len(prices), len(prices) + len(next(iter(test.columns.values())))
    inputs = (
        np.array([*numbers.values()]).reshape(len(numbers), rows[1]).T.copy(),
        np.array(codes, np.int64).reshape(len(codes), rows[1]).T.copy(),
    )
    return Dataset(
        "house_prices",
        str(train.path.parent),
        tuple(array[: rows[0]] for array in inputs),
        prices,
        tuple(array[rows[0] :] for array in inputs),
        np.full(rows[1] - rows[0], np.nan),
    )


def embedded_table() -> Dataset:
    """A table of the same kind that needs no files: 442 patients, and the progression of diabetes for a price."""
    from sklearn.datasets import load_diabetes  # only here: importing it takes a second

    features, progression = load_diabetes(return_X_y=True, scaled=False)
    shuffled = np.random.default_rng(0).permutation(len(features))
    test, train = shuffled[:88], shuffled[88:]
    numbers, sex = np.delete(features, 1, axis=1), features[:, [1]].astype(np.int64)  # 1 and 2
    source = "scikit-learn's diabetes, as no data folder is named"
    return Dataset(
        "house_prices", source, (numbers[train], sex[train]), progression[train], (numbers[test], sex[test]),
        progression[test],
    )  # fmt: skip


def _read(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: no CSV file: {error}") from None
    except ValueError:
        raise DataError(f"{path}: the file is empty") from None
    if ROW not in header:
        raise DataError(f"{path}: no column {ROW!r}, which the competition's files have; columns: {', '.join(header)}")
    if not rows:
        raise DataError(f"{path}: there is a header, but no row")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} values, the header has {len(header)}: the file is damaged"
            )
    return Table(path, {name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)})


def _prices(train: Table) -> Array:
    if PRICE not in train.columns:
        raise DataError(f"{train.path}: no column {PRICE!r}: expected the training file of the competition")
    prices = _numbers(train.columns[PRICE])
    if prices is None or not (prices > 0).all():
        raise DataError(f"{train.path}: column {PRICE!r} has something else than prices above 0")
    return prices


def _numbers(column: list[str]) -> Array | None:
    """(N,) with NaN in gaps; None if there is anything but finite numbers and gaps."""
    try:
        found = np.array([np.nan if value == MISSING else float(value) for value in column])
    except ValueError:
        return None
    return None if np.isinf(found).any() else found


def _codes(column: list[str]) -> Array:
    places = {value: place for place, value in enumerate(sorted({*column} - {MISSING}), start=1)}
    return np.array([places.get(value, 0) for value in column], np.int64)
