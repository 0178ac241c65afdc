"""Receptive field, computed from the layers and measured by a gradient, in TensorFlow.

    size_l  = size_(l-1) + (kernel_l - 1) dilation_l jump_(l-1)
    jump_l  = jump_(l-1) stride_l
    start_l = start_(l-1) - padding_l jump_(l-1)

from size 1, jump 1 and start 0: along one axis, as all axes are alike.
"""

import tensorflow as tf

from dualnet.concepts.convnets.receptive_field import Field, Layer, Seen, output_sizes

__all__ = ["measured_field", "receptive_field"]


def receptive_field(kernels: tf.Tensor, strides: tf.Tensor, paddings: tf.Tensor, dilations: tf.Tensor) -> Field:
    """Size, jump and start of the receptive field behind each layer.

    Args:
        kernels, strides, paddings, dilations: (L,) int64, of the layers from the input on.

    Returns:
        Three times (L,) int64, in elements of the input.
    """
    jumps = tf.math.cumprod(strides)  # (L,)
    before = tf.math.cumprod(strides, exclusive=True)  # (L,)  # differs: D246
    sizes = 1 + tf.cumsum((kernels - 1) * dilations * before)  # (L,)
    return Field(sizes, jumps, -tf.cumsum(paddings * before))


def measured_field(size: int, layers: tuple[Layer, ...]) -> Seen:
    """The elements by which the middle output of a stack of convolutions with ones has a gradient.

    Args:
        size: of the input.
        layers: from the input on.

    Returns:
        Three times () int64: the first and the last such element, and how many there are.

    Raises:
        ValueError: a layer has no output, or there is no layer.
    """
    *_, outputs = output_sizes(size, layers)
    x = tf.ones((1, size, 1), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x  # (1, T, 1)
        for kernel, stride, padding, dilation in layers:
            ones = tf.ones((kernel, 1, 1), tf.float64)  # differs: D009
            y = tf.pad(y, ((0, 0), (padding, padding), (0, 0)))
            y = tf.nn.convolution(y, ones, padding="VALID", dilations=dilation)[:, ::stride]  # differs: D023
        middle = y[0, outputs // 2, 0]
    gradient = tape.gradient(middle, x)
    places = tf.where(gradient[0, :, 0])[:, 0]
    return Seen(places[0], places[-1], tf.constant(len(places), tf.int64))
