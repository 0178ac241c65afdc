"""Batch normalization and its relatives, in TensorFlow.

    y = weight (x - mean) / sqrt(var + epsilon) + bias

In train mode mean and variance are those of the batch, and the gradient goes through them; in evaluation mode they
are the running values. Inputs are (N, F) or (N, C, H, W), channels on axis 1; one weight and bias for each.
TensorFlow's own operation takes mean and variance of any shape that broadcasts.
"""

import tensorflow as tf

from dualnet.concepts.modern_convnets.batch_normalization import Normalized, Running, check_count, check_groups

__all__ = [
    "batch_norm_eval",
    "batch_norm_train",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "native_batch_norm_eval",
    "native_batch_norm_train",
    "native_running_statistics",
]


def _by_channel(v: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(v, (-1, *[1] * (x.ndim - 2)))  # (C, 1, 1), to broadcast over x


def _all_but_channels(x: tf.Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


# --- from scratch -------------------------------------------------------------------------------------------


def batch_norm_train(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    running_mean: tf.Tensor,
    running_var: tf.Tensor,
    momentum: float,
    epsilon: float,
) -> Normalized:
    """Normalization by the batch's own mean and variance, and the running values after it.

    Args:
        x: (N, F) or (N, C, H, W).
        weight, bias, running_mean, running_var: (F,) or (C,).
        momentum: the share of the running values that comes from this batch.
        epsilon: added to the variance.

    Returns:
        The output, of x's shape, and two new running values; the batch's variance goes into them unbiased. A
        layer keeps those without gradient; here they have one.

    Raises:
        ValueError: there is only one value per channel, or none.
    """
    axes = _all_but_channels(x)
    count = check_count(x.shape, axes)  # differs: D036
    mean = tf.reduce_mean(x, axes)  # (C,)
    var = tf.math.reduce_variance(x, axes)  # (C,)  # differs: D049
    output = batch_norm_eval(x, weight, bias, mean, var, epsilon)
    unbiased = var * (count / (count - 1))  # differs: D033
    return Normalized(
        output,
        (1 - momentum) * running_mean + momentum * mean,  # differs: D031
        (1 - momentum) * running_var + momentum * unbiased,
    )


def batch_norm_eval(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    running_mean: tf.Tensor,
    running_var: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """Normalization by the running mean and variance; arguments as for `batch_norm_train`."""
    scale = weight / tf.sqrt(running_var + epsilon)  # (C,)
    return (x - _by_channel(running_mean, x)) * _by_channel(scale, x) + _by_channel(bias, x)


# --- native -------------------------------------------------------------------------------------------------


def native_batch_norm_train(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, epsilon: float) -> tf.Tensor:
    """The output of `batch_norm_train` by TensorFlow's own operation."""
    check_count(x.shape, _all_but_channels(x))
    mean, var = tf.nn.moments(x, _all_but_channels(x))  # (C,)
    return native_batch_norm_eval(x, weight, bias, mean, var, epsilon)  # differs: D030


def native_batch_norm_eval(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    running_mean: tf.Tensor,
    running_var: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """`batch_norm_eval` by TensorFlow's own operation."""
    channels = (_by_channel(v, x) for v in (running_mean, running_var, bias, weight))
    return tf.nn.batch_normalization(x, *channels, epsilon)


def native_running_statistics(batches: tf.Tensor, momentum: float) -> Running:
    """The running values after some batches, from mean 0 and variance 1 on.

    Args:
        batches: (S, N, F) or (S, N, C, H, W), S batches.
        momentum: the share of the running values that comes from each batch.

    Returns:
        Twice (F,) or (C,), without gradient.

    Raises:
        ValueError: there is only one value per channel.
    """
    mean, var = tf.zeros(batches.shape[2], batches.dtype), tf.ones(batches.shape[2], batches.dtype)
    for x in batches:
        count = check_count(x.shape, _all_but_channels(x))
        batch_mean, batch_var = tf.nn.moments(x, _all_but_channels(x))  # differs: X-norm-buffers
        mean = (1 - momentum) * mean + momentum * batch_mean  # differs: D031
        var = (1 - momentum) * var + momentum * batch_var * (count / (count - 1))  # differs: D033
    return Running(mean, var)


# --- other sets of values -----------------------------------------------------------------------------------


def layer_norm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Normalization of each example by itself, over the axes that the weight has.

    Args:
        x: (..., *shape of the weight), as (N, F) or (N, C, H, W).
        weight, bias: as (F,) or (C, H, W).
        epsilon: added to the variance.

    Raises:
        ValueError: x's last axes are others.
    """
    if x.shape[x.ndim - weight.ndim :] != weight.shape:
        raise ValueError(f"input of shape {tuple(x.shape)}: expected it to end in the weight's {tuple(weight.shape)}")
    axes = list(range(x.ndim - weight.ndim, x.ndim))
    mean, var = tf.nn.moments(x, axes, keepdims=True)  # (N, 1, 1, 1)
    return tf.nn.batch_normalization(x, mean, var, bias, weight, epsilon)  # differs: D041, D042


def group_norm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, groups: int, epsilon: float) -> tf.Tensor:
    """Normalization of each example by itself, over groups of channels side by side.

    Args:
        x: (N, C, H, W).
        weight, bias: (C,).
        groups: how many.
        epsilon: added to the variance.

    Raises:
        ValueError: the groups do not divide the channels.
    """
    check_groups(x.shape[1], groups)  # differs: X-group-count
    grouped = tf.reshape(x, (len(x), groups, x.shape[1] // groups, *x.shape[2:]))  # (N, G, C / G, H, W)
    mean, var = tf.nn.moments(grouped, [2, 3, 4], keepdims=True)  # (N, G, 1, 1, 1)
    y = tf.nn.batch_normalization(grouped, mean, var, None, None, epsilon)  # differs: D043
    return tf.reshape(y, x.shape) * _by_channel(weight, x) + _by_channel(bias, x)  # (N, C, H, W)


def instance_norm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Normalization of each channel of each example by itself.

    Args:
        x: (N, C, H, W).
        weight, bias: (C,).
        epsilon: added to the variance.

    Raises:
        ValueError: the images have only one pixel.
    """
    check_count(x.shape, (2, 3))  # differs: X-instance-one-pixel
    mean, var = tf.nn.moments(x, [2, 3], keepdims=True)  # (N, C, 1, 1)
    return tf.nn.batch_normalization(
        x, mean, var, _by_channel(bias, x), _by_channel(weight, x), epsilon
    )  # differs: D044
