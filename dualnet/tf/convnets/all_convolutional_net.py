"""The all-convolutional net in Keras 3.

    (3x3 conv -> ReLU), seven times, every second one with stride 2 -> mean of each map

The last ReLU comes before the mean: no score is negative.

Source: Springenberg et al. (2015), section 2; Raschka, deeplearning-models, cnn/cnn-allconv.
On this side zeros on both sides are a layer of their own.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.convnets.all_convolutional_net import KERNEL, PADDING, map_sizes
from dualnet.tf._model import KerasModel

__all__ = ["AllConvolutionalNet"]


class Block(layers.Layer):
    """Convolution and ReLU."""

    def __init__(self, channels: int, stride: int, name: str) -> None:
        super().__init__(name=name)
        law = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")  # differs: D051, D056
        start = {"kernel_initializer": law, "bias_initializer": "zeros"}  # differs: D052
        self.pad = layers.ZeroPadding2D(PADDING)  # differs: D001
        self.conv = layers.Conv2D(channels, KERNEL, stride, **start, name="conv")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(self.conv(self.pad(x)))  # N H/stride W/stride C


@keras.saving.register_keras_serializable("dualnet")
class AllConvolutionalNet(KerasModel):
    """Convolutions alone, some with a stride; the mean of each last map is the score of a class.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the convolutions, one after the other; the last are the classes.
        strides: their strides in pixels.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, channels[-1]), logits of at least 0.

    Raises:
        ConfigError: there is no image, or a stride is less than 1.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        channels: tuple[int, ...] = (4, 4, 8, 8, 16, 16, 10),
        strides: tuple[int, ...] = (1, 2, 1, 2, 1, 2, 1),
    ) -> None:
        super().__init__(name="all_convolutional_net")
        map_sizes(image_size, strides)
        self.blocks = [Block(channels[i], stride, name=f"block{i + 1}") for i, stride in enumerate(strides)]
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = images
        for block in self.blocks:
            x = block(x)  # N H W C
        return tf.reduce_mean(x, (1, 2))  # N K
