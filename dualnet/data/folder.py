"""The user's own images: a folder with a table of labels, with a folder for each class, or of images alone.

- A table: the one CSV file in the folder, each line a file (its path from there) and a label. The first line names the
  columns, or is a line like the others where it begins with the name of an image. Without other wishes the first
  column has the files and the second the labels; a column ``split`` says ``train`` or ``test``.
- Classes: ``train/<class>/`` and ``test/<class>/``.
- Neither: all images below the folder, by name, each with label 0.

Labels are ranks or classes 0, 1, ... as they stand; attributes, -1 or 1, become 0 and 1; names are numbered in
alphabetical order; all other numbers are targets (N, 1). Where nothing says what is for testing, every fifth image is.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dualnet.data.images import ENDINGS, open_image, unit
from dualnet.interface import Array, DataError, Dataset

__all__ = ["read_folder"]

SPLIT = "split"


class Row(NamedTuple):
    """One image, and where it is said to be."""

    where: str
    file: Path
    label: str
    test: bool


def read_folder(
    folder: Path, image_size: int, file_column: str | None = None, label_column: str | None = None
) -> Dataset:
    """The images of a folder in colour, cut to a square around the middle and resized bilinearly.

    Args:
        folder: see above.
        image_size: height and width, in pixels.
        file_column, label_column: the columns of the table, by name.

    Raises:
        DataError: a table, a label or an image is missing or damaged; the message tells its line.
    """
    rows = [*_rows(folder, file_column, label_column)]
    test = np.array([row.test for row in rows], bool)
    if test.all() or not test.any():
        raise DataError(
            f"{folder}: expected images for training and for testing ({', '.join(ENDINGS)}), "
            f"found {np.sum(~test)} and {np.sum(test)}"
        )
    targets = _targets(rows)
    images = np.stack([_square(row, image_size) for row in rows])
    return Dataset("folder", str(folder), unit(images[~test]), targets[~test], unit(images[test]), targets[test])


def _rows(folder: Path, file_column: str | None, label_column: str | None) -> Iterator[Row]:
    tables = sorted(folder.glob("*.csv"))
    if len(tables) > 1:
        raise DataError(f"{folder}: expected one CSV file, found {', '.join(path.name for path in tables)}")
    if tables:
        return _table_rows(tables[0], file_column, label_column)
    if file_column or label_column:
        raise DataError(f"{folder}: a column was named, but there is no CSV file")
    return _class_rows(folder) if (folder / "train").is_dir() else _plain_rows(folder)


def _plain_rows(folder: Path) -> Iterator[Row]:
    for i, file in enumerate(_images_below(folder)):
        yield Row(str(file), file, "0", _fifth(i))


def _class_rows(folder: Path) -> Iterator[Row]:
    for split in ("train", "test"):
        top = folder / split
        for file in _images_below(top):
            if file.parent == top:
                raise DataError(f"{file}: expected it in a folder with the name of its class")
            yield Row(str(file), file, file.relative_to(top).parts[0], split == "test")


def _images_below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS]


def _fifth(i: int) -> bool:
    """Whether this image is for testing: two images are enough for one of them to be."""
    return i % 5 == 1


def _table_rows(path: Path, file_column: str | None, label_column: str | None) -> Iterator[Row]:
    lines = _lines(path)
    named = bool(lines) and not lines[0][1][0].lower().endswith(ENDINGS)
    header = lines.pop(0)[1] if named else []
    file, label = _column(path, header, file_column, 0), _column(path, header, label_column, 1)
    split = header.index(SPLIT) if SPLIT in header else None
    for i, (number, cells) in enumerate(lines):
        where = f"{path}, line {number}"
        if len(cells) <= max(file, label, split or 0):
            raise DataError(f"{where}: expected a file and a label, came {','.join(cells)!r}")
        if split is not None and cells[split] not in ("train", "test"):
            raise DataError(f"{where}: expected train or test in column {SPLIT}, came {cells[split]!r}")
        test = _fifth(i) if split is None else cells[split] == "test"
        yield Row(where, path.parent / cells[file], cells[label], test)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers from 1."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a CSV file: {error}") from error


def _column(path: Path, header: Sequence[str], name: str | None, usual: int) -> int:
    if name is None:
        return usual
    if name not in header:
        raise DataError(f"{path}: there is no column {name!r}: it has {', '.join(header) or 'no line of names'}")
    return header.index(name)


# --- labels ----------------------------------------------------------------------------------------------------


def _targets(rows: Sequence[Row]) -> Array:
    """(N,) int64 labels or (N, 1) float32 numbers."""
    numbers = [_number(row) for row in rows]
    found = [number for number in numbers if number is not None]
    if not found:
        names = sorted({row.label for row in rows})
        return np.array([names.index(row.label) for row in rows], np.int64)
    if len(found) < len(rows):
        row = rows[numbers.index(None)]
        raise DataError(f"{row.where}: expected a number as label, as elsewhere, came {row.label!r}")
    values = np.array(found)
    if set(found) == {-1.0, 1.0}:
        return (values > 0).astype(np.int64)
    if (values >= 0).all() and (values % 1 == 0).all():
        return values.astype(np.int64)
    return values[:, None].astype(np.float32)


def _number(row: Row) -> float | None:
    """A label as a number; none if it is a name."""
    try:
        value = float(row.label)
    except ValueError:
        value = None
    if not row.label or (value is not None and not math.isfinite(value)):
        raise DataError(f"{row.where}: expected a label, came {row.label!r}")
    return value


# --- pixels ----------------------------------------------------------------------------------------------------


def _square(row: Row, size: int) -> Array:
    """(3, size, size) bytes."""
    from PIL import Image  # only here: most data are no image files

    try:
        image = open_image(row.file)
    except DataError as error:
        raise error if row.where == str(row.file) else DataError(f"{row.where}: {error}") from error
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))  # first, or what is cut off colours the border
    return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
