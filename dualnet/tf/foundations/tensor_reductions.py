"""Reductions, norms, order and counting, in TensorFlow.

The tf.reduce_... functions take `axis` as a number or a tuple and `keepdims`; they keep the type, and integers wrap.

Everywhere `axis` is None for all axes, a number, or a tuple of several; negative ones count from the last. `keepdims`
leaves a 1 in the place of each. An axis out of range raises IndexError, none or a repeated one ValueError. Integers and
booleans are summed as int64; where the result is a fraction they count as float64.
"""

import math

import tensorflow as tf
from keras import ops

from dualnet.concepts.foundations.tensor_reductions import Unique

__all__ = [
    "all_close",
    "all_equal",
    "argmax",
    "argmin",
    "argsort",
    "bincount",
    "count_nonzero",
    "cumulative_product",
    "cumulative_sum",
    "equal",
    "histogram",
    "logsumexp",
    "median",
    "norm_l1",
    "norm_l2",
    "norm_p",
    "quantile",
    "reduce_all",
    "reduce_any",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_product",
    "reduce_sum",
    "sort",
    "standard_deviation",
    "unique",
    "variance",
]

_Axis = int | tuple[int, ...] | None


# --- axes and types -----------------------------------------------------------------------------------------


def _axes(x: tf.Tensor, axis: _Axis, least: int = 0) -> tuple[int, ...]:
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    if not all(-x.ndim <= a < x.ndim for a in axes):  # differs: X-axis-error raises InvalidArgumentError
        raise IndexError(f"axis {axis} of shape {tuple(x.shape)}: expected numbers in [{-x.ndim}, {x.ndim})")
    found = tuple(sorted(a % x.ndim for a in axes))
    if axis == () or len(set(found)) < len(found):  # differs: X-axis-error no axis at all would change nothing
        raise ValueError(f"axis {axis}: expected one or more, each once")
    if (count := math.prod(x.shape[a] for a in found)) < least:  # differs: X-empty-maximum reduce_max gives -inf
        raise ValueError(f"axis {axis} of shape {tuple(x.shape)}: expected {least} elements or more, came {count}")
    return found


def _folded(x: tf.Tensor, axes: tuple[int, ...]) -> tf.Tensor:
    kept = [a for a in range(x.ndim) if a not in axes]
    sizes = [x.shape[a] for a in kept]
    return tf.reshape(tf.transpose(x, (*kept, *axes)), (*sizes, math.prod(x.shape[a] for a in axes)))  # (..., M)


def _left(x: tf.Tensor, axes: tuple[int, ...], keepdims: bool) -> list[int]:
    return [1 if a in axes else x.shape[a] for a in range(x.ndim) if keepdims or a not in axes]


def _floating(x: tf.Tensor) -> tf.Tensor:
    return x if x.dtype.is_floating else tf.cast(x, tf.float64)  # differs: D230 a mean of integers is an integer


def _widened(x: tf.Tensor) -> tf.Tensor:
    if x.dtype == tf.float16:  # differs: D231 float16 would be added up in float16
        return tf.cast(x, tf.float32)
    return x if x.dtype.is_floating else tf.cast(x, tf.int64)  # differs: D229, D233 would wrap or raise


# --- sums and products --------------------------------------------------------------------------------------


