"""LeNet-5 in Keras 3.

Two blocks of convolution, activation and pooling, then dense layers:

    5x5 conv -> pool 2 -> 5x5 conv -> pool 2 -> flatten -> dense -> dense -> dense

Source: LeCun et al. (1998), section II.B; Dive into Deep Learning, section 7.6.
On this side images are N H W C and a layer finds the size of its input by itself.
"""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.convnets.lenet import EPSILON, KERNEL, MOMENTUM, feature_size
from dualnet.interface import choose
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["LeNet"]

ACTIVATIONS: dict[str, Callable[..., tf.Tensor]] = {"sigmoid": tf.sigmoid, "relu": tf.nn.relu, "tanh": tf.tanh}
POOLINGS: dict[str, Callable[..., tf.Tensor]] = {"avg": tf.nn.avg_pool2d, "max": tf.nn.max_pool2d}


class ConvBlock(layers.Layer):
    """Convolution, batch normalization if wanted, activation, pooling by 2."""

    def __init__(self, channels: int, padding: str, activation: str, pooling: str, batch_norm: bool, name: str) -> None:
        super().__init__(name=name)
        self.conv = layers.Conv2D(
            channels,
            KERNEL,
            padding=padding,
            kernel_initializer="glorot_uniform",  # differs: D051
            bias_initializer="zeros",  # differs: D052
            name="conv",
        )
        self.norm = (
            BatchNorm(EPSILON, MOMENTUM, name="norm") if batch_norm else None  # differs: D030, D031, D033
        )
        self.activation = choose(ACTIVATIONS, activation, "activation")
        self.pool = choose(POOLINGS, pooling, "pooling")

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.conv(x)  # N H W C
        if self.norm is not None:
            x = self.norm(x, training=training)
        return self.pool(self.activation(x), 2, 2, "VALID")  # N H/2 W/2 C


class DenseBlock(layers.Layer):
    """Dense layer, batch normalization if wanted, activation."""

    def __init__(self, features: int, activation: str, batch_norm: bool, name: str) -> None:
        super().__init__(name=name)
        self.linear = layers.Dense(
            features, kernel_initializer="glorot_uniform", bias_initializer="zeros", name="linear"
        )
        self.norm = BatchNorm(EPSILON, MOMENTUM, name="norm") if batch_norm else None
        self.activation = choose(ACTIVATIONS, activation, "activation")

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.linear(x)  # N F
        if self.norm is not None:
            x = self.norm(x, training=training)
        return self.activation(x)


@keras.saving.register_keras_serializable("dualnet")
class LeNet(KerasModel):
    """LeNet-5.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the two convolutions.
        padding: "same" or "valid" for each of them.
        hidden: units of the hidden dense layers.
        num_classes: units of the output.
        activation: "sigmoid", "relu" or "tanh".
        pooling: "avg" or "max".
        batch_norm: normalise before every hidden activation.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an unknown activation, pooling or padding, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        channels: tuple[int, int] = (6, 16),
        padding: tuple[str, str] = ("same", "valid"),
        hidden: tuple[int, ...] = (120, 84),
        num_classes: int = 10,
        activation: str = "sigmoid",
        pooling: str = "avg",
        batch_norm: bool = False,
    ) -> None:
        super().__init__(name="lenet")
        feature_size(image_size, padding)
        self.block1 = ConvBlock(channels[0], padding[0], activation, pooling, batch_norm, name="block1")
        self.block2 = ConvBlock(channels[1], padding[1], activation, pooling, batch_norm, name="block2")
        self.hidden = [DenseBlock(units, activation, batch_norm, name=f"hidden.{i}") for i, units in enumerate(hidden)]
        self.output_layer = layers.Dense(
            num_classes, kernel_initializer="glorot_uniform", bias_initializer="zeros", name="output"
        )
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.block2(self.block1(images, training=training), training=training)  # N H W C
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        for layer in self.hidden:
            x = layer(x, training=training)
        return self.output_layer(x)  # N K
