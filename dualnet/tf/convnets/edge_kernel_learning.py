"""Edges, and learning the kernel that finds them, in TensorFlow and Keras 3.

    y[i, j] = sum over a, b of x[i + a, j + b] kernel[a, b],  loss = sum of (y - target)^2

On this side a layer's kernel is (A, B, in, out), and each tape has gradients of its own.
"""

import tensorflow as tf
from keras import layers

from dualnet.concepts.convnets.edge_kernel_learning import Course, check_target

__all__ = ["edges", "learned_kernel"]


def edges(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The answer of a fixed kernel in each window.

    Args:
        image: (H, W).
        kernel: (A, B).

    Returns:
        (H - A + 1, W - B + 1).
    """
    return tf.nn.conv2d(image[None, ..., None], kernel[..., None, None], 1, "VALID")[0, ..., 0]  # differs: D007


def learned_kernel(image: tf.Tensor, target: tf.Tensor, start: tf.Tensor, learning_rate: float, steps: int) -> Course:
    """Gradient descent on the kernel of a convolution layer, by the sum of squared errors.

    Args:
        image: (H, W).
        target: (H - A + 1, W - B + 1), what the layer shall answer.
        start: (A, B), the kernel at first.
        learning_rate: per step.
        steps: how many.

    Returns:
        Each kernel and each loss on the way.

    Raises:
        ValueError: the target's shape is another, or the steps are fewer than 0.

    Source:
        Dive into Deep Learning, section 7.2.4.
    """
    check_target(image.shape, target.shape, start.shape, steps)
    layer = layers.Conv2D(1, tuple(start.shape), use_bias=False, dtype=start.dtype.name)
    layer.build((1, *image.shape, 1))
    layer.kernel.assign(start[..., None, None])  # differs: D051
    kernels, losses = [start], []
    for _ in range(steps):
        with tf.GradientTape() as tape:  # differs: D175
            loss = tf.reduce_sum(tf.square(layer(image[None, ..., None])[0, ..., 0] - target))
        slope = tape.gradient(loss, layer.kernel.value)
        layer.kernel.assign_sub(learning_rate * slope)
        losses.append(loss)
        kernels.append(layer.kernel.value[..., 0, 0])
    return Course(tf.stack(kernels), tf.stack(losses) if losses else tf.zeros(0, start.dtype))
