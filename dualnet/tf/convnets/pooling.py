"""Max and average pooling, in TensorFlow.

Images come as N C H W; the native operations want N H W C. TensorFlow's own padding is "SAME", with the odd element
at the end. Where several elements of a window are greatest, the gradient goes to the first of them.
"""

from collections.abc import Callable

import tensorflow as tf

from dualnet.concepts.convnets.pooling import (
    MaximaAndIndices,
    Pair,
    Pairs,
    check_windows,
    end_paddings,
    same_paddings,
)

__all__ = [
    "avg_pool2d",
    "avg_pool2d_from_scratch",
    "avg_pool2d_over_the_end",
    "avg_pool2d_same",
    "conv_then_pool",
    "global_avg_pool",
    "global_max_pool",
    "lp_pool2d",
    "max_pool2d",
    "max_pool2d_from_scratch",
    "max_pool2d_over_the_end",
    "max_pool2d_same",
    "max_pool2d_with_indices",
]


def _pad(x: tf.Tensor, paddings: Pairs, value: float) -> tf.Tensor:
    return tf.pad(x, ((0, 0), (0, 0), *paddings), constant_values=tf.constant(value, x.dtype))  # differs: D026


def _channels_last(operation: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    y = operation(tf.transpose(x, (0, 2, 3, 1)))  # (N, H, W, C)  # differs: D025
    return tf.transpose(y, (0, 3, 1, 2))  # (N, C, H, W)


def _or_nan(maxima: tf.Tensor, broken: tf.Tensor) -> tf.Tensor:
    return tf.where(broken, tf.constant(float("nan"), maxima.dtype), maxima)  # differs: D096


# --- from scratch -------------------------------------------------------------------------------------------


def _windows(x: tf.Tensor, window: Pair, stride: Pair) -> tf.Tensor:
    """The elements of each window on a new last axis: (N, C, H', W', A B)."""
    rows, columns = ((n - k) // s * s + 1 for n, k, s in zip(x.shape[2:], window, stride, strict=True))
    shifted = [
        x[:, :, a : a + rows : stride[0], b : b + columns : stride[1]]
        for a in range(window[0])
        for b in range(window[1])
    ]
    return tf.stack(shifted, -1)


def max_pool2d_from_scratch(x: tf.Tensor, window: Pair, stride: Pair, paddings: Pairs) -> tf.Tensor:
    """The greatest element of each window; NaN if there is one.

    Args:
        x: (N, C, H, W).
        window, stride: vertical and horizontal.
        paddings: ((top, bottom), (left, right)), which are never the greatest.

    Returns:
        (N, C, floor((H + top + bottom - window) / stride) + 1, the same for W).

    Raises:
        ValueError: no window fits, one lies in the padding, a padding is negative, or a stride is below 1.
    """
    check_windows(x.shape[2:], window, stride, paddings)
    windows = _windows(_pad(x, paddings, -float("inf")), window, stride)  # (N, C, H', W', A B)
    first = tf.argmax(windows, -1)  # differs: D098 reduce_max would split the gradient of ties
    maxima = tf.gather(windows, first, axis=-1, batch_dims=4)
    return _or_nan(maxima, tf.reduce_any(tf.math.is_nan(windows), -1))


def avg_pool2d_from_scratch(
    x: tf.Tensor, window: Pair, stride: Pair, paddings: Pairs, count_include_pad: bool
) -> tf.Tensor:
    """The mean of each window.

    Args:
        x: (N, C, H, W).
        window, stride: vertical and horizontal.
        paddings: ((top, bottom), (left, right)) zeros.
        count_include_pad: whether the mean is over those, too, or over the pixels only.

    Returns:
        (N, C, floor((H + top + bottom - window) / stride) + 1, the same for W).

    Raises:
        ValueError: no window fits, one lies in the padding, a padding is negative, or a stride is below 1.
    """
    check_windows(x.shape[2:], window, stride, paddings)
    sums = tf.reduce_sum(_windows(_pad(x, paddings, 0.0), window, stride), -1)  # (N, C, H', W')
    counted = _pad(tf.ones((1, 1, *x.shape[2:]), x.dtype), paddings, float(count_include_pad))
    return sums / tf.reduce_sum(_windows(counted, window, stride), -1)


# --- native -------------------------------------------------------------------------------------------------


def max_pool2d(x: tf.Tensor, window: Pair, stride: Pair, paddings: Pairs) -> tf.Tensor:
    """`max_pool2d_from_scratch` by TensorFlow's own operation."""
    check_windows(x.shape[2:], window, stride, paddings)  # differs: X-pool-no-window
    padding = [[0, 0], *map(list, paddings), [0, 0]]  # differs: D093, D094
    return _channels_last(lambda x: _max_pool2d(x, window, stride, padding), x)


def _max_pool2d(x: tf.Tensor, window: Pair, stride: Pair, padding: str | list[list[int]]) -> tf.Tensor:
    maxima = tf.nn.max_pool2d(x, window, stride, padding)
    rank = tf.where(tf.math.is_nan(x), 2.0, tf.where(x == -float("inf"), 0.0, 1.0))
    rank = tf.nn.max_pool2d(rank, window, stride, padding)
    maxima = tf.where(rank == 0, tf.constant(-float("inf"), x.dtype), maxima)  # differs: X-pool-minus-infinity
    return _or_nan(maxima, rank == 2)


def avg_pool2d(x: tf.Tensor, window: Pair, stride: Pair, paddings: Pairs, count_include_pad: bool) -> tf.Tensor:
    """`avg_pool2d_from_scratch` by TensorFlow's own operation."""
    check_windows(x.shape[2:], window, stride, paddings)

    def mean(x: tf.Tensor) -> tf.Tensor:
        return _channels_last(lambda x: tf.nn.avg_pool2d(x, window, stride, "VALID"), _pad(x, paddings, 0.0))

    if count_include_pad:  # differs: D091
        return mean(x)
    return mean(x) / mean(tf.ones((1, 1, *x.shape[2:]), x.dtype))  # by the share of pixels


def max_pool2d_same(x: tf.Tensor, window: Pair, stride: Pair) -> tf.Tensor:
    """The maxima of ceil(H / stride) by ceil(W / stride) windows, the odd element of padding at the end."""
    check_windows(x.shape[2:], window, stride, same_paddings(x.shape[2:], window, stride))
    return _channels_last(lambda x: _max_pool2d(x, window, stride, "SAME"), x)  # differs: D093


def avg_pool2d_same(x: tf.Tensor, window: Pair, stride: Pair) -> tf.Tensor:
    """The means of ceil(H / stride) by ceil(W / stride) windows, over their pixels only."""
    check_windows(x.shape[2:], window, stride, same_paddings(x.shape[2:], window, stride))
    return _channels_last(lambda x: tf.nn.avg_pool2d(x, window, stride, "SAME"), x)  # differs: D091, D092


def max_pool2d_over_the_end(x: tf.Tensor, window: Pair, stride: Pair) -> tf.Tensor:
    """The maxima of all windows that start inside, as far as needed for every pixel: the last may be cut."""
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    return max_pool2d(x, window, stride, end_paddings(x.shape[2:], window, stride))  # differs: D095


def avg_pool2d_over_the_end(x: tf.Tensor, window: Pair, stride: Pair) -> tf.Tensor:
    """The means of the windows of `max_pool2d_over_the_end`, over their pixels only."""
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    return avg_pool2d(x, window, stride, end_paddings(x.shape[2:], window, stride), False)  # differs: D095


def max_pool2d_with_indices(x: tf.Tensor, window: Pair, stride: Pair) -> MaximaAndIndices:
    """The greatest element of each window and its place; the first of several.

    Args:
        x: (N, C, H, W), without NaN.
        window, stride: vertical and horizontal.

    Returns:
        Both (N, C, H', W'), the places int64.
    """
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    pixels = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)
    maxima, places = tf.nn.max_pool_with_argmax(pixels, window, stride, "VALID")
    places = places // x.shape[1]  # differs: D097
    return MaximaAndIndices(*(tf.transpose(y, (0, 3, 1, 2)) for y in (maxima, places)))


# --- whole images, norms, features --------------------------------------------------------------------------


def global_max_pool(x: tf.Tensor) -> tf.Tensor:
    """The greatest pixel of each channel, (N, C, H, W) to (N, C); ties share the gradient."""
    maxima = tf.reduce_max(x, (2, 3))  # differs: D099
    return _or_nan(maxima, tf.reduce_any(tf.math.is_nan(x), (2, 3)))


def global_avg_pool(x: tf.Tensor) -> tf.Tensor:
    """The mean pixel of each channel, (N, C, H, W) to (N, C)."""
    return tf.reduce_mean(x, (2, 3))  # differs: D100


def lp_pool2d(x: tf.Tensor, window: Pair, stride: Pair, power: float) -> tf.Tensor:
    """The p-norm of each window; not the mean of the powers, but their sum is under the root.

    Args:
        x: (N, C, H, W).
        window, stride: vertical and horizontal.
        power: p.

    Returns:
        (N, C, H', W').

    Raises:
        ValueError: the power is below 1, or no window fits.
    """
    if power < 1:
        raise ValueError(f"power {power}: expected at least 1")
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    means = _channels_last(lambda x: tf.nn.avg_pool2d(x, window, stride, "VALID"), tf.abs(x) ** power)
    sums = means * (window[0] * window[1])  # (N, C, H', W')
    flat = sums == 0
    return tf.where(flat, 0, tf.where(flat, 1, sums) ** (1 / power))  # differs: X-lp-pool


def conv_then_pool(x: tf.Tensor, weight: tf.Tensor, window: Pair) -> tf.Tensor:
    """The strongest answer of each kernel in each patch: it stays when the image moves a little.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        window: of the maximum, and its stride.

    Returns:
        (N, O, (H - A + 1) // height, (W - B + 1) // width).

    Raises:
        ValueError: the kernel or the window does not fit.
    """
    check_windows(x.shape[2:], weight.shape[2:], (1, 1), ((0, 0), (0, 0)))
    kernel = tf.transpose(weight, (2, 3, 1, 0))  # (A, B, C, O)
    features = _channels_last(lambda x: tf.nn.conv2d(x, kernel, 1, "VALID"), x)  # (N, O, H - A + 1, W - B + 1)
    return max_pool2d(features, window, window, ((0, 0), (0, 0)))
