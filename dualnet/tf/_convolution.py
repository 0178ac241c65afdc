"""Convolution with the same number of zeros on every side."""

from typing import Any

import tensorflow as tf
from keras import layers

__all__ = ["Conv2D"]


class Conv2D(layers.Conv2D):
    """A convolution of odd kernels, padded alike on every side so that stride 1 keeps the size (differs: D001).

    Keras' "same" does so for stride 1 alone: for other strides, it pads by the size of the input.

    Args:
        channels: feature maps that leave it.
        kernel: height and width of the kernel, in pixels; odd.
        stride: pixels from one window to the next.
        settings: any other setting of the Keras layer.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1, **settings: Any) -> None:
        # A 1x1 window sees every stride-th pixel and nothing else: taking those first is the same, and TensorFlow's
        # float32 gradient of a strided 1x1 kernel crashes on some shapes on a CPU (oneDNN, "reorder primitive").
        self.step = stride if kernel == 1 else 1
        stride = stride // self.step
        self.edge = kernel // 2 if stride > 1 else 0
        super().__init__(channels, kernel, stride, padding="same" if stride == 1 else "valid", **settings)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), channels)."""
        if self.step > 1:
            x = x[:, :: self.step, :: self.step]
        if self.edge:
            x = tf.pad(x, [[0, 0], [self.edge, self.edge], [self.edge, self.edge], [0, 0]])
        return super().call(x)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape that `call` gives; Keras looks at it before it makes the kernel."""
        n, *size, channels = input_shape
        seen = (s if s is None else -(-s // self.step) + 2 * self.edge for s in size)
        found: tuple[int | None, ...] = super().compute_output_shape((n, *seen, channels))
        return found
