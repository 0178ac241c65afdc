"""A conditional variational autoencoder in Keras 3.

    pixels and one-hot label -> dense -> mean and log-variance;
    mean + noise * exp(log-variance / 2) and one-hot label -> dense -> dense -> sigmoid

Source: Sohn, Lee, Yan (2015); Raschka, deeplearning-models, autoencoder/ae-cvae.
On this side `tf.one_hot` gives the type it is told, and zeros for a label that is none.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.autoencoders.cvae import Variational, VariationalLoss
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel

__all__ = ["ConditionalVariationalAutoencoder", "variational_loss"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def variational_loss(outputs: Variational, targets: tf.Tensor) -> VariationalLoss:
    """Minus the evidence lower bound, and its two terms, summed over batch and pixels, in nats."""
    mean, log_variance = outputs.mean, outputs.log_variance
    divergence = 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1)
    reconstruction = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs.logits))
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
class ConditionalVariationalAutoencoder(KerasModel):
    """A fully connected conditional variational autoencoder.

    Args:
        num_features: pixels of an image.
        hidden: units of the hidden layer in encoder and decoder.
        latent: dimensions of the latent space.
        num_classes: labels are 0 to num_classes - 1.
        label_in_reconstruction: reconstruct the one-hot label, too.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: pixels (N, num_features), in 0-1; labels (N,), integers; noise (N, latent), standard normal, drawn
        where none is given.
    Output shape: reconstruction and logits (N, num_features), or (N, num_features + num_classes) with the label;
        mean, log_variance and latent (N, latent).
    """

    def __init__(
        self,
        *,
        num_features: int = 784,
        hidden: int = 500,
        latent: int = 35,
        num_classes: int = 10,
        label_in_reconstruction: bool = True,
        negative_slope: float = 0.0001,
    ) -> None:
        super().__init__(name="conditional_variational_autoencoder")
        self.encoder = layers.Dense(hidden, **START, name="encoder")
        self.mean = layers.Dense(latent, **START, name="mean")
        self.log_variance = layers.Dense(latent, **START, name="log_variance")
        out_features = num_features + label_in_reconstruction * num_classes
        self.decoder = Decoder(hidden, out_features, negative_slope, name="decoder")
        self.num_classes = num_classes
        self.negative_slope = negative_slope
        self(keras.Input((num_features,)), keras.Input((), dtype="int64"))  # creates the variables

    def call(
        self, pixels: tf.Tensor, labels: tf.Tensor, noise: tf.Tensor | None = None, training: bool | None = None
    ) -> Variational:
        """Encode a batch of images, draw a latent vector for each, and decode it, knowing the labels."""
        codes = tf.one_hot(labels, self.num_classes, dtype=pixels.dtype)  # differs: D251, N K
        hidden = leaky_relu(self.encoder(tf.concat([pixels, codes], axis=1)), self.negative_slope)  # N hidden
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)  # N latent
        noise = tf.random.normal(tf.shape(mean), dtype=mean.dtype) if noise is None else noise
        latent = mean + noise * tf.exp(log_variance / 2)
        logits = self.decoder(tf.concat([latent, codes], axis=1))  # N out_features
        return Variational(tf.sigmoid(logits), mean, log_variance, latent, logits)
