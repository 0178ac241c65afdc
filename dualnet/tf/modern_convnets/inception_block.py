"""The Inception block in Keras 3.

    1x1 conv | 1x1 conv -> 3x3 conv | 1x1 conv -> 5x5 conv | 3x3 max pool -> 1x1 conv

Source: Szegedy et al. (2015), figure 2 (b); Dive into Deep Learning, section 8.4.1.
On this side the channels, along which the paths are joined, are the last axis.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.modern_convnets.inception_block import EPSILON, MOMENTUM
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["InceptionNet"]


class ConvBlock(layers.Layer):
    """Convolution, then batch normalization or a bias, then ReLU."""

    def __init__(
        self, channels: int, kernel: int, batch_norm: bool, stride: int = 1, padding: int = 0, *, name: str
    ) -> None:
        super().__init__(name=name)
        self.pad = layers.ZeroPadding2D(padding)
        self.conv = layers.Conv2D(
            channels,
            kernel,
            stride,
            use_bias=not batch_norm,
            kernel_initializer="glorot_uniform",  # differs: D051
            bias_initializer="zeros",  # differs: D052
            name="conv",
        )
        # differs: D030, D031, D033
        self.bn = BatchNorm(EPSILON, MOMENTUM, name="bn") if batch_norm else layers.Identity()

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.nn.relu(self.bn(self.conv(self.pad(x)), training=training))  # N H W C


class Inception(layers.Layer):
    """1x1; 1x1 and 3x3; 1x1 and 5x5; pooling and 1x1: the maps of the four paths one after another."""

    def __init__(self, channels: tuple[int, ...], kernel: int, batch_norm: bool, name: str) -> None:
        super().__init__(name=name)
        one, squeezed3, three, squeezed5, five, pooled = channels
        self.branch1 = ConvBlock(one, 1, batch_norm, name="branch1")
        self.branch2 = keras.Sequential(
            [ConvBlock(squeezed3, 1, batch_norm, name="0"), ConvBlock(three, 3, batch_norm, padding=1, name="1")],
            name="branch2",
        )
        self.branch3 = keras.Sequential(
            [
                ConvBlock(squeezed5, 1, batch_norm, name="0"),
                ConvBlock(five, kernel, batch_norm, padding=kernel // 2, name="1"),
            ],
            name="branch3",
        )
        self.branch4 = keras.Sequential(
            [layers.MaxPooling2D(3, 1, "same"), ConvBlock(pooled, 1, batch_norm, name="1")], name="branch4"
        )

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return tf.concat([branch(x, training=training) for branch in branches], -1)  # N H W 4*C


@keras.saving.register_keras_serializable("dualnet")
class InceptionNet(KerasModel):
    """A 3x3 convolution, one Inception block, the mean of each of its maps, and a dense layer.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        stem_channels: maps of the 3x3 convolution before the block.
        channels: maps of the 1x1 path, of the 3x3 and the 5x5 path (squeezed, then wide each), of the pooled one.
        kernel_size: of the third path; torchvision has 3.
        batch_norm: normalise before every ReLU.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 16,
        stem_channels: int = 6,
        channels: tuple[int, ...] = (5, 4, 7, 3, 6, 2),
        kernel_size: int = 5,
        batch_norm: bool = False,
        num_classes: int = 10,
    ) -> None:
        super().__init__(name="inception_net")
        self.stem = ConvBlock(stem_channels, 3, batch_norm, padding=1, name="stem")
        self.block = Inception(channels, kernel_size, batch_norm, name="block")
        self.fc = layers.Dense(num_classes, kernel_initializer="glorot_uniform", bias_initializer="zeros", name="fc")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.block(self.stem(images, training=training), training=training)  # N H W C
        x = tf.reduce_mean(x, (1, 2))  # N C
        return self.fc(x)  # N K
