"""Gradient flow through plain and residual layers, in TensorFlow.

    plain: h = relu(h W),  residual: h = h + relu(h W)

The derivative of a residual layer is the identity plus something: a product of many of them need not vanish.
Source: He et al. (2016), section 2, eq. 5.
"""

import tensorflow as tf

__all__ = ["gradient_norms", "network"]


def network(x: tf.Tensor, weights: tf.Tensor, shortcut: bool) -> tf.Tensor:
    """A chain of layers.

    Args:
        x: (N, F).
        weights: (L, F, F), one matrix for each layer.
        shortcut: whether each layer's input is added to what it gives.

    Returns:
        (N, F).
    """
    h = x
    for weight in weights:
        new = tf.nn.relu(h @ weight)
        h = h + new if shortcut else new  # N F
    return h


def gradient_norms(x: tf.Tensor, weights: tf.Tensor, shortcut: bool) -> tf.Tensor:
    """How strong a gradient reaches each layer: Frobenius norms, by the weights, of the network's summed output.

    Args:
        x: (N, F).
        weights: (L, F, F), one matrix for each layer.
        shortcut: whether each layer's input is added to what it gives.

    Returns:
        (L,), from the first layer to the last.
    """
    with tf.GradientTape() as tape:
        tape.watch(weights)
        total = tf.reduce_sum(network(x, weights, shortcut))
    gradient = tf.convert_to_tensor(tape.gradient(total, weights))  # L F F
    return tf.sqrt(tf.reduce_sum(tf.square(gradient), (1, 2)))
