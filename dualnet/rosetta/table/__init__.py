"""The rows of the table, a module for each area."""

from dualnet.rosetta.row import Row
from dualnet.rosetta.table import creation, indexing, linear_algebra, math, reductions, shapes

__all__ = ["AREAS"]

AREAS: dict[str, tuple[Row, ...]] = {
    "tensors": creation.ROWS,
    "shapes": shapes.ROWS,
    "indexing": indexing.ROWS,
    "math": math.ROWS,
    "reductions": reductions.ROWS,
    "linear algebra": linear_algebra.ROWS,
}
