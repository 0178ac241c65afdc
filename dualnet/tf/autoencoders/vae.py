"""A variational autoencoder in Keras 3.

    pixels -> dense -> mean and log-variance; mean + noise * exp(log-variance / 2) -> dense -> dense -> sigmoid

Source: Kingma, Welling (2014), sections 2.4 and 3, appendix B; Raschka, deeplearning-models, autoencoder/ae-var.
On this side random numbers come from `tf.random.normal`, which is told shape and type.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.autoencoders.vae import Variational, VariationalLoss
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel

__all__ = ["VariationalAutoencoder", "binary_cross_entropy", "kl_divergence", "reparameterize", "variational_loss"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def reparameterize(mean: tf.Tensor, log_variance: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Draws from Gaussians, as a function of standard normal noise: gradients reach mean and variance.

    Args:
        mean, log_variance, noise: (N, latent).

    Returns:
        (N, latent).
    """
    return mean + noise * tf.exp(log_variance / 2)


def kl_divergence(mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """Kullback-Leibler divergence of Gaussians from the standard normal one, summed over the batch.

    Args:
        mean, log_variance: (N, latent).

    Returns:
        (), in nats; 0 for an empty batch.
    """
    return 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1)


def binary_cross_entropy(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Cross entropy of targets in 0-1 and the sigmoid of logits, summed over all elements.

    Args:
        logits: any shape.
        targets: the same shape, in 0-1.

    Returns:
        (), in nats; 0 for an empty batch.
    """
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))  # differs: D124


def variational_loss(outputs: Variational, targets: tf.Tensor) -> VariationalLoss:
    """Minus the evidence lower bound, and its two terms, summed over batch and pixels, in nats."""
    divergence = kl_divergence(outputs.mean, outputs.log_variance)
    reconstruction = binary_cross_entropy(outputs.logits, targets)
    return VariationalLoss(divergence + reconstruction, divergence, reconstruction)


class Decoder(layers.Layer):
    """From latent vectors to the logits of pixels."""

    def __init__(self, hidden: int, num_features: int, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.hidden = layers.Dense(hidden, **START, name="hidden")
        self.output_layer = layers.Dense(num_features, **START, name="output")
        self.negative_slope = negative_slope

    def call(self, latent: tf.Tensor) -> tf.Tensor:
        hidden = leaky_relu(self.hidden(latent), self.negative_slope)  # N hidden
        return self.output_layer(hidden)  # N num_features


@keras.saving.register_keras_serializable("dualnet")
class VariationalAutoencoder(KerasModel):
    """A fully connected variational autoencoder.

    Args:
        num_features: pixels of an image.
        hidden: units of the hidden layer in encoder and decoder.
        latent: dimensions of the latent space.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: pixels (N, num_features), in 0-1; noise (N, latent), standard normal, drawn where none is given.
    Output shape: reconstruction and logits (N, num_features); mean, log_variance and latent (N, latent).
    """

    def __init__(
        self, *, num_features: int = 784, hidden: int = 500, latent: int = 15, negative_slope: float = 0.0001
    ) -> None:
        super().__init__(name="variational_autoencoder")
        self.encoder = layers.Dense(hidden, **START, name="encoder")
        self.mean = layers.Dense(latent, **START, name="mean")
        self.log_variance = layers.Dense(latent, **START, name="log_variance")
        self.decoder = Decoder(hidden, num_features, negative_slope, name="decoder")
        self.negative_slope = negative_slope
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, pixels: tf.Tensor, noise: tf.Tensor | None = None, training: bool | None = None) -> Variational:
        """Encode a batch of images, draw a latent vector for each, and decode it."""
        hidden = leaky_relu(self.encoder(pixels), self.negative_slope)  # N hidden
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)  # N latent
        noise = tf.random.normal(tf.shape(mean), dtype=mean.dtype) if noise is None else noise
        latent = reparameterize(mean, log_variance, noise)
        logits = self.decoder(latent)  # N num_features
        return Variational(tf.sigmoid(logits), mean, log_variance, latent, logits)
