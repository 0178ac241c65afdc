"""A fully connected autoencoder in Keras 3.

    pixels -> dense -> leaky ReLU: the code -> dense -> sigmoid: the reconstruction

Source: Hinton, Salakhutdinov (2006); Raschka, deeplearning-models, autoencoder/ae-basic.
On this side a layer finds the size of its input by itself, and a leaky ReLU rounds its slope.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.autoencoders.ae_basic import Reconstruction
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel

__all__ = ["Autoencoder", "binary_cross_entropy", "reconstruction_loss"]


def binary_cross_entropy(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Cross entropy of targets in 0-1 and the sigmoid of logits, averaged over all elements.

    Args:
        logits: any shape.
        targets: the same shape, in 0-1.

    Returns:
        (), in nats; NaN for an empty batch.
    """
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


def reconstruction_loss(outputs: Reconstruction, targets: tf.Tensor) -> tf.Tensor:
    """Binary cross entropy of an image and its reconstruction, the mean over batch and pixels, in nats."""
    return binary_cross_entropy(outputs.logits, targets)


@keras.saving.register_keras_serializable("dualnet")
class Autoencoder(KerasModel):
    """A fully connected autoencoder.

    Args:
        num_features: pixels of an image.
        hidden: numbers in a code.
        negative_slope: of the leaky ReLU below 0; 0 makes it a ReLU.

    Input shape: (N, num_features), in 0-1.
    Output shape: reconstruction (N, num_features) in 0-1, code (N, hidden), logits (N, num_features).
    """

    def __init__(self, *, num_features: int = 784, hidden: int = 32, negative_slope: float = 0.01) -> None:
        super().__init__(name="autoencoder")
        start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052
        self.encoder = layers.Dense(hidden, **start, name="encoder")
        self.decoder = layers.Dense(num_features, **start, name="decoder")
        self.negative_slope = negative_slope
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, pixels: tf.Tensor, training: bool | None = None) -> Reconstruction:
        """Encode a batch of images, and draw them again."""
        code = leaky_relu(self.encoder(pixels), self.negative_slope)  # N hidden
        logits = self.decoder(code)  # N num_features
        return Reconstruction(tf.sigmoid(logits), code, logits)
