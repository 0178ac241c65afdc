"""The residual block in Keras 3.

    y = relu(f(x) + shortcut(x)),  f = conv -> batch norm -> relu -> conv -> batch norm

The shortcut is the identity, or a 1x1 convolution where the block changes the shape.

Source: He et al. (2015), section 3.2, eq. 1 and 2; Dive into Deep Learning, section 8.6.2.
On this side images are N H W C and a layer finds the size of its input by itself.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.modern_convnets.residual_block import EPSILON, MOMENTUM, map_sizes
from dualnet.tf._convolution import Conv2D
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["ResidualNet"]


def _conv(channels: int, kernel: int, stride: int = 1, *, name: str) -> layers.Layer:
    return Conv2D(  # differs: D001
        channels,
        kernel,
        stride,
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, "fan_out", "untruncated_normal"
        ),  # differs: D051, D056
        bias_initializer="zeros",  # differs: D052
        name=name,
    )


def _norm(name: str) -> layers.Layer:
    return BatchNorm(EPSILON, MOMENTUM, name=name)  # differs: D030, D031, D033


class ResidualBlock(layers.Layer):
    """Two convolutions beside a shortcut: the identity, or a 1x1 convolution (with batch normalization if wanted)."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernels: tuple[int, int],
        stride: int,
        shortcut: str,
        shortcut_norm: bool,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.conv1 = _conv(channels[0], kernels[0], stride, name="conv1")
        self.bn1 = _norm(name="bn1")
        self.conv2 = _conv(channels[1], kernels[1], name="conv2")
        self.bn2 = _norm(name="bn2")
        self.downsample = []  # without layers, the identity
        if shortcut == "projection":
            self.downsample.append(_conv(channels[1], 1, stride, name="downsample.0"))
            if shortcut_norm:
                self.downsample.append(_norm(name="downsample.1"))

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        residual = tf.nn.relu(self.bn1(self.conv1(x), training=training))  # N H/stride W/stride C1
        residual = self.bn2(self.conv2(residual), training=training)  # N H/stride W/stride C2
        for layer in self.downsample:
            x = layer(x, training=training) if isinstance(layer, BatchNorm) else layer(x)
        return tf.nn.relu(residual + x)


@keras.saving.register_keras_serializable("dualnet")
class ResidualNet(KerasModel):
    """Residual blocks and a dense layer.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        channels: feature maps of the two convolutions of each block.
        kernels: their heights and widths, in pixels; odd.
        stride: of each block's first convolution and of its shortcut.
        shortcut: "identity" or "projection", a 1x1 convolution.
        shortcut_norm: batch normalization after a projection.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an unknown shortcut, or the identity where a block changes the shape.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 10,
        channels: tuple[tuple[int, int], ...] = ((4, 1), (4, 1)),
        kernels: tuple[int, int] = (1, 3),
        stride: int = 1,
        shortcut: str = "identity",
        shortcut_norm: bool = True,
    ) -> None:
        super().__init__(name="residual_net")
        map_sizes(image_size, in_channels, channels, stride, shortcut)
        self.blocks = [
            ResidualBlock(pair, kernels, stride, shortcut, shortcut_norm, name=f"blocks.{i}")
            for i, pair in enumerate(channels)
        ]
        self.fc = layers.Dense(num_classes, kernel_initializer="glorot_uniform", bias_initializer="zeros", name="fc")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = images
        for block in self.blocks:
            x = block(x, training=training)  # N H W C
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C H W
        return self.fc(tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3])))  # N K
