"""A fully connected GAN in Keras 3.

    noise -> dense -> leaky ReLU -> dropout -> dense -> tanh -> pixels between -1 and 1
    pixels -> dense -> leaky ReLU -> dropout -> dense -> logit of "this is real"

Source: Goodfellow et al. (2014), section 3 and algorithm 1; Raschka, deeplearning-models, gan/gan.
On this side layers are told by `training` whether to drop, and each player's gradients come from a tape of its own.
"""

from collections.abc import Mapping

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.gans.gan_fc_mnist import Adversarial, AdversarialLoss
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel
from dualnet.tf._training import Rule

__all__ = ["DenseGAN", "adversarial_loss", "alternate", "binary_cross_entropy"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def binary_cross_entropy(logits: tf.Tensor, target: float) -> tf.Tensor:
    """Mean cross entropy of one target for all rows and the sigmoid of their logits.

    Args:
        logits: (N,), of "this is real".
        target: 1 if they should be taken for real, 0 if not.

    Returns:
        (), in nats.
    """
    targets = tf.fill(tf.shape(logits), tf.constant(target, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


def adversarial_loss(outputs: Adversarial, targets: tf.Tensor) -> AdversarialLoss:
    """Both players' losses at once: what the discriminator gets wrong, and what the generator does not get past it."""
    fake, real = tf.unstack(outputs.logits, axis=1)
    on_real, on_fake = binary_cross_entropy(real, 1.0), binary_cross_entropy(fake, 0.0)
    discriminator, generator = (on_real + on_fake) / 2, binary_cross_entropy(fake, 1.0)
    return AdversarialLoss(discriminator + generator, discriminator, generator, on_real, on_fake)


def alternate(
    gan: "DenseGAN", optimizers: Mapping[str, Rule], inputs: list[tf.Tensor], targets: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Update the generator, then the discriminator on the images that the old generator made.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: pixels (N, num_features) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    pixels, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    with tf.GradientTape() as tape:
        generated = gan.generator(noise, training=True)
        generator_loss = binary_cross_entropy(gan.discriminator(generated, training=True), 1.0)
    generator.apply(tape.gradient(generator_loss, generator.variables))
    with tf.GradientTape() as tape:
        on_real = binary_cross_entropy(gan.discriminator(pixels, training=True), 1.0)
        on_fake = binary_cross_entropy(gan.discriminator(generated, training=True), 0.0)
        discriminator_loss = (on_real + on_fake) / 2
    discriminator.apply(tape.gradient(discriminator_loss, discriminator.variables))
    return discriminator_loss, generator_loss


class Player(layers.Layer):
    """A dense layer, leaky ReLU, dropout, and another dense layer."""

    def __init__(self, hidden: int, features: int, negative_slope: float, dropout: float, name: str) -> None:
        super().__init__(name=name)
        self.hidden = layers.Dense(hidden, **START, name="hidden")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.output_layer = layers.Dense(features, **START, name="output")
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = leaky_relu(self.hidden(x), self.negative_slope)  # N hidden
        return self.output_layer(self.dropout(x, training=training))  # N features


class Generator(Player):
    """From noise to pixels between -1 and 1."""

    def call(self, noise: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.tanh(super().call(noise, training=training))  # N F


class Discriminator(Player):
    """From pixels to the logits of "this is real"."""

    def call(self, pixels: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.squeeze(super().call(pixels, training=training), axis=1)  # N


@keras.saving.register_keras_serializable("dualnet")
class DenseGAN(KerasModel):
    """A generator and a discriminator with one hidden layer each.

    Args:
        num_features: pixels of an image.
        latent: dimensions of the noise.
        hidden: units of both hidden layers.
        negative_slope: of the leaky ReLUs below 0.
        dropout: the share of hidden units that are dropped in training.

    Input shape: pixels (N, num_features), between -1 and 1; noise (N, latent), uniform between -1 and 1, drawn where
        none is given.
    Output shape: logits (N, 2) of the generated and of the real images; generated pixels (N, num_features).
    """

    def __init__(
        self,
        *,
        num_features: int = 784,
        latent: int = 75,
        hidden: int = 128,
        negative_slope: float = 0.01,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(name="dense_gan")
        self.latent = latent
        self.generator = Generator(hidden, num_features, negative_slope, dropout, name="generator")
        self.discriminator = Discriminator(hidden, 1, negative_slope, dropout, name="discriminator")
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, pixels: tf.Tensor, noise: tf.Tensor | None = None, training: bool | None = None) -> Adversarial:
        """Generate as many images as are given, and judge both."""
        if noise is None:
            noise = tf.random.uniform((tf.shape(pixels)[0], self.latent), -1, 1, pixels.dtype)
        generated = self.generator(noise, training=training)  # N F
        fake, real = (self.discriminator(x, training=training) for x in (generated, pixels))
        return Adversarial(tf.stack([fake, real], axis=1), generated)  # N 2
