"""A large convolutional autoencoder for colour images in Keras 3.

    n x (4x4 conv, stride 2 -> leaky ReLU -> batch norm) -> dense: the code
    -> dense -> n x (nearest neighbours x 2 -> 4x4 conv -> leaky ReLU -> batch norm), the last one -> sigmoid

Source: Raschka, deeplearning-models, autoencoder/ae-conv-nneighbor-celeba; Odena, Dumoulin, Olah (2016).
On this side no padding repeats the edge: it is concatenated.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.autoencoders.ae_nearest_neighbor_celeba import (
    EPSILON,
    KERNEL,
    MOMENTUM,
    Reconstruction,
    code_size,
)
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel

__all__ = ["ColourAutoencoder", "squared_error_loss"]


def squared_error_loss(outputs: Reconstruction, targets: tf.Tensor) -> tf.Tensor:
    """Squared error of an image and its reconstruction, the mean over batch, channels and pixels."""
    return tf.reduce_mean(tf.math.squared_difference(outputs.reconstruction, targets))


def kaiming_normal() -> keras.initializers.Initializer:
    """Normal with variance 2 / fan_in, not cut off."""
    return keras.initializers.VarianceScaling(2.0, mode="fan_in", distribution="untruncated_normal")  # differs: D051


class BatchNorm(layers.BatchNormalization):
    """Batch normalization that keeps the unbiased variance, as PyTorch does (differs: D030, D031, D033)."""

    def __init__(self, name: str) -> None:
        super().__init__(epsilon=EPSILON, momentum=1.0 - MOMENTUM, name=name)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return super().call(x, training=False)
        mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
        count = tf.cast(tf.size(x) // x.shape[-1], x.dtype)
        rate = tf.constant(MOMENTUM, x.dtype)
        self.moving_mean.assign((1 - rate) * self.moving_mean + rate * mean)
        self.moving_variance.assign((1 - rate) * self.moving_variance + rate * variance * count / (count - 1))
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, EPSILON)


class DownBlock(layers.Layer):
    """Half the height and width: strided convolution, leaky ReLU, batch normalization."""

    def __init__(self, channels: int, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.conv = layers.Conv2D(
            channels,
            KERNEL,
            strides=2,
            kernel_initializer=kaiming_normal(),
            bias_initializer="zeros",  # differs: D052
            name="conv",
        )
        self.norm = BatchNorm(name="norm")
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = tf.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # N H+2 W+2 C
        x = self.conv(x)  # N H/2 W/2 C
        return self.norm(leaky_relu(x, self.negative_slope), training=training)


class UpBlock(layers.Layer):
    """Twice the height and width: repeated pixels, convolution, and all but the last: leaky ReLU, batch norm."""

    def __init__(self, channels: int, negative_slope: float, last: bool, name: str) -> None:
        super().__init__(name=name)
        self.conv = layers.Conv2D(
            channels, KERNEL, kernel_initializer=kaiming_normal(), bias_initializer="zeros", name="conv"
        )
        self.norm = None if last else BatchNorm(name="norm")
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)  # differs: D105, N 2H 2W C
        x = tf.concat([x[:, :1], x[:, :1], x, x[:, -1:]], axis=1)  # differs: D027, N 2H+3 2W C
        x = tf.concat([x[:, :, :1], x[:, :, :1], x, x[:, :, -1:]], axis=2)  # N 2H+3 2W+3 C
        x = self.conv(x)  # N 2H 2W C
        return x if self.norm is None else self.norm(leaky_relu(x, self.negative_slope), training=training)


class Decoder(layers.Layer):
    """From codes to the logits of images."""

    def __init__(
        self, channels: tuple[int, ...], out_channels: int, size: int, negative_slope: float, name: str
    ) -> None:
        super().__init__(name=name)
        maps = (*channels[-2::-1], out_channels)
        self.size = size
        self.dense = layers.Dense(
            channels[-1] * size * size,
            kernel_initializer=kaiming_normal(),
            bias_initializer="zeros",
            name="dense",
        )
        self.blocks = [
            UpBlock(maps[i], negative_slope, last=i + 1 == len(maps), name=f"blocks.{i}") for i in range(len(maps))
        ]

    def call(self, code: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.dense(code)  # N C*H*W
        x = tf.reshape(x, (-1, x.shape[-1] // self.size**2, self.size, self.size))  # N C H W
        x = tf.transpose(x, (0, 2, 3, 1))  # differs: D019, N H W C
        for block in self.blocks:
            x = block(x, training=training)
        return x


@keras.saving.register_keras_serializable("dualnet")
class ColourAutoencoder(KerasModel):
    """A convolutional autoencoder with a vector as its code.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels, to be halved once for each of the channels.
        channels: feature maps after each step down.
        latent: numbers in a code.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: (N, image_size, image_size, in_channels), in 0-1.
    Output shape: reconstruction as the input, in 0-1; code (N, latent); logits as the reconstruction.

    Raises:
        ConfigError: the image cannot be halved so often.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        image_size: int = 128,
        channels: tuple[int, ...] = (32, 64, 128, 256, 512),
        latent: int = 1000,
        negative_slope: float = 0.2,
    ) -> None:
        super().__init__(name="colour_autoencoder")
        size = code_size(image_size, len(channels))
        self.encoder = [DownBlock(maps, negative_slope, name=f"encoder.{i}") for i, maps in enumerate(channels)]
        self.code = layers.Dense(latent, kernel_initializer=kaiming_normal(), bias_initializer="zeros", name="code")
        self.decoder = Decoder(channels, in_channels, size, negative_slope, name="decoder")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> Reconstruction:
        """Encode a batch of images, and draw them again."""
        x = images
        for block in self.encoder:
            x = block(x, training=training)  # N H/2 W/2 C
        x = tf.transpose(x, (0, 3, 1, 2))  # N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        code = self.code(x)  # N latent
        logits = self.decoder(code, training=training)  # N H W C
        return Reconstruction(tf.sigmoid(logits), code, logits)