def reduce_sum(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The sum; 0 of nothing. Integers and booleans give int64."""
    total = tf.reduce_sum(_widened(x), axis=_axes(x, axis), keepdims=keepdims)
    return tf.cast(total, x.dtype) if x.dtype.is_floating else total


def reduce_mean(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The mean; NaN of nothing. Integers and booleans give float64."""
    x = _floating(x)
    return tf.cast(tf.reduce_mean(_widened(x), axis=_axes(x, axis), keepdims=keepdims), x.dtype)


def reduce_product(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The product; 1 of nothing. Its gradient is right where elements are 0, too. Integers give int64."""
    product = tf.reduce_prod(_widened(x), axis=_axes(x, axis), keepdims=keepdims)
    return tf.cast(product, x.dtype) if x.dtype.is_floating else product


def logsumexp(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """log(sum(exp(x))) without overflow; -inf of nothing. Its gradient is the softmax of x, NaN if all are -inf."""
    return tf.reduce_logsumexp(_floating(x), axis=_axes(x, axis), keepdims=keepdims)


# --- extremes -----------------------------------------------------------------------------------------------


def reduce_max(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The greatest element; NaN if there is one. Equal ones share the gradient evenly.

    Raises:
        ValueError: there are no elements.
    """
    return tf.reduce_max(x, axis=_axes(x, axis, least=1), keepdims=keepdims)


def reduce_min(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The least element; NaN if there is one. Equal ones share the gradient evenly.

    Raises:
        ValueError: there are no elements.
    """
    return tf.reduce_min(x, axis=_axes(x, axis, least=1), keepdims=keepdims)


def argmax(x: tf.Tensor, axis: int | None = None, keepdims: bool = False) -> tf.Tensor:
    """Where the greatest element is (int64), the first of equal ones; of NaN, the first NaN.

    Args:
        x: numbers of any shape.
        axis: None counts through all elements, row by row.
        keepdims: leaves a 1 in the place of each axis.

    Raises:
        ValueError: there are no elements.
    """
    axes = _axes(x, axis, least=1)
    rows = _folded(x, axes)  # (..., M)
    nan = rows != rows
    # differs: D240 NaN would be passed over: where there is one, the first is the greatest of zeros and ones
    rows = tf.where(tf.reduce_any(nan, axis=-1, keepdims=True), tf.cast(nan, x.dtype), rows)
    return tf.reshape(tf.argmax(rows, axis=-1), _left(x, axes, keepdims))


def argmin(x: tf.Tensor, axis: int | None = None, keepdims: bool = False) -> tf.Tensor:
    """Where the least element is (int64), the first of equal ones; of NaN, the first NaN. Otherwise as argmax."""
    axes = _axes(x, axis, least=1)
    rows = _folded(x, axes)  # (..., M)
    nan = rows != rows
    rows = tf.where(tf.reduce_any(nan, axis=-1, keepdims=True), -tf.cast(nan, x.dtype), rows)  # differs: D240
    return tf.reshape(tf.argmin(rows, axis=-1), _left(x, axes, keepdims))


# --- norms and moments --------------------------------------------------------------------------------------


def norm_l1(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The sum of absolute values; the gradient of an element that is 0 is 0."""
    return tf.reduce_sum(tf.abs(_floating(x)), axis=_axes(x, axis), keepdims=keepdims)


def norm_l2(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The root of the sum of squares, of matrices too; its gradient at the zero vector is 0."""
    # differs: D205 the gradient of tf.norm at 0 is NaN
    return _root(tf.reduce_sum(tf.square(_floating(x)), axis=_axes(x, axis), keepdims=keepdims), 2)


def norm_p(x: tf.Tensor, p: float, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """(sum |x|^p)^(1/p), the greatest |x| for p = inf; its gradient at the zero vector is 0.

    Raises:
        ValueError: p is less than 1, or p = inf and there are no elements.
    """
    if not p >= 1:
        raise ValueError(f"p {p}: expected 1 or more")
    axes = _axes(x, axis, least=int(p == math.inf))
    sizes = tf.abs(_floating(x))
    if p == math.inf:
        return tf.reduce_max(sizes, axis=axes, keepdims=keepdims)
    return _root(tf.reduce_sum(sizes**p, axis=axes, keepdims=keepdims), p)  # differs: D205, D245 tf.norm's own axes


def _root(x: tf.Tensor, p: float) -> tf.Tensor:
    zero = x == 0
    safe = tf.where(zero, 1, x)  # the slope at 0 is infinite, and 0 times infinity is NaN
    return tf.where(zero, 0, safe ** (1 / p))


def variance(x: tf.Tensor, axis: _Axis = None, correction: int = 0, keepdims: bool = False) -> tf.Tensor:
    """The sum of squared distances from the mean, divided by M - correction: 0 for a population, 1 for a sample.

    Raises:
        ValueError: there are no more than `correction` elements.
    """
    axes = _axes(x, axis, least=correction + 1)
    x = _floating(x)
    squares = tf.square(x - tf.reduce_mean(x, axis=axes, keepdims=True))
    # differs: D237 reduce_variance knows no correction
    return tf.reduce_sum(squares, axis=axes, keepdims=keepdims) / (math.prod(x.shape[a] for a in axes) - correction)


def standard_deviation(x: tf.Tensor, axis: _Axis = None, correction: int = 0, keepdims: bool = False) -> tf.Tensor:
    """The root of the variance, with the same arguments; its gradient is 0 where the variance is 0."""
    return _root(variance(x, axis, correction, keepdims), 2)  # differs: D206, D237


# --- order --------------------------------------------------------------------------------------------------


def sort(x: tf.Tensor, axis: int = -1, descending: bool = False) -> tf.Tensor:
    """The elements in order along one axis; NaN counts as greatest, and equal ones keep their order."""
    return ops.take_along_axis(x, argsort(x, axis, descending), axis)


def argsort(x: tf.Tensor, axis: int = -1, descending: bool = False) -> tf.Tensor:
    """Where the sorted elements were (int64); NaN counts as greatest, and equal ones keep their order."""
    (axis,) = _axes(x, axis)
    direction = "DESCENDING" if descending else "ASCENDING"
    if not x.dtype.is_floating:
        return tf.cast(tf.argsort(x, axis, direction, stable=True), tf.int64)  # differs: D234 int32
    # differs: X-sort-nan NaN would bring the others into disorder: sort it as infinite, then by being NaN
    nan = tf.math.is_nan(x)
    order = tf.argsort(tf.where(nan, math.inf, x), axis, direction, stable=True)
    late = ops.take_along_axis(tf.cast(nan, tf.int32), order, axis)
    again = tf.argsort(late, axis, direction, stable=True)
    return tf.cast(ops.take_along_axis(order, again, axis), tf.int64)  # differs: D234 int32


def median(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The element in the middle, or the mean of the two there; NaN if there is one.

    Raises:
        ValueError: there are no elements.
    """
    return quantile(x, 0.5, axis, keepdims)


def quantile(x: tf.Tensor, q: float, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """The value at q (M - 1) of the M sorted elements, linear between its neighbours; NaN if there is one.

    Of equal elements, the gradient goes to the first in that place of a stable order.

    Raises:
        ValueError: q is not in [0, 1], or there are no elements.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q {q}: expected a number in [0, 1]")
    axes = _axes(x, axis, least=1)
    rows = sort(_folded(_floating(x), axes))  # (..., M)  # differs: D239 keras.ops.quantile keeps q in float32
    weight, lower = math.modf(q * (rows.shape[-1] - 1))
    result = rows[..., int(lower)]  # (...)
    if weight:
        result = (1 - weight) * result + weight * rows[..., int(lower) + 1]
    last = rows[..., -1]
    return tf.reshape(tf.where(tf.math.is_nan(last), last, result), _left(x, axes, keepdims))


# --- running sums and products ------------------------------------------------------------------------------


def cumulative_sum(x: tf.Tensor, axis: int, exclusive: bool = False, reverse: bool = False) -> tf.Tensor:
    """The sums of each element and all before it; integers give int64.

    Args:
        x: one axis or more.
        axis: along which to add.
        exclusive: without the element itself, so that the first is 0.
        reverse: all after it instead of all before it.
    """
    (axis,) = _axes(x, axis)
    return tf.cumsum(_widened(x), axis, exclusive, reverse)


def cumulative_product(x: tf.Tensor, axis: int, exclusive: bool = False, reverse: bool = False) -> tf.Tensor:
    """The products of each element and all before it, as cumulative_sum; the gradient is right at zeros, too."""
    (axis,) = _axes(x, axis)
    rows = ops.moveaxis(_widened(x), axis, 0)  # (M, ...)
    rows = rows[::-1] if reverse else rows
    rows = tf.concat((tf.ones_like(rows[:1]), rows[:-1]), axis=0) if exclusive else rows
    # differs: D209 the gradient of cumprod is wrong at zeros: multiply runs of 1, 2, 4, ... elements instead
    run = 1
    while run < rows.shape[0]:
        rows = tf.concat((rows[:run], rows[run:] * rows[:-run]), axis=0)
        run *= 2
    return ops.moveaxis(rows[::-1] if reverse else rows, 0, axis)


# --- comparing ----------------------------------------------------------------------------------------------


def _check_types(x: tf.Tensor, y: tf.Tensor) -> None:
    if x.dtype != y.dtype:  # differs: D225 would raise InvalidArgumentError
        raise TypeError(f"types {x.dtype.name} and {y.dtype.name}: expected one type; convert one of them first")


def _check_pair(x: tf.Tensor, y: tf.Tensor) -> None:
    _check_types(x, y)
    tf.broadcast_static_shape(x.shape, y.shape)  # differs: X-shape-error raises ValueError


def equal(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Where x is y (booleans); the shapes broadcast. NaN equals nothing, and -0 equals 0.

    Raises:
        TypeError: the types differ.
        ValueError: the shapes do not broadcast.
    """
    _check_pair(x, y)
    return tf.equal(x, y)


def all_equal(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Whether x and y have the same shape and equal elements (a boolean without axes).

    Raises:
        TypeError: the types differ.
    """
    _check_types(x, y)
    return tf.reduce_all(x == y) if x.shape == y.shape else tf.constant(False)  # differs: X-all-equal by hand


def all_close(x: tf.Tensor, y: tf.Tensor, relative: float, absolute: float) -> tf.Tensor:
    """Whether |x - y| <= absolute + relative |y| everywhere; infinities are close to themselves, NaN to nothing.

    Raises:
        TypeError: the types differ.
        ValueError: the shapes do not broadcast.
    """
    _check_pair(x, y)
    x, y = _floating(x), _floating(y)
    near = (tf.abs(x - y) <= absolute + relative * tf.abs(y)) & tf.math.is_finite(y)
    return tf.reduce_all(near | (x == y))  # ()  # differs: X-all-close by hand


def unique(x: tf.Tensor) -> Unique:
    """The different elements of x in ascending order, and how often each occurs (int64).

    Each NaN is one of its own.
    """
    values, _, counts = tf.unique_with_counts(tf.reshape(x, [-1]), tf.int64)
    order = argsort(values)  # differs: D243 they come in order of appearance
    return Unique(tf.gather(values, order), tf.gather(counts, order))


# --- counting -----------------------------------------------------------------------------------------------


def reduce_any(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """Whether an element is true, or not 0 (NaN is not); false of nothing."""
    return tf.reduce_any(tf.cast(x, tf.bool), axis=_axes(x, axis), keepdims=keepdims)  # differs: X-truth


def reduce_all(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """Whether all elements are true, or not 0 (NaN is not); true of nothing."""
    return tf.reduce_all(tf.cast(x, tf.bool), axis=_axes(x, axis), keepdims=keepdims)  # differs: X-truth


def count_nonzero(x: tf.Tensor, axis: _Axis = None, keepdims: bool = False) -> tf.Tensor:
    """How many elements are true, or not 0 (NaN is not): int64."""
    return tf.math.count_nonzero(x, axis=_axes(x, axis), keepdims=keepdims)


def bincount(x: tf.Tensor, minimum_length: int = 0) -> tf.Tensor:
    """How often each of 0, 1, 2, ... occurs.

    Args:
        x: (N,) integers of at least 0.
        minimum_length: the least number of counts.

    Returns:
        (greatest element + 1 or more,), int64.

    Raises:
        ValueError: an integer is negative, or x has another number of axes than 1.
    """
    if x.ndim != 1 or tf.reduce_any(x < 0):  # differs: X-bincount more axes would be flattened
        raise ValueError(f"x {tuple(x.shape)}: expected one axis, and no negative numbers")
    return tf.math.bincount(x, minlength=minimum_length, dtype=tf.int64)  # differs: D234 int32


def histogram(x: tf.Tensor, bins: int, low: float, high: float) -> tf.Tensor:
    """How many elements lie in each of equally wide bins from low to high: (bins,), int64.

    A value on an edge counts above it, `high` itself in the last bin; NaN and what lies outside count nowhere.

    Raises:
        ValueError: there is no bin, or low is not below high.
    """
    if bins < 1 or not low < high:
        raise ValueError(f"{bins} bins from {low} to {high}: expected 1 or more, from a lower to a higher number")
    width = (high - low) / bins
    edges = tf.constant([*(low + i * width for i in range(bins)), high], x.dtype)
    inside = x[(x >= low) & (x <= high)]  # (N,)  # differs: D252 histogram_fixed_width counts all of them
    index = tf.searchsorted(edges, inside, side="right") - 1
    return bincount(tf.minimum(index, bins - 1), minimum_length=bins)
