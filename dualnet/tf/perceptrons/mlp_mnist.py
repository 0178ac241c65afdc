"""A multilayer perceptron for digits in Keras 3.

    flatten -> (dense -> [batch normalization] -> ReLU -> [dropout]) twice -> dense

Source: Raschka, deeplearning-models, mlp.
On this side images are N H W C, and a layer finds the size of its input by itself.
"""

import keras
import tensorflow as tf
from keras import layers
from keras.initializers import RandomNormal

from dualnet.concepts.perceptrons.mlp_mnist import DEVIATION, EPSILON, MOMENTUM
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["DigitMLP"]


def dense(features: int, name: str, bias: bool = True) -> layers.Dense:
    """A dense layer with a normal start."""
    start = {"kernel_initializer": RandomNormal(0.0, DEVIATION), "bias_initializer": "zeros"}  # differs: D051, D052
    return layers.Dense(features, use_bias=bias, **start, name=name)


class Hidden(layers.Layer):
    """Dense, batch normalization if wanted, ReLU, dropout."""

    def __init__(self, features: int, dropout: float, batch_norm: bool, name: str) -> None:
        super().__init__(name=name)
        self.linear = dense(features, "linear", bias=not batch_norm)  # the mean that is taken off has the bias in it
        self.norm = BatchNorm(EPSILON, MOMENTUM, name="norm") if batch_norm else None  # differs: D030, D031, D033
        self.dropout = layers.Dropout(dropout, name="dropout")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = self.linear(x)  # N F
        if self.norm is not None:
            x = self.norm(x, training=training)
        return self.dropout(tf.nn.relu(x), training=training)


@keras.saving.register_keras_serializable("dualnet")
class DigitMLP(KerasModel):
    """A multilayer perceptron with two hidden layers.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layers.
        num_classes: units of the output.
        dropout: the probability with which a hidden number is dropped in training.
        batch_norm: whether hidden numbers are normalised ahead of the ReLU.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: tuple[int, int] = (128, 256),
        num_classes: int = 10,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__(name="digit_mlp")
        self.hidden1 = Hidden(hidden[0], dropout, batch_norm, name="hidden1")
        self.hidden2 = Hidden(hidden[1], dropout, batch_norm, name="hidden2")
        self.output_layer = dense(num_classes, name="output")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.transpose(images, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        x = self.hidden2(self.hidden1(x, training=training), training=training)  # N F
        return self.output_layer(x)  # N K
