"""From a table in a file to tensors in TensorFlow. Source: Dive into Deep Learning, section 2.2."""

import os

import tensorflow as tf

from dualnet.concepts.foundations.data_preprocessing import Prepared, read_numbers, read_table

__all__ = ["fillna", "one_hot", "preprocess", "read_csv"]


def read_csv(path: str | os.PathLike[str], columns: tuple[str, ...]) -> tf.Tensor:
    """Columns of a CSV file, (N, F) float64; NaN where there is a gap.

    Raises:
        ValueError: a column is not there, or has something else than numbers.
    """
    return tf.constant(read_numbers(path, columns))


def fillna(values: tf.Tensor) -> tf.Tensor:
    """Each gap becomes the mean of the numbers in its column.

    Args:
        values: (N, F), NaN where there is a gap.

    Returns:
        (N, F).

    Raises:
        ValueError: a column has nothing but gaps.
    """
    gaps = tf.math.is_nan(values)  # N F
    if tf.reduce_any(tf.reduce_all(gaps, 0)):
        raise ValueError("values: a column has nothing but gaps, expected at least one number in each")
    numbers = tf.where(gaps, tf.zeros_like(values), values)  # N F
    counts = tf.reduce_sum(tf.cast(~gaps, values.dtype), 0)  # F
    return tf.where(gaps, tf.reduce_sum(numbers, 0) / counts, values)  # differs: X-nanmean


def one_hot(codes: tf.Tensor, classes: int) -> tf.Tensor:
    """A column for each class and a last one for gaps: 1 in that of each row, 0 elsewhere.

    Args:
        codes: (N,) int64 below `classes`; a gap is below 0.
        classes: how many.

    Returns:
        (N, classes + 1) float32.

    Raises:
        ValueError: a code is no class.
    """
    if tf.reduce_any(codes >= classes):
        raise ValueError(f"codes: expected integers below {classes}")
    places = tf.where(codes < 0, tf.constant(classes, codes.dtype), codes)  # differs: D251
    return tf.one_hot(places, classes + 1)


def preprocess(path: str | os.PathLike[str], target: str) -> Prepared:
    """A CSV file as tensors: gaps become means, and words become columns of 0 and 1.

    Args:
        path: the file.
        target: the column to be predicted.

    Returns:
        Inputs (N, F) and targets (N,), float64.
    """
    inputs, targets = read_table(path, target)
    return Prepared(fillna(tf.constant(inputs)), tf.constant(targets))
