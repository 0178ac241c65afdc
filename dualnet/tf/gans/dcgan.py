"""A deep convolutional GAN in Keras 3.

    noise -> transposed convolutions (1 -> 4 -> 8 -> ... pixels) -> tanh -> image between -1 and 1
    image -> strided convolutions (... -> 8 -> 4 -> 1 pixels) -> logit of "this is real"

Batch normalization follows every convolution but the last of each player, then ReLU or leaky ReLU.

Source: Radford et al. (2016), section 3; Dive into Deep Learning, section 20.2.
On this side 4x4 kernels with stride 2 are padded by "same", and feature maps are N H W C.
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import initializers, layers

from dualnet.concepts.gans.dcgan import DEVIATION, EPSILON, KERNEL, MOMENTUM, Adversarial, AdversarialLoss, blocks
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm
from dualnet.tf._training import Rule

__all__ = ["DCGAN", "adversarial_loss", "alternate", "binary_cross_entropy"]


def binary_cross_entropy(logits: tf.Tensor, target: float) -> tf.Tensor:
    """Cross entropy of one target for all rows and the sigmoid of their logits, summed over the batch.

    Args:
        logits: (N,), of "this is real".
        target: 1 if they should be taken for real, 0 if not.

    Returns:
        (), in nats; 0 for an empty batch.
    """
    targets = tf.fill(tf.shape(logits), tf.constant(target, logits.dtype))
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))  # differs: D124


def adversarial_loss(outputs: Adversarial, targets: tf.Tensor) -> AdversarialLoss:
    """Both players' losses at once: what the discriminator gets wrong, and what the generator does not get past it."""
    fake, real = tf.unstack(outputs.logits, axis=1)
    on_real, on_fake = binary_cross_entropy(real, 1.0), binary_cross_entropy(fake, 0.0)
    discriminator, generator = (on_real + on_fake) / 2, binary_cross_entropy(fake, 1.0)
    return AdversarialLoss(discriminator + generator, discriminator, generator, on_real, on_fake)


def alternate(
    gan: "DCGAN",
    optimizers: Mapping[str, Rule],
    inputs: list[tf.Tensor],
    targets: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Update the discriminator, then the generator against the new discriminator, by the same generated images.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: images (N, H, W, C) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    images, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    with tf.GradientTape() as generator_tape:
        generated = gan.generator(noise, training=True)
        with generator_tape.stop_recording():
            with tf.GradientTape() as tape:
                on_real = binary_cross_entropy(gan.discriminator(images, training=True), 1.0)
                on_fake = binary_cross_entropy(gan.discriminator(generated, training=True), 0.0)
                discriminator_loss = (on_real + on_fake) / 2
            discriminator.apply(tape.gradient(discriminator_loss, discriminator.variables))
        generator_loss = binary_cross_entropy(gan.discriminator(generated, training=True), 1.0)
    generator.apply(generator_tape.gradient(generator_loss, generator.variables))
    return discriminator_loss, generator_loss


def normal() -> initializers.Initializer:
    """How every parameter starts."""
    return initializers.RandomNormal(stddev=DEVIATION)


def convolution(kind: Any, channels: int, stride: int, padding: str, name: str) -> layers.Layer:
    """A convolution, or a transposed one, without a bias."""
    start = normal()  # differs: D051
    return kind(channels, KERNEL, stride, padding, use_bias=False, kernel_initializer=start, name=name)


def batch_norm(name: str) -> BatchNorm:
    """Batch normalization as PyTorch does it."""
    norm = BatchNorm(EPSILON, MOMENTUM, name=name)  # differs: D030, D031, D033
    norm.gamma_initializer, norm.beta_initializer = normal(), normal()
    return norm


class Up(layers.Layer):
    """A transposed convolution, normalised, and ReLU."""

    def __init__(self, channels: int, stride: int, padding: str, name: str) -> None:
        super().__init__(name=name)
        self.conv = convolution(layers.Conv2DTranspose, channels, stride, padding, name="conv")
        self.norm = batch_norm(name="norm")

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.nn.relu(self.norm(self.conv(x), training=training))


class Generator(layers.Layer):
    """From noise to images between -1 and 1."""

    def __init__(self, out_channels: int, image_size: int, channels: int, name: str) -> None:
        super().__init__(name=name)
        count = blocks(image_size)
        self.up = [Up(channels * 2 ** (count - 1), 1, "valid", name="up.0")]
        self.up += [Up(channels * 2 ** (count - 1 - i), 2, "same", name=f"up.{i}") for i in range(1, count)]
        self.output_layer = convolution(layers.Conv2DTranspose, out_channels, 2, "same", name="output")

    def call(self, noise: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = noise[:, None, None, :]  # N 1 1 latent
        for layer in self.up:
            x = layer(x, training=training)  # N 4 4 C, then twice as high and wide, half as deep
        return tf.tanh(self.output_layer(x))  # N H W C


class Down(layers.Layer):
    """A convolution that halves height and width, normalised, and leaky ReLU."""

    def __init__(self, channels: int, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.conv = convolution(layers.Conv2D, channels, 2, "same", name="conv")
        self.norm = batch_norm(name="norm")
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.norm(self.conv(x), training=training)
        return tf.where(x > 0, x, tf.constant(self.negative_slope, x.dtype) * x)  # differs: D199


class Discriminator(layers.Layer):
    """From images to the logits of "this is real"."""

    def __init__(self, image_size: int, channels: int, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.down = [Down(channels * 2**i, negative_slope, name=f"down.{i}") for i in range(blocks(image_size))]
        self.output_layer = convolution(layers.Conv2D, 1, 1, "valid", name="output")

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = images
        for layer in self.down:
            x = layer(x, training=training)  # half as high and wide, then twice as deep
        return tf.reshape(self.output_layer(x), (-1,))  # N


@keras.saving.register_keras_serializable("dualnet")
class DCGAN(KerasModel):
    """A deep convolutional generator and discriminator.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels, a power of two.
        latent: dimensions of the noise.
        channels: feature maps next to the image; they double whenever height and width halve.
        negative_slope: of the discriminator's leaky ReLUs below 0.

    Input shape: images (N, H, W, in_channels), between -1 and 1; noise (N, latent), standard normal, drawn where none
        is given.
    Output shape: logits (N, 2) of the generated and of the real images; generated images as the real ones.

    Raises:
        ConfigError: an image that cannot be halved down to 4 pixels.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        image_size: int = 64,
        latent: int = 100,
        channels: int = 64,
        negative_slope: float = 0.2,
    ) -> None:
        super().__init__(name="dcgan")
        self.latent = latent
        self.generator = Generator(in_channels, image_size, channels, name="generator")
        self.discriminator = Discriminator(image_size, channels, negative_slope, name="discriminator")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, noise: tf.Tensor | None = None, training: bool | None = None) -> Adversarial:
        """Generate as many images as are given, and judge both."""
        noise = tf.random.normal((tf.shape(images)[0], self.latent), dtype=images.dtype) if noise is None else noise
        generated = self.generator(noise, training=training)  # N H W C
        fake, real = (self.discriminator(x, training=training) for x in (generated, images))
        return Adversarial(tf.stack([fake, real], axis=1), generated)  # N 2
