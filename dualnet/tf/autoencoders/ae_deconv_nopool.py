"""A convolutional autoencoder without pooling in Keras 3.

    2 x (3x3 conv, stride 2 -> leaky ReLU): the code -> 2 x (3x3 transposed conv, stride 2 -> leaky ReLU) -> crop
    -> sigmoid

Source: Masci et al. (2011); Raschka, deeplearning-models, autoencoder/ae-conv-deconv-nopool.
On this side padding and cropping are steps of their own wherever "same" and "valid" do not do.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.autoencoders.ae_deconv_nopool import IMAGE_SIZE, Reconstruction
from dualnet.tf._activation import leaky_relu  # differs: D199
from dualnet.tf._model import KerasModel

__all__ = ["StridedAutoencoder", "reconstruction_loss"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def reconstruction_loss(outputs: Reconstruction, targets: tf.Tensor) -> tf.Tensor:
    """Binary cross entropy of an image and its reconstruction, the mean over batch and pixels, in nats."""
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs.logits))


class CroppedTranspose(layers.Conv2DTranspose):
    """A 3x3 transposed convolution of stride 2 that loses a row and a column at either end."""

    def __init__(self, channels: int, name: str) -> None:
        super().__init__(channels, 3, strides=2, padding="valid", **START, name=name)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return super().call(x)[:, 1:-1, 1:-1]  # differs: D014


class Decoder(layers.Layer):
    """From codes to the logits of images."""

    def __init__(self, in_channels: int, channels: tuple[int, int], negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.up = [
            layers.Conv2DTranspose(channels[0], 3, strides=2, **START, name="0"),
            CroppedTranspose(in_channels, name="1"),
        ]
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor) -> tf.Tensor:
        for layer in self.up:
            x = leaky_relu(layer(x), self.negative_slope)  # N 15 15 C, N 29 29 C
        return x[:, :-1, :-1]  # N 28 28 C


@keras.saving.register_keras_serializable("dualnet")
class StridedAutoencoder(KerasModel):
    """A convolutional autoencoder without pooling, for images of 28 pixels.

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
        super().__init__(name="strided_autoencoder")
        self.encoder = [
            layers.Conv2D(channels[0], 3, strides=2, **START, name="encoder.0"),
            layers.Conv2D(channels[1], 3, strides=2, **START, name="encoder.1"),
        ]
        self.decoder = Decoder(in_channels, channels, negative_slope, name="decoder")
        self.negative_slope = negative_slope
        self(keras.Input((IMAGE_SIZE, IMAGE_SIZE, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> Reconstruction:
        """Encode a batch of images, and draw them again."""
        x = leaky_relu(self.encoder[0](images), self.negative_slope)  # N 13 13 C
        x = tf.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # N 15 15 C
        x = leaky_relu(self.encoder[1](x), self.negative_slope)  # N 7 7 C
        logits = self.decoder(x)  # N 28 28 C
        return Reconstruction(tf.sigmoid(logits), x, logits)
