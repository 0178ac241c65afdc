"""A generative adversarial network on points of the plane, in Keras 3.

    noise -> dense -> points;  points -> dense -> tanh -> dense -> tanh -> dense -> logit of "this is real"

Source: Goodfellow et al. (2014), section 3 and algorithm 1; Dive into Deep Learning, section 20.1.
On this side each player's gradients come from a tape of its own, and no gradient reaches back beyond a tape.
"""

from collections.abc import Mapping

import keras
import tensorflow as tf
from keras import initializers, layers

from dualnet.concepts.gans.gan_gaussian import DEVIATION, Adversarial, AdversarialLoss
from dualnet.tf._model import KerasModel
from dualnet.tf._training import Rule

__all__ = ["GaussianGAN", "adversarial_loss", "alternate", "binary_cross_entropy"]


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
    gan: "GaussianGAN", optimizers: Mapping[str, Rule], inputs: list[tf.Tensor], targets: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Update the discriminator, then the generator against the new discriminator.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: points (N, num_features) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    points, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    with tf.GradientTape() as generator_tape:
        generated = gan.generator(noise)
        with generator_tape.stop_recording():
            with tf.GradientTape() as tape:
                on_real = binary_cross_entropy(gan.discriminator(points), 1.0)
                on_fake = binary_cross_entropy(gan.discriminator(generated), 0.0)
                discriminator_loss = (on_real + on_fake) / 2
            discriminator.apply(tape.gradient(discriminator_loss, discriminator.variables))
        generator_loss = binary_cross_entropy(gan.discriminator(generated), 1.0)
    generator.apply(generator_tape.gradient(generator_loss, generator.variables))
    return discriminator_loss, generator_loss


def dense(units: int, name: str) -> layers.Dense:
    """A dense layer that starts close to 0."""
    return layers.Dense(
        units,
        kernel_initializer=initializers.RandomNormal(stddev=DEVIATION),  # differs: D051
        bias_initializer=initializers.RandomNormal(stddev=DEVIATION),  # differs: D052
        name=name,
    )


class Discriminator(layers.Layer):
    """From points to the logits of "this is real"."""

    def __init__(self, hidden: tuple[int, ...], name: str) -> None:
        super().__init__(name=name)
        self.hidden = [dense(units, name=f"hidden.{i}") for i, units in enumerate(hidden)]
        self.output_layer = dense(1, name="output")

    def call(self, points: tf.Tensor) -> tf.Tensor:
        x = points
        for layer in self.hidden:
            x = tf.tanh(layer(x))  # N hidden
        return tf.squeeze(self.output_layer(x), axis=1)  # N


@keras.saving.register_keras_serializable("dualnet")
class GaussianGAN(KerasModel):
    """A linear generator and a discriminator with tanh units.

    Args:
        num_features: coordinates of a point.
        latent: dimensions of the noise.
        hidden: units of the discriminator's hidden layers.

    Input shape: points (N, num_features); noise (N, latent), standard normal, drawn where none is given.
    Output shape: logits (N, 2) of the generated and of the real points; generated points (N, num_features).
    """

    def __init__(self, *, num_features: int = 2, latent: int = 2, hidden: tuple[int, ...] = (5, 3)) -> None:
        super().__init__(name="gaussian_gan")
        self.latent = latent
        self.generator = dense(num_features, name="generator")
        self.discriminator = Discriminator(hidden, name="discriminator")
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, points: tf.Tensor, noise: tf.Tensor | None = None, training: bool | None = None) -> Adversarial:
        """Generate as many points as are given, and judge both."""
        noise = tf.random.normal((tf.shape(points)[0], self.latent), dtype=points.dtype) if noise is None else noise
        generated = self.generator(noise)  # N F
        logits = tf.stack([self.discriminator(generated), self.discriminator(points)], axis=1)  # N 2
        return Adversarial(logits, generated)
