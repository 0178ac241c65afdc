"""Dropout in Keras 3.

    in training: x / (1 - rate) where the mask is True, 0 elsewhere; in evaluation: x
    flatten -> (dense -> ReLU -> dropout) twice -> dense

Divided by the share that is kept, each number has the same expectation in training and in evaluation.

Source: Srivastava et al. (2014), section 4; Dive into Deep Learning, section 5.6.
On this side images are N H W C, and a call is evaluation unless it is told otherwise.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.perceptrons.dropout import check_rate
from dualnet.tf._model import KerasModel

__all__ = ["DropoutMLP", "dropout"]


def dropout(x: tf.Tensor, mask: tf.Tensor, rate: float, training: bool) -> tf.Tensor:
    """What a mask leaves of numbers, scaled up so that their expectation stays.

    Args:
        x: any shape.
        mask: of the same shape, True where a number is kept.
        rate: the probability of being dropped, with which the mask was drawn; at 1 all are dropped.
        training: False returns the numbers as they are.

    Raises:
        ConfigError: the rate is no probability.
        ValueError: the mask has another shape.
    """
    check_rate(rate)
    if not mask.shape.is_compatible_with(x.shape):
        raise ValueError(f"mask of shape {tuple(mask.shape)}: expected that of the numbers, {tuple(x.shape)}")
    if not training:
        return x
    if rate == 1:
        return tf.zeros_like(x)
    return tf.where(mask, x / (1 - rate), tf.zeros_like(x))  # differs: X-dropped-not-finite


def dense(features: int, name: str) -> layers.Dense:
    """A dense layer with Xavier's start."""
    start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052
    return layers.Dense(features, **start, name=name)


class DropoutScratch(layers.Layer):
    """Dropout from tensors: the built-in layer only says which numbers to keep, so that one stream serves both."""

    def __init__(self, rate: float, name: str) -> None:
        super().__init__(name=name)
        self.rate = rate
        self.draw = layers.Dropout(rate, name="draw")  # differs: D273

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        mask = self.draw(tf.ones_like(x), training=training) > 0  # N F
        return dropout(x, mask, self.rate, training)  # differs: D275


@keras.saving.register_keras_serializable("dualnet")
class DropoutMLP(KerasModel):
    """A multilayer perceptron with dropout behind both hidden layers.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layers.
        num_classes: units of the output.
        rate: the probability with which a hidden number is dropped in training.
        scratch: dropout from tensors instead of the framework's layer.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: the rate is no probability.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: tuple[int, int] = (256, 256),
        num_classes: int = 10,
        rate: float = 0.5,
        scratch: bool = False,
    ) -> None:
        super().__init__(name="dropout_mlp")
        check_rate(rate)
        layer = DropoutScratch if scratch else layers.Dropout
        self.hidden1 = dense(hidden[0], name="hidden1")
        self.dropout1 = layer(rate, name="dropout1")
        self.hidden2 = dense(hidden[1], name="hidden2")
        self.dropout2 = layer(rate, name="dropout2")
        self.output_layer = dense(num_classes, name="output")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.transpose(images, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        x = self.dropout1(tf.nn.relu(self.hidden1(x)), training=training)  # N F
        x = self.dropout2(tf.nn.relu(self.hidden2(x)), training=training)  # N F
        return self.output_layer(x)  # N K
