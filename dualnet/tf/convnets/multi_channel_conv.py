"""Convolutions over several channels, in TensorFlow.

    y[n, o, i, j] = bias[o] + sum over c, a, b of x[n, c, i + a, j + b] weight[o, c, a, b]

Images come as N C H W and weights as (out, in, height, width); the native operations want N H W C and
(height, width, in, out). No padding, stride 1.
"""

from collections.abc import Callable

import tensorflow as tf

from dualnet.concepts.convnets.multi_channel_conv import check_fit

__all__ = [
    "conv1d",
    "conv2d",
    "conv2d_from_scratch",
    "conv3d",
    "conv_1x1",
    "conv_1x1_as_matmul",
    "depthwise_conv2d",
    "depthwise_conv2d_from_scratch",
    "grouped_conv2d",
    "grouped_conv2d_from_scratch",
    "separable_conv2d",
]


def _channels_last(operation: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """What an operation over channels last makes of x, whose channels come first, in x's order of axes."""
    count, last = len(x), x.ndim - 1
    if count == 0:  # differs: X-conv-empty-batch so one example is put in, and dropped below
        x = tf.zeros((1, *x.shape[1:]), x.dtype)
    y = operation(tf.transpose(x, (0, *range(2, last + 1), 1)))  # differs: D025
    return tf.transpose(y, (0, last, *range(1, last)))[:count]


# --- all channels with all channels -------------------------------------------------------------------------


def conv2d_from_scratch(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """A convolution as a sum over the kernel's elements, each of which mixes the channels of shifted images.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        bias: (O,).

    Returns:
        (N, O, H - A + 1, W - B + 1).

    Raises:
        ValueError: the weight is for another number of channels, or larger than the image.
    """
    check_fit(x.shape, weight.shape)
    height, width = weight.shape[2:]
    rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
    y = sum(
        tf.einsum("nchw,oc->nohw", x[:, :, a : a + rows, b : b + columns], weight[:, :, a, b])
        for a in range(height)
        for b in range(width)
    )
    return y + bias[:, None, None]


def conv2d(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`conv2d_from_scratch` by TensorFlow's own operation."""
    check_fit(x.shape, weight.shape)  # differs: X-group-guess
    kernel = tf.transpose(weight, (2, 3, 1, 0))  # (A, B, C, O)  # differs: D007
    return _channels_last(lambda x: tf.nn.conv2d(x, kernel, 1, "VALID") + bias, x)  # (N, O, H', W')


def conv1d(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """The same along one axis: x (N, C, T), weight (O, C, K), bias (O,) give (N, O, T - K + 1)."""
    check_fit(x.shape, weight.shape)
    kernel = tf.transpose(weight, (2, 1, 0))  # (K, C, O)  # differs: D009
    return _channels_last(lambda x: tf.nn.conv1d(x, kernel, 1, "VALID") + bias, x)  # (N, O, T')


def conv3d(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """The same in a volume: x (N, C, D, H, W), weight (O, C, A, B, E), bias (O,) give (N, O, D', H', W')."""
    check_fit(x.shape, weight.shape)
    kernel = tf.transpose(weight, (2, 3, 4, 1, 0))  # (A, B, E, C, O)  # differs: D010
    return _channels_last(lambda x: tf.nn.conv3d(x, kernel, [1] * 5, "VALID") + bias, x)  # (N, O, D', H', W')


# --- 1x1: a dense layer at each pixel -----------------------------------------------------------------------


def conv_1x1(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """A convolution whose window is one pixel: it only mixes channels.

    Args:
        x: (N, C, H, W).
        weight: (O, C, 1, 1).
        bias: (O,).

    Returns:
        (N, O, H, W).

    Raises:
        ValueError: the weight is for another number of channels, or for more than one pixel.
    """
    _check_1x1(weight)
    return conv2d(x, weight, bias)


def conv_1x1_as_matmul(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`conv_1x1` as a matrix product over the channels of all pixels."""
    _check_1x1(weight)
    check_fit(x.shape, weight.shape)
    pixels = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)
    y = tf.matmul(pixels, weight[:, :, 0, 0], transpose_b=True) + bias  # (N, H, W, O)  # differs: D008
    return tf.transpose(y, (0, 3, 1, 2))  # (N, O, H, W)


def _check_1x1(weight: tf.Tensor) -> None:
    if tuple(weight.shape[2:]) != (1, 1):
        raise ValueError(f"weight of shape {tuple(weight.shape)}: expected (out, in, 1, 1)")


# --- fewer connections --------------------------------------------------------------------------------------


def grouped_conv2d_from_scratch(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, groups: int) -> tf.Tensor:
    """Channels in groups side by side, each with a convolution of its own.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, A, B).
        bias: (O,).
        groups: how many.

    Returns:
        (N, O, H - A + 1, W - B + 1).

    Raises:
        ValueError: the weight is for another number of channels or groups, or larger than the image.
    """
    check_fit(x.shape, weight.shape, groups)
    parts = zip(tf.split(x, groups, 1), tf.split(weight, groups), tf.split(bias, groups), strict=True)
    return tf.concat([conv2d_from_scratch(*part) for part in parts], 1)


def grouped_conv2d(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, groups: int) -> tf.Tensor:
    """`grouped_conv2d_from_scratch` by TensorFlow's own operation."""
    check_fit(x.shape, weight.shape, groups)
    kernel = tf.transpose(weight, (2, 3, 1, 0))  # (A, B, C / groups, O)  # differs: D012

    def convolve(x: tf.Tensor) -> tf.Tensor:
        if x.dtype == tf.float32:
            return tf.nn.conv2d(x, kernel, 1, "VALID")
        # differs: X-grouped-gradient
        parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
        return tf.concat([tf.nn.conv2d(*part, 1, "VALID") for part in parts], -1)

    return _channels_last(lambda x: convolve(x) + bias, x)  # (N, O, H', W')


def depthwise_conv2d_from_scratch(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Each channel with kernels of its own: as many groups as channels.

    Args:
        x: (N, C, H, W).
        weight: (C M, 1, A, B): the M kernels of the first channel, then those of the second, ...

    Returns:
        (N, C M, H - A + 1, W - B + 1).

    Raises:
        ValueError: the number of kernels is no multiple of that of channels.
    """
    bias = tf.zeros(len(weight), x.dtype)
    return grouped_conv2d_from_scratch(x, weight, bias, x.shape[1])


def depthwise_conv2d(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """`depthwise_conv2d_from_scratch` by TensorFlow's own operation."""
    check_fit(x.shape, weight.shape, x.shape[1])
    kernel = tf.reshape(weight, (x.shape[1], -1, *weight.shape[2:]))  # (C, M, A, B)
    kernel = tf.transpose(kernel, (2, 3, 0, 1))  # (A, B, C, M)  # differs: D011
    return _channels_last(lambda x: tf.nn.depthwise_conv2d(x, kernel, [1] * 4, "VALID"), x)  # (N, C M, H', W')


def separable_conv2d(x: tf.Tensor, depthwise: tf.Tensor, pointwise: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """A depthwise convolution, then a 1x1 convolution that mixes the channels.

    Args:
        x: (N, C, H, W).
        depthwise: (C M, 1, A, B).
        pointwise: (O, C M, 1, 1).
        bias: (O,).

    Returns:
        (N, O, H - A + 1, W - B + 1).
    """
    features = depthwise_conv2d(x, depthwise)  # (N, C M, H', W')  # differs: D018
    return conv_1x1(features, pointwise, bias)  # (N, O, H', W')
