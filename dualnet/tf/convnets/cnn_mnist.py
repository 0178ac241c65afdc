"""A plain convolutional network in Keras 3.

    3x3 conv -> ReLU -> max pool 2 -> 3x3 conv -> ReLU -> max pool 2 -> flatten -> dense

Source: Raschka, deeplearning-models, cnn/cnn-basic.
On this side images are N H W C, and the dense layer finds out what is left of them.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.convnets.cnn_mnist import DEVIATION, KERNEL, feature_size
from dualnet.tf._model import KerasModel

__all__ = ["CNN"]


def started() -> dict[str, Any]:
    """Small normal weights and no bias, for a layer."""
    return {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=DEVIATION),  # differs: D051
        "bias_initializer": "zeros",  # differs: D052
    }


class Block(layers.Layer):
    """Convolution that keeps the size, ReLU, max pooling by 2."""

    def __init__(self, channels: int, name: str) -> None:
        super().__init__(name=name)
        self.conv = layers.Conv2D(channels, KERNEL, padding="same", **started(), name="conv")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.nn.relu(self.conv(x))  # N H W C
        return tf.nn.max_pool2d(x, 2, 2, "VALID")  # N H/2 W/2 C


@keras.saving.register_keras_serializable("dualnet")
class CNN(KerasModel):
    """Two convolutions with pooling, and a dense layer.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the two convolutions.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: the image is too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        channels: tuple[int, int] = (8, 16),
        num_classes: int = 10,
    ) -> None:
        super().__init__(name="cnn_mnist")
        feature_size(image_size)
        self.block1 = Block(channels[0], name="block1")
        self.block2 = Block(channels[1], name="block2")
        self.output_layer = layers.Dense(num_classes, **started(), name="output")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.block2(self.block1(images))  # N H W C
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        return self.output_layer(x)  # N K
