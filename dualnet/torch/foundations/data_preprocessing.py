"""From a table in a file to tensors in PyTorch. Source: Dive into Deep Learning, section 2.2."""

import os

import torch
from torch.nn import functional as F

from dualnet.concepts.foundations.data_preprocessing import Prepared, read_numbers, read_table

__all__ = ["fillna", "one_hot", "preprocess", "read_csv"]


def read_csv(path: str | os.PathLike[str], columns: tuple[str, ...]) -> torch.Tensor:
    """Columns of a CSV file, (N, F) float64; NaN where there is a gap.

    Raises:
        ValueError: a column is not there, or has something else than numbers.
    """
    return torch.tensor(read_numbers(path, columns))


def fillna(values: torch.Tensor) -> torch.Tensor:
    """Each gap becomes the mean of the numbers in its column.

    Args:
        values: (N, F), NaN where there is a gap.

    Returns:
        (N, F).

    Raises:
        ValueError: a column has nothing but gaps.
    """
    gaps = torch.isnan(values)  # N F
    if gaps.all(0).any():
        raise ValueError("values: a column has nothing but gaps, expected at least one number in each")
    return torch.where(gaps, torch.nanmean(values, 0), values)  # differs: X-nanmean


def one_hot(codes: torch.Tensor, classes: int) -> torch.Tensor:
    """A column for each class and a last one for gaps: 1 in that of each row, 0 elsewhere.

    Args:
        codes: (N,) int64 below `classes`; a gap is below 0.
        classes: how many.

    Returns:
        (N, classes + 1) float32.

    Raises:
        ValueError: a code is no class.
    """
    if (codes >= classes).any():
        raise ValueError(f"codes: expected integers below {classes}")
    places = torch.where(codes < 0, classes, codes)  # differs: D251
    return F.one_hot(places, classes + 1).to(torch.float32)


def preprocess(path: str | os.PathLike[str], target: str) -> Prepared:
    """A CSV file as tensors: gaps become means, and words become columns of 0 and 1.

    Args:
        path: the file.
        target: the column to be predicted.

    Returns:
        Inputs (N, F) and targets (N,), float64.
    """
    inputs, targets = read_table(path, target)
    return Prepared(fillna(torch.tensor(inputs)), torch.tensor(targets))
