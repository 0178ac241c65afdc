"""A dense layer over a feature map as a convolution, and back, in TensorFlow.

Images come as N C H W and dense weights as (out, C H W). TensorFlow's own are N H W C, so that the features of a
flat map come pixel by pixel, and (H W C, out): the convolution's weight (H, W, C, out) as it lies in memory.
"""

import tensorflow as tf

from dualnet.concepts.convnets.fc_to_conv import Sizes, check_features

__all__ = [
    "channels_first_weight",
    "channels_last_weight",
    "dense",
    "dense_as_1x1_convolution",
    "dense_as_convolution",
    "dense_of_kernel",
    "kernel_of_dense",
    "slide",
]


# --- the weight ---------------------------------------------------------------------------------------------


def kernel_of_dense(weight: tf.Tensor, sizes: Sizes) -> tf.Tensor:
    """A dense weight (O, C H W) as that of a convolution, (O, C, H, W).

    Raises:
        ValueError: the weight is for another number of features.
    """
    check_features(weight.shape[1], sizes)
    return tf.reshape(weight, (-1, *sizes))  # (O, C, H, W)


def dense_of_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """A convolution's weight (O, C, H, W) as that of a dense layer over the whole map, (O, C H W)."""
    return tf.reshape(kernel, (len(kernel), -1))  # (O, C H W)


def channels_last_weight(weight: tf.Tensor, sizes: Sizes) -> tf.Tensor:
    """A dense weight (O, C H W) as Keras keeps it behind its Flatten, (H W C, O).

    Raises:
        ValueError: the weight is for another number of features.
    """
    kernel = tf.transpose(kernel_of_dense(weight, sizes), (2, 3, 1, 0))  # (H, W, C, O)  # differs: D019
    return tf.reshape(kernel, (weight.shape[1], -1))  # (H W C, O)  # differs: D008


def channels_first_weight(kernel: tf.Tensor, sizes: Sizes) -> tf.Tensor:
    """The inverse of `channels_last_weight`: (H W C, O) to (O, C H W).

    Raises:
        ValueError: the weight is for another number of features.
    """
    check_features(len(kernel), sizes)
    channels, height, width = sizes
    weight = tf.transpose(
        tf.reshape(kernel, (height, width, channels, -1)), (3, 2, 0, 1)
    )  # (O, C, H, W)  # differs: D019
    return dense_of_kernel(weight)  # (O, C H W)


def _conv2d(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    pixels = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)
    if len(x) == 0:  # differs: X-conv-empty-batch so one example is put in, and dropped below
        pixels = tf.zeros((1, *pixels.shape[1:]), x.dtype)
    kernel = tf.transpose(weight, (2, 3, 1, 0))  # (H, W, C, O)  # differs: D007
    y = tf.nn.conv2d(pixels, kernel, 1, "VALID") + bias  # (N, H', W', O)
    return tf.transpose(y, (0, 3, 1, 2))[: len(x)]  # (N, O, H', W')


# --- three forms of one layer -------------------------------------------------------------------------------


def dense(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """A dense layer over the flat feature map.

    Args:
        x: (N, C, H, W).
        weight: (O, C H W).
        bias: (O,).

    Returns:
        (N, O).

    Raises:
        ValueError: the weight is for another number of features.
    """
    check_features(weight.shape[1], x.shape[1:])
    features = tf.reshape(tf.transpose(x, (0, 2, 3, 1)), (len(x), weight.shape[1]))  # (N, H W C)
    return features @ channels_last_weight(weight, x.shape[1:]) + bias  # (N, O)


def dense_as_convolution(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`dense` as a convolution whose window is the whole map."""
    y = _conv2d(x, kernel_of_dense(weight, x.shape[1:]), bias)  # (N, O, 1, 1)
    return tf.reshape(y, (len(x), len(weight)))  # (N, O)


def dense_as_1x1_convolution(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`dense` as a 1x1 convolution of a single pixel whose channels are all features."""
    check_features(weight.shape[1], x.shape[1:])
    pixel = tf.reshape(x, (len(x), weight.shape[1], 1, 1))  # (N, C H W, 1, 1)
    return _conv2d(pixel, weight[:, :, None, None], bias)[:, :, 0, 0]  # (N, O)


# --- what it is good for ------------------------------------------------------------------------------------


def slide(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, sizes: Sizes) -> tf.Tensor:
    """A dense layer made for maps of these sizes, applied at every place of a larger one.

    Args:
        x: (N, C, H', W').
        weight: (O, C H W).
        bias: (O,).
        sizes: (C, H, W).

    Returns:
        (N, O, H' - H + 1, W' - W + 1).

    Raises:
        ValueError: the weight is for another number of features, or x is smaller than the sizes.
    """
    if x.shape[1] != sizes[0] or x.shape[2] < sizes[1] or x.shape[3] < sizes[2]:
        raise ValueError(f"feature maps of shape {tuple(x.shape[1:])}: expected at least {tuple(sizes)}")
    return _conv2d(x, kernel_of_dense(weight, sizes), bias)  # (N, O, H' - H + 1, W' - W + 1)
