"""Activations that TensorFlow rounds otherwise than PyTorch."""

import tensorflow as tf

__all__ = ["leaky_relu"]


def leaky_relu(x: tf.Tensor, negative_slope: float) -> tf.Tensor:
    """Identity above 0, a fraction of it below.

    TensorFlow's own keeps the slope in float32, whatever it is given: in other precisions it is put together by hand.
    """
    if x.dtype == tf.float32:
        return tf.nn.leaky_relu(x, negative_slope)
    return tf.where(x > 0, x, tf.constant(negative_slope, x.dtype) * x)  # differs: D199
