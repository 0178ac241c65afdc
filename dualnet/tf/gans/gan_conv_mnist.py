"""A convolutional GAN in Keras 3.

    noise -> dense -> 4 transposed convolutions (7 -> 13 -> 25 -> 27 -> 28 pixels) -> tanh -> image between -1 and 1
    image -> 2 strided convolutions (28 -> 14 -> 7 pixels) -> dense -> logit of "this is real"

Batch normalization and leaky ReLU follow every layer but the last of each player.

Source: Goodfellow et al. (2014), algorithm 1; Salimans et al. (2016), section 3.4; Raschka, deeplearning-models.
On this side a transposed convolution is cropped by a slice, and feature maps are N H W C.
"""

from collections.abc import Mapping

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.gans.gan_conv_mnist import (
    CROPS,
    EPSILON,
    IMAGE_SIZE,
    KERNELS,
    MOMENTUM,
    SIZE,
    SMOOTHED,
    STRIDES,
    Adversarial,
    AdversarialLoss,
)
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm
from dualnet.tf._training import Rule

__all__ = [
    "ConvolutionalGAN",
    "adversarial_loss",
    "alternate",
    "alternate_smoothed",
    "binary_cross_entropy",
    "smoothed_adversarial_loss",
]

PLAIN = {"use_bias": False, "kernel_initializer": "glorot_uniform"}  # differs: D051; a normalisation follows


