"""Creating tensors and reading and rewriting parts of them, in TensorFlow.

Brackets slice; gathering, masking and scattering have functions of their own, and reject negative indices. Tensors
are immutable: writing makes a new one. Indices are checked by value, which needs eager execution.
"""

import tensorflow as tf
from keras import ops

from dualnet.concepts.foundations.tensor_indexing import TopK

__all__ = [
    "arange",
    "boolean_mask",
    "eye",
    "full_like",
    "gather_nd",
    "linspace",
    "lower_triangle",
    "masked_fill",
    "one_hot",
    "scatter_add",
    "scatter_update",
    "slice_rows",
    "strided_grid",
    "take_along_axis",
    "take_channel",
    "take_pairs",
    "take_rows",
    "topk",
    "where",
    "write_slice",
]


# --- creation -----------------------------------------------------------------------------------------------


def full_like(x: tf.Tensor, value: float) -> tf.Tensor:
    """A tensor of x's shape and type with this value everywhere; zeros_like and ones_like are two cases of it.

    Raises:
        TypeError: the value is a float, and x holds integers.
    """
    return tf.fill(x.shape, tf.constant(value, x.dtype))  # differs: X-float-into-integers raises by itself


def arange(start: float, stop: float, step: float, dtype: str = "int64") -> tf.Tensor:
    """Numbers from start on, step apart, before stop: none at all if the step leads away from stop.

    Args:
        start, stop, step: whole numbers if the type is an integer one.
        dtype: the type; floating ones are rounded once, from double precision.

    Returns:
        (ceil((stop - start) / step),).

    Raises:
        ValueError: the step is 0.
    """
    if step == 0:
        raise ValueError("step 0: expected another number")
    kind = tf.as_dtype(dtype)
    if start == stop or (start < stop) != (step > 0):  # differs: X-arange-direction raises InvalidArgumentError
        return tf.zeros(0, kind)
    exact = tf.float64 if kind.is_floating else kind
    return tf.cast(tf.range(start, stop, step, exact), kind)  # differs: X-arange-rounding counts in float32


def linspace(start: float, stop: float, count: int, dtype: str = "float32") -> tf.Tensor:
    """Numbers (count,) at equal distances from start to stop, both included; a single one is start.

    Raises:
        ValueError: the count is negative.
    """
    if count < 0:
        raise ValueError(f"count {count}: expected 0 or more")
    return tf.linspace(tf.constant(start, dtype), tf.constant(stop, dtype), count)


def eye(rows: int, columns: int, dtype: str = "float32") -> tf.Tensor:
    """Ones (rows, columns) on the main diagonal, zeros elsewhere."""
    return tf.eye(rows, columns, dtype=dtype)


def one_hot(labels: tf.Tensor, classes: int, dtype: str = "float32") -> tf.Tensor:
    """A one at each label's place: labels (...) give (..., K).

    Raises:
        IndexError: a label is outside [0, K).
    """
    if tf.reduce_any((labels < 0) | (labels >= classes)):  # differs: D251 one_hot gives zeros
        raise IndexError(f"labels {labels.numpy().tolist()}: expected integers in [0, {classes})")
    return tf.one_hot(labels, classes, dtype=dtype)  # (..., K)


def lower_triangle(x: tf.Tensor, diagonal: int = 0) -> tf.Tensor:
    """Each matrix (..., R, C) with zeros above this diagonal: 0 is the main one, 1 the next one above it."""
    rows, columns = x.shape[-2:]
    kept = tf.range(columns) - tf.range(rows)[:, None] <= diagonal  # (R, C)
    return tf.where(kept, x, tf.constant(0, x.dtype))  # differs: X-band-part keras.ops.tril fails beyond the matrix


# --- slices -------------------------------------------------------------------------------------------------


def slice_rows(x: tf.Tensor, start: int | None, stop: int | None, step: int = 1) -> tf.Tensor:
    """x[start:stop:step] along axis 0, as in NumPy: ends may be None or beyond the tensor, the step negative.

    Raises:
        ValueError: the step is 0.
    """
    if step == 0:  # differs: X-index-error raises InvalidArgumentError
        raise ValueError("step 0: expected another number")
    return x[start:stop:step]  # differs: D258 negative steps work


