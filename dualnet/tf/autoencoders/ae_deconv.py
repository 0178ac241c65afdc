"""A convolutional autoencoder with transposed convolutions in Keras 3.

    2 x (3x3 conv -> leaky ReLU -> pool 2): the code -> 2 x (3x3 transposed conv, stride 2) -> crop -> sigmoid

Source: Masci et al. (2011); Raschka, deeplearning-models, autoencoder/ae-conv-deconv.
On this side images are N H W C, and padding has a name.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.autoencoders.ae_deconv import IMAGE_SIZE, Reconstruction
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel

__all__ = ["DeconvolutionalAutoencoder", "reconstruction_loss"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def reconstruction_loss(outputs: Reconstruction, targets: tf.Tensor) -> tf.Tensor:
    """Binary cross entropy of an image and its reconstruction, the mean over batch and pixels, in nats."""
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs.logits))


class Decoder(layers.Layer):
    """From codes to the logits of images."""

    def __init__(self, in_channels: int, channels: tuple[int, int], negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.up = [
            layers.Conv2DTranspose(channels[0], 3, strides=2, **START, name="0"),
            layers.Conv2DTranspose(in_channels, 3, strides=2, **START, name="1"),
        ]
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor) -> tf.Tensor:
        for layer in self.up:
            x = leaky_relu(layer(x), self.negative_slope)  # N 15 15 C, N 31 31 C
        return x[:, 2:30, 2:30]  # N 28 28 C


@keras.saving.register_keras_serializable("dualnet")
class DeconvolutionalAutoencoder(KerasModel):
    """A convolutional autoencoder with transposed convolutions, for images of 28 pixels.

    Args:
        in_channels: colours of the image.
        channels: feature maps of the two convolutions.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: (N, 28, 28, in_channels), in 0-1.
    Output shape: reconstruction (N, 28, 28, in_channels) in 0-1, code (N, 7, 7, channels[1]), logits as the
        reconstruction.
    """

    def __init__(
        self, *, in_channels: int = 1, channels: tuple[int, int] = (4, 8), negative_slope: float = 0.01
    ) -> None:
        super().__init__(name="deconvolutional_autoencoder")
        self.encoder = [
            layers.Conv2D(channels[0], 3, padding="same", **START, name="encoder.0"),
            layers.Conv2D(channels[1], 3, padding="same", **START, name="encoder.1"),
        ]
        self.decoder = Decoder(in_channels, channels, negative_slope, name="decoder")
        self.negative_slope = negative_slope
        self(keras.Input((IMAGE_SIZE, IMAGE_SIZE, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> Reconstruction:
        """Encode a batch of images, and draw them again."""
        x = images
        for layer in self.encoder:
            x = tf.nn.max_pool2d(leaky_relu(layer(x), self.negative_slope), 2, 2, "VALID")  # N H/2 W/2 C
        logits = self.decoder(x)  # N 28 28 C
        return Reconstruction(tf.sigmoid(logits), x, logits)