def binary_cross_entropy(logits: tf.Tensor, target: float) -> tf.Tensor:
    """Mean cross entropy of one target for all rows and the sigmoid of their logits.

    Args:
        logits: (N,), of "this is real".
        target: 1, or a little less, if they should be taken for real, 0 if not.

    Returns:
        (), in nats.
    """
    targets = tf.fill(tf.shape(logits), tf.constant(target, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


def adversarial_loss(outputs: Adversarial, targets: tf.Tensor) -> AdversarialLoss:
    """Both players' losses at once: what the discriminator gets wrong, and what the generator does not get past it."""
    return _losses(outputs, 1.0)


def smoothed_adversarial_loss(outputs: Adversarial, targets: tf.Tensor) -> AdversarialLoss:
    """The same with a target of 0.9 instead of 1, for both players."""
    return _losses(outputs, SMOOTHED)


def _losses(outputs: Adversarial, target: float) -> AdversarialLoss:
    fake, real = tf.unstack(outputs.logits, axis=1)
    on_real, on_fake = binary_cross_entropy(real, target), binary_cross_entropy(fake, 0.0)
    discriminator, generator = (on_real + on_fake) / 2, binary_cross_entropy(fake, target)
    return AdversarialLoss(discriminator + generator, discriminator, generator, on_real, on_fake)


def alternate(
    gan: "ConvolutionalGAN",
    optimizers: Mapping[str, Rule],
    inputs: list[tf.Tensor],
    targets: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Update the generator, then the discriminator on the images that the old generator made.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: images (N, 28, 28, 1) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    return _alternate(gan, optimizers, inputs, 1.0)


def alternate_smoothed(
    gan: "ConvolutionalGAN",
    optimizers: Mapping[str, Rule],
    inputs: list[tf.Tensor],
    targets: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The same with a target of 0.9 instead of 1, for both players."""
    return _alternate(gan, optimizers, inputs, SMOOTHED)


def _alternate(
    gan: "ConvolutionalGAN", optimizers: Mapping[str, Rule], inputs: list[tf.Tensor], target: float
) -> tuple[tf.Tensor, tf.Tensor]:
    images, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    with tf.GradientTape() as tape:
        generated = gan.generator(noise, training=True)
        generator_loss = binary_cross_entropy(gan.discriminator(generated, training=True), target)
    generator.apply(tape.gradient(generator_loss, generator.variables))
    with tf.GradientTape() as tape:
        on_real = binary_cross_entropy(gan.discriminator(images, training=True), target)
        on_fake = binary_cross_entropy(gan.discriminator(generated, training=True), 0.0)
        discriminator_loss = (on_real + on_fake) / 2
    discriminator.apply(tape.gradient(discriminator_loss, discriminator.variables))
    return discriminator_loss, generator_loss


def batch_norm(name: str) -> BatchNorm:
    """Batch normalization as PyTorch does it."""
    return BatchNorm(EPSILON, MOMENTUM, name=name)  # differs: D030, D031, D033


class Up(layers.Layer):
    """A transposed convolution that loses as many rows and columns at either end; normalised and activated."""

    def __init__(self, channels: int, i: int, last: bool, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.conv = layers.Conv2DTranspose(channels, KERNELS[i], STRIDES[i], padding="valid", **PLAIN, name="conv")
        self.norm = None if last else batch_norm(name="norm")
        self.crop, self.negative_slope = CROPS[i], negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x, end = self.conv(x), -self.crop or None
        x = x[:, self.crop : end, self.crop : end]  # differs: D014
        if self.norm is None:
            return tf.tanh(x)
        return leaky_relu(self.norm(x, training=training), self.negative_slope)


class Generator(layers.Layer):
    """From noise to images between -1 and 1."""

    def __init__(self, channels: tuple[int, ...], negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.dense = layers.Dense(channels[0] * SIZE**2, **PLAIN, name="dense")
        self.norm = batch_norm(name="norm")
        maps = (*channels[1:], 1)
        self.up = [Up(maps[i], i, i == 3, negative_slope, name=f"up.{i}") for i in range(4)]
        self.negative_slope = negative_slope

    def call(self, noise: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = leaky_relu(self.norm(self.dense(noise), training=training), self.negative_slope)  # N C*7*7
        x = tf.reshape(x, (-1, x.shape[1] // SIZE**2, SIZE, SIZE))  # N C 7 7
        x = tf.transpose(x, (0, 2, 3, 1))  # differs: D019, N 7 7 C
        for layer in self.up:
            x = layer(x, training=training)
        return x  # N 28 28 1


class Down(layers.Layer):
    """A convolution that halves height and width; normalised and activated."""

    def __init__(self, channels: int, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.pad = layers.ZeroPadding2D(1)  # differs: D003
        self.conv = layers.Conv2D(channels, 3, 2, **PLAIN, name="conv")
        self.norm = batch_norm(name="norm")
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.conv(self.pad(x))  # N H/2 W/2 C
        return leaky_relu(self.norm(x, training=training), self.negative_slope)


class Discriminator(layers.Layer):
    """From images to the logits of "this is real"."""

    def __init__(self, channels: tuple[int, int], negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.down = [Down(maps, negative_slope, name=f"down.{i}") for i, maps in enumerate(channels)]
        self.output_layer = layers.Dense(
            1,
            kernel_initializer="glorot_uniform",
            bias_initializer="zeros",  # differs: D052
            name="output",
        )

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = images
        for layer in self.down:
            x = layer(x, training=training)
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C 7 7
        x = tf.reshape(x, (-1, x.shape[1] * SIZE**2))  # N C*7*7
        return tf.squeeze(self.output_layer(x), axis=1)  # N


@keras.saving.register_keras_serializable("dualnet")
class ConvolutionalGAN(KerasModel):
    """A convolutional generator and discriminator, for images of 28 pixels.

    Args:
        latent: dimensions of the noise.
        generator_channels: feature maps before each of the four transposed convolutions.
        discriminator_channels: feature maps after each of the two convolutions.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: images (N, 28, 28, 1), between -1 and 1; noise (N, latent), uniform between -1 and 1, drawn where
        none is given.
    Output shape: logits (N, 2) of the generated and of the real images; generated images (N, 28, 28, 1).
    """

    def __init__(
        self,
        *,
        latent: int = 100,
        generator_channels: tuple[int, int, int, int] = (64, 32, 16, 8),
        discriminator_channels: tuple[int, int] = (8, 32),
        negative_slope: float = 0.0001,
    ) -> None:
        super().__init__(name="convolutional_gan")
        self.latent = latent
        self.generator = Generator(generator_channels, negative_slope, name="generator")
        self.discriminator = Discriminator(discriminator_channels, negative_slope, name="discriminator")
        self(keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1)))  # creates the variables

    def call(self, images: tf.Tensor, noise: tf.Tensor | None = None, training: bool | None = None) -> Adversarial:
        """Generate as many images as are given, and judge both."""
        if noise is None:
            noise = tf.random.uniform((tf.shape(images)[0], self.latent), -1, 1, images.dtype)
        generated = self.generator(noise, training=training)  # N H W C
        fake, real = (self.discriminator(x, training=training) for x in (generated, images))
        return Adversarial(tf.stack([fake, real], axis=1), generated)  # N 2
