"""Network in network in Keras 3.

    (k x k conv -> 1x1 conv -> 1x1 conv -> pool 3, stride 2 -> dropout), several times -> mean of each map

Source: Lin, Chen, Yan (2014), section 3; Dive into Deep Learning, section 8.3; Raschka, cnn/nin-cifar10.
On this side zeros on both sides are a layer of their own.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.modern_convnets.nin import map_sizes
from dualnet.tf._model import KerasModel

__all__ = ["NetworkInNetwork"]


class Block(layers.Layer):
    """A convolution and two of 1x1, a ReLU after each."""

    def __init__(self, channels: list[int], kernel: int, stride: int, padding: int, name: str) -> None:
        super().__init__(name=name)
        start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052
        self.pad = layers.ZeroPadding2D(padding)  # differs: D001
        self.conv = layers.Conv2D(channels[0], kernel, stride, activation="relu", **start, name="conv")
        self.mixer1 = layers.Conv2D(channels[1], 1, activation="relu", **start, name="mixer1")
        self.mixer2 = layers.Conv2D(channels[2], 1, activation="relu", **start, name="mixer2")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = self.conv(self.pad(x))  # N H W C
        return self.mixer2(self.mixer1(x))


def pooling(kind: str, padding: int, name: str) -> layers.Layer:
    """A 3x3 pooling with stride 2 that pads both sides; a mean counts the zeros."""
    pool = layers.MaxPooling2D(3, 2) if kind == "max" else layers.AveragePooling2D(3, 2)
    return keras.Sequential([layers.ZeroPadding2D(padding), pool], name=name)  # differs: D091, D093


@keras.saving.register_keras_serializable("dualnet")
class NetworkInNetwork(KerasModel):
    """Network in network: the last mixer has one map for each class, and its mean is the logit.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the first convolution of each block.
        mixers: those of the two 1x1 convolutions that follow, block after block; the last are the classes.
        kernel_sizes: heights and widths of the first convolutions in pixels.
        strides: their strides in pixels.
        paddings: zeros on each side of their inputs, in pixels.
        poolings: "max" or "avg" of 3x3 with stride 2 after each block but the last.
        pool_padding: pixels on each side before each pooling.
        dropouts: probability that a value is dropped after each pooling.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, mixers[-1]), logits.

    Raises:
        ConfigError: an unknown pooling, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 95,
        channels: tuple[int, ...] = (16, 24, 32, 10),
        mixers: tuple[int, ...] = (16, 16, 24, 24, 32, 32, 10, 10),
        kernel_sizes: tuple[int, ...] = (11, 5, 3, 3),
        strides: tuple[int, ...] = (4, 1, 1, 1),
        paddings: tuple[int, ...] = (0, 2, 1, 1),
        poolings: tuple[str, ...] = ("max", "max", "max"),
        pool_padding: int = 0,
        dropouts: tuple[float, ...] = (0.0, 0.0, 0.5),
    ) -> None:
        super().__init__(name="nin")
        map_sizes(image_size, kernel_sizes, strides, paddings, poolings, pool_padding)
        self.stack: list[layers.Layer] = []
        for i, kernel in enumerate(kernel_sizes):
            widths = [channels[i], *mixers[2 * i : 2 * i + 2]]
            self.stack.append(Block(widths, kernel, strides[i], paddings[i], name=f"block{i + 1}"))
            if i < len(poolings):
                self.stack.append(pooling(poolings[i], pool_padding, name=f"pool{i + 1}"))
                self.stack.append(layers.Dropout(dropouts[i], name=f"dropout{i + 1}"))
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = images
        for layer in self.stack:
            x = layer(x, training=training) if isinstance(layer, layers.Dropout) else layer(x)  # N H W C
        return tf.reduce_mean(x, (1, 2))  # N K