def strided_grid(x: tf.Tensor, row_step: int, column_step: int) -> tf.Tensor:
    """Every row_step-th row and column_step-th column of the last two axes: (..., R, C) gives fewer of both.

    Raises:
        ValueError: a step is less than 1.
    """
    if min(row_step, column_step) < 1:  # differs: D258 negative steps would work
        raise ValueError(f"steps {row_step} and {column_step}: expected 1 or more")
    return x[..., ::row_step, ::column_step]


def take_channel(x: tf.Tensor, channel: int) -> tf.Tensor:
    """One element of the last axis, which disappears: (..., C) gives (...).

    Raises:
        IndexError: the channel is not in [-C, C).
    """
    size = x.shape[-1]
    if not -size <= channel < size:  # differs: X-index-error raises InvalidArgumentError
        raise IndexError(f"channel {channel}: expected a number in [{-size}, {size})")
    return x[..., channel]  # (...)


# --- indices and masks --------------------------------------------------------------------------------------


def _from_front(indices: tf.Tensor, sizes: int | list[int]) -> tf.Tensor:
    limits = tf.constant(sizes, indices.dtype)
    # differs: X-index-error negative ones and those out of range raise InvalidArgumentError
    if tf.reduce_any((indices < -limits) | (indices >= limits)):
        raise IndexError(f"indices {indices.numpy().tolist()}: expected integers in [-R, R) for R = {sizes}")
    return tf.where(indices < 0, indices + limits, indices)


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
    return tf.gather(x, _from_front(rows, x.shape[0]))  # (M, ...)


def take_along_axis(x: tf.Tensor, indices: tf.Tensor, axis: int) -> tf.Tensor:
    """One element for each index, from the index's own place in the other axes.

    Args:
        x: of any shape, with R elements along the axis.
        indices: integers in [-R, R); M along the axis, elsewhere as x or 1.
        axis: negative ones count from the last.

    Returns:
        Of x's shape with M in the place of R.

    Raises:
        IndexError: an index or the axis is out of range.
        ValueError: the shapes do not fit.
    """
    indices = _from_front(indices, x.shape[axis])
    return ops.take_along_axis(x, indices, axis)  # differs: D250 tf.gather takes whole slices


