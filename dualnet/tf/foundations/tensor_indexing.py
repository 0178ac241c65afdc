"""Creating tensors and reading parts of them, in TensorFlow.

Brackets slice; gathering has functions of its own; tensors are immutable, so writing makes a new one.
"""

import tensorflow as tf

__all__ = ["gather_nd", "take_rows"]


def take_rows(x: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Whole slices along axis 0.

    Args:
        x: (R, ...), any dtype.
        rows: (M,) integers in [-R, R).

    Returns:
        (M, ...): x[rows[0]], x[rows[1]], ...

    Raises:
        IndexError: a row is out of range.
    """
    size = tf.shape(x, rows.dtype)[0]
    if tf.reduce_any((rows < -size) | (rows >= size)):
        raise IndexError(f"rows {rows.numpy().tolist()}: expected integers in [{-size}, {size})")
    return tf.gather(x, tf.where(rows < 0, rows + size, rows))  # (M, ...)


def gather_nd(x: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Elements or slices by coordinates: indices (M, K) into the first K axes of x give (M, ...)."""
    return tf.gather_nd(x, indices)
