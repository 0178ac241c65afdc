"""A convolutional variational autoencoder in Keras 3.

    image -> 3 strided convolutions -> mean and log-variance;
    mean + noise * exp(log-variance / 2) -> dense -> 3 transposed convolutions -> sigmoid

Source: Kingma, Welling (2014), sections 2.4 and 3; Raschka, deeplearning-models, autoencoder/ae-conv-var.
On this side a transposed convolution is cropped by a slice, and feature maps are N H W C.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.autoencoders.conv_vae import (
    CROPS,
    DECODER_KERNELS,
    DECODER_STRIDES,
    IMAGE_SIZE,
    KERNELS,
    SIZES,
    STRIDES,
    Variational,
    VariationalLoss,
)
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel

__all__ = ["ConvolutionalVariationalAutoencoder", "variational_loss"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def variational_loss(outputs: Variational, targets: tf.Tensor) -> VariationalLoss:
    """Minus the evidence lower bound, and its two terms, summed over batch and pixels, in nats."""
    mean, log_variance = outputs.mean, outputs.log_variance
    divergence = 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1)
    reconstruction = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs.logits))
    return VariationalLoss(divergence + reconstruction, divergence, reconstruction)


class CroppedTranspose(layers.Conv2DTranspose):
    """A transposed convolution that loses as many rows and columns at either end."""

    def __init__(self, channels: int, kernel: int, stride: int, crop: int, name: str) -> None:
        super().__init__(channels, kernel, stride, padding="valid", **START, name=name)
        self.crop = crop

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x, end = super().call(x), -self.crop or None
        return x[:, self.crop : end, self.crop : end]  # differs: D014


class Decoder(layers.Layer):
    """From latent vectors to the logits of images: a dense layer, then transposed convolutions."""

    def __init__(self, channels: tuple[int, int, int], out_channels: int, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        maps = (*channels[1::-1], out_channels)
        self.dense = layers.Dense(channels[-1] * SIZES[-1] ** 2, **START, name="dense")
        self.up = [
            CroppedTranspose(maps[i], DECODER_KERNELS[i], DECODER_STRIDES[i], CROPS[i], name=f"up.{i}")
            for i in range(3)
        ]
        self.negative_slope = negative_slope

    def call(self, latent: tf.Tensor) -> tf.Tensor:
        x = self.dense(latent)  # N C*H*W
        x = tf.reshape(x, (-1, x.shape[-1] // SIZES[-1] ** 2, SIZES[-1], SIZES[-1]))  # N C H W
        x = tf.transpose(x, (0, 2, 3, 1))  # differs: D019, N H W C
        for layer in self.up:
            x = leaky_relu(layer(x), self.negative_slope)
        return x


@keras.saving.register_keras_serializable("dualnet")
class ConvolutionalVariationalAutoencoder(KerasModel):
    """Convolutional variational autoencoder, for images of 28 pixels.

    Args:
        in_channels: colours of the image.
        channels: feature maps of the three convolutions.
        latent: dimensions of the latent space.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: images (N, 28, 28, in_channels), in 0-1; noise (N, latent), standard
        normal, drawn where none is given.
    Output shape: reconstruction and logits as the images; mean,
        log_variance and latent (N, latent).
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        channels: tuple[int, int, int] = (16, 32, 64),
        latent: int = 15,
        negative_slope: float = 0.01,
    ) -> None:
        super().__init__(name="conv_vae")
        self.encoder = [
            layers.Conv2D(channels[i], KERNELS[i], STRIDES[i], **START, name=f"encoder.{i}") for i in range(3)
        ]
        self.mean = layers.Dense(latent, **START, name="mean")
        self.log_variance = layers.Dense(latent, **START, name="log_variance")
        self.decoder = Decoder(channels, in_channels, negative_slope, name="decoder")
        self.negative_slope = negative_slope
        self(keras.Input((IMAGE_SIZE, IMAGE_SIZE, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, noise: tf.Tensor | None = None, training: bool | None = None) -> Variational:
        """Encode a batch of images, draw a latent vector for each, and decode it."""
        x = images
        for layer in self.encoder:
            x = leaky_relu(layer(x), self.negative_slope)  # N H W C
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        mean, log_variance = self.mean(x), self.log_variance(x)  # N latent
        noise = tf.random.normal(tf.shape(mean), dtype=mean.dtype) if noise is None else noise
        latent = mean + noise * tf.exp(log_variance / 2)
        logits = self.decoder(latent)  # N H W C
        return Variational(tf.sigmoid(logits), mean, log_variance, latent, logits)