def gather_nd(x: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Elements or slices by coordinates.

    Args:
        x: K axes or more.
        indices: (..., K) integers; each counts along its own axis, negative ones from the end.

    Returns:
        (..., the axes of x after the first K).

    Raises:
        IndexError: a coordinate is out of range, or there are more of them than axes.
    """
    if indices.ndim == 1:  # differs: X-gather-nd-one tf.gather_nd takes a single one, but its gradient raises
        return gather_nd(x, indices[None])[0]
    count = indices.shape[-1]
    if count > x.ndim:  # differs: X-index-error raises InvalidArgumentError
        raise IndexError(f"indices {tuple(indices.shape)}: expected at most {x.ndim} coordinates")
    return tf.gather_nd(x, _from_front(indices, list(x.shape[:count])))


def take_pairs(x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """x[rows[i], columns[i]] for each i: x (R, C, ...), rows (M,) and columns (M,) give (M, ...).

    Raises:
        IndexError: rows and columns are not equally many, or one is out of range.
    """
    if rows.shape != columns.shape:
        raise IndexError(f"rows {tuple(rows.shape)}, columns {tuple(columns.shape)}: expected equally many")
    return gather_nd(x, tf.stack((rows, columns), axis=-1))  # (M, ...)  # differs: D257 brackets raise TypeError


def boolean_mask(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """What lies where the mask is true, in order.

    Args:
        x: any shape.
        mask: booleans of the shape of x or of its first axes.

    Returns:
        (number of true elements, the axes of x after the mask's).

    Raises:
        IndexError: the mask has another shape, or none.
    """
    if mask.ndim == 0 or x.shape[: mask.ndim] != mask.shape:  # differs: X-mask-shape
        raise IndexError(f"mask {tuple(mask.shape)}: expected the first axes of {tuple(x.shape)}")
    return tf.boolean_mask(x, mask)


def where(condition: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Elements of x where the condition is true, else of y; all three broadcast, what is not taken has gradient 0.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    try:
        return tf.where(condition, x, y)
    except tf.errors.InvalidArgumentError as error:  # differs: X-shape-error
        raise ValueError(f"expected shapes that broadcast: {error}") from error


def masked_fill(x: tf.Tensor, mask: tf.Tensor, value: float) -> tf.Tensor:
    """The value where the mask, which broadcasts with x, is true, else x: -inf hides scores from a softmax.

    Raises:
        TypeError: the value is a float, and x holds integers.
        ValueError: the shapes do not broadcast.
    """
    return where(mask, tf.constant(value, x.dtype), x)  # differs: X-masked-fill TensorFlow has no such function


# --- writing ------------------------------------------------------------------------------------------------


def write_slice(x: tf.Tensor, start: int, values: tf.Tensor) -> tf.Tensor:
    """Values (M, ...) in the place of the rows of x (R, ...) from start on; x itself stays as it is.

    Raises:
        ValueError: the values do not fit there.
    """
    stop = start + len(values)
    if not 0 <= start <= stop <= len(x) or x.shape[1:] != values.shape[1:]:
        raise ValueError(f"values {tuple(values.shape)} do not fit into {tuple(x.shape)} from row {start} on")
    return tf.concat((x[:start], values, x[stop:]), axis=0)  # differs: D222 tensors cannot be written


def scatter_update(x: tf.Tensor, rows: tf.Tensor, updates: tf.Tensor) -> tf.Tensor:
    """Updates (M, ...) in the place of the rows (M,) of x (R, ...); of several for one row the last wins.

    The others get gradient 0.

    Raises:
        IndexError: a row is not in [-R, R).
        ValueError: the updates have another shape.
    """
    _check_updates(x, rows, updates)
    order = tf.range(len(rows))  # (M,)
    rows = _from_front(rows, x.shape[0])  # (M,)
    # differs: X-scatter-duplicates which one wins is not defined: find the last one of each row
    last = tf.math.unsorted_segment_max(order, rows, x.shape[0])  # (R,), negative for none
    written = last >= 0  # (R,)
    return tf.tensor_scatter_nd_update(x, tf.where(written), tf.gather(updates, last[written]))


def scatter_add(x: tf.Tensor, rows: tf.Tensor, updates: tf.Tensor) -> tf.Tensor:
    """Updates (M, ...) added to the rows (M,) of x (R, ...); several for one row all count.

    Raises:
        IndexError: a row is not in [-R, R).
        ValueError: the updates have another shape.
    """
    _check_updates(x, rows, updates)
    rows = _from_front(rows, x.shape[0])
    return tf.tensor_scatter_nd_add(x, rows[:, None], updates)  # differs: D221 duplicates add up


def _check_updates(x: tf.Tensor, rows: tf.Tensor, updates: tf.Tensor) -> None:
    expected = (*rows.shape, *x.shape[1:])
    if updates.shape != expected:
        raise ValueError(f"updates {tuple(updates.shape)}: expected the shape {expected}")


# --- the largest --------------------------------------------------------------------------------------------


def topk(x: tf.Tensor, k: int) -> TopK:
    """The k largest along the last axis, in descending order; of equal ones the lower index comes first.

    Args:
        x: (..., F) without NaN.
        k: from 0 to F.

    Returns:
        values (..., k) and their indices (..., k), int64.

    Raises:
        ValueError: x holds NaN, or k is out of range.
    """
    if not 0 <= k <= x.shape[-1]:
        raise ValueError(f"k {k}: expected a number from 0 to {x.shape[-1]}")
    if tf.reduce_any(x != x):  # differs: X-topk-nan the others would come in no order
        raise ValueError("x holds NaN, which has no place in an order: replace it first")
    values, indices = tf.math.top_k(x, k)  # differs: D241 the lower index of equal ones first
    return TopK(values, tf.cast(indices, tf.int64))  # differs: D234 index_type=tf.int64 breaks the gradient
