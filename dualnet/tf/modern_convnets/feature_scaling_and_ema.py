"""Standardisation, min-max scaling and exponential moving averages, in TensorFlow.

    (x - mean) / std,  (x - min) / (max - min)
    m_t = decay m_(t-1) + (1 - decay) x_t,  m_t / (1 - decay^t)

On this side an average of weights is a variable of its own.
"""

import tensorflow as tf

from dualnet.concepts.modern_convnets.feature_scaling_and_ema import Scaling, check_decay, check_rows

__all__ = [
    "corrected_moving_average",
    "min_max_scaling",
    "moving_average",
    "scaled",
    "standard_scaling",
    "unscaled",
    "weight_average",
]


# --- scales: found in the training rows, applied to any -----------------------------------------------------


def standard_scaling(values: tf.Tensor) -> Scaling:
    """The mean and the standard deviation of each feature: with them, `scaled` has mean 0 and variance 1.

    Args:
        values: (N, F).

    Returns:
        Twice (F,); the deviation is that of these rows (divided by N), and 1 where a feature is constant.

    Raises:
        ValueError: there is no row.
    """
    check_rows(values.shape)
    mean, var = tf.nn.moments(values, [0])  # differs: D049, (F,)
    varies, one = var > 0, tf.ones_like(var)
    return Scaling(mean, tf.where(varies, tf.sqrt(tf.where(varies, var, one)), one))  # differs: D206


def min_max_scaling(values: tf.Tensor) -> Scaling:
    """The least value and the range of each feature: with them, `scaled` lies in 0-1.

    Args:
        values: (N, F).

    Returns:
        Twice (F,); the range is 1 where a feature is constant.

    Raises:
        ValueError: there is no row.
    """
    check_rows(values.shape)
    low, high = tf.reduce_min(values, 0), tf.reduce_max(values, 0)  # (F,)
    return Scaling(low, tf.where(high > low, high - low, tf.ones_like(low)))


def scaled(values: tf.Tensor, shift: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Features (N, F) without their shift (F,), divided by their scale (F,)."""
    return (values - shift) / scale


def unscaled(values: tf.Tensor, shift: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """The features that `scaled` made these of."""
    return values * scale + shift


# --- averages that forget -----------------------------------------------------------------------------------


def moving_average(values: tf.Tensor, decay: float) -> tf.Tensor:
    """The exponential moving average after each row, from 0 on.

    Args:
        values: (T, F).
        decay: the share of the old average that stays, per step.

    Returns:
        (T, F); at first too close to 0, since the start counts as a value.

    Raises:
        ValueError: there is no row, or the decay is not in [0, 1).
    """
    check_rows(values.shape)
    check_decay(decay)
    average, course = tf.zeros_like(values[0]), []
    for row in values:
        average = decay * average + (1 - decay) * row  # (F,)
        course.append(average)
    return tf.stack(course)


def corrected_moving_average(values: tf.Tensor, decay: float) -> tf.Tensor:
    """`moving_average` divided by the weights that it sums up to: no pull towards the start.

    Source:
        Kingma, Ba (2015), section 3.
    """
    averages = moving_average(values, decay)
    steps = tf.range(1, len(values) + 1, dtype=values.dtype)  # (T,)
    return averages / (1 - decay**steps)[:, None]


def weight_average(values: tf.Tensor, decay: float) -> tf.Tensor:
    """The moving average of a model's weights while they change.

    Args:
        values: (T, F), the weights from the first ones on.
        decay: the share of the old average that stays, per step.

    Returns:
        (T, F); the first row is that of the weights.

    Raises:
        ValueError: there is no row, or the decay is not in [0, 1).
    """
    check_rows(values.shape)
    check_decay(decay)
    average, course = tf.Variable(values[0]), []  # differs: D050
    for row in values:
        # differs: D228, tf.train.ExponentialMovingAverage rounds the decay to float32
        average.assign(decay * average + (1 - decay) * row)
        course.append(tf.identity(average))
    return tf.stack(course)
