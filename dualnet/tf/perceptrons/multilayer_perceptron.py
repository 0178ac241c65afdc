"""Multilayer perceptron in Keras 3.

    flatten -> dense -> ReLU -> dense

Source: Dive into Deep Learning, sections 5.1 and 5.2.
On this side images are N H W C, and a dense layer finds the size of its input by itself.
"""

import keras
import tensorflow as tf
from keras import layers
from keras.initializers import RandomNormal

from dualnet.tf._model import KerasModel

__all__ = ["MultilayerPerceptron", "MultilayerPerceptronScratch", "cross_entropy_from_logits", "relu"]


def relu(x: tf.Tensor) -> tf.Tensor:
    """Elementwise, the larger of x and 0; the gradient at 0 is 0."""
    return tf.where(x <= 0, tf.zeros_like(x), x)  # differs: D203


def cross_entropy_from_logits(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Minus the log-probability of the labels, averaged over the batch.

    The logarithm of the softmax is logit - log(sum(exp(logits))): like this, no probability is rounded to 0
    before its logarithm is taken.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K).

    Returns:
        (), in nats; NaN for an empty batch.

    Raises:
        ValueError: not one label for each row.
        IndexError: a label is no class.
    """
    _check_labels(logits, labels)
    shifted = logits - tf.stop_gradient(tf.reduce_max(logits, axis=-1, keepdims=True))  # N K
    log_sum = tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=-1))  # N
    chosen = tf.gather(shifted, labels, batch_dims=1)  # differs: D250, N
    return tf.reduce_mean(log_sum - chosen)


def _check_labels(logits: tf.Tensor, labels: tf.Tensor) -> None:
    rows, classes = logits.shape
    if not labels.shape.is_compatible_with([rows]):
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of the logits {tuple(logits.shape)}")
    wrong = (labels < 0) | (labels >= classes)  # N
    if tf.executing_eagerly() and tf.reduce_any(wrong):  # differs: D154, a graph cannot raise
        raise IndexError(f"label {labels[wrong][0]}: expected integers in [0, {classes})")


class Affine(layers.Layer):
    """A dense layer from tensors: x @ weight + bias."""

    def __init__(self, features: int, weight_std: float, name: str) -> None:
        super().__init__(name=name)
        self.features, self.weight_std = features, weight_std

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the variables, once the size of the input is known."""
        self.weight = self.add_weight(
            name="weight",
            shape=(input_shape[-1], self.features),
            initializer=RandomNormal(0.0, self.weight_std),
        )
        self.bias = self.add_weight(name="bias", shape=(self.features,), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x @ self.weight + self.bias  # N F


@keras.saving.register_keras_serializable("dualnet")
class MultilayerPerceptronScratch(KerasModel):
    """Multilayer perceptron from tensors: to be trained with `cross_entropy_from_logits`.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: int = 256,
        num_classes: int = 10,
        weight_std: float = 0.01,
    ) -> None:
        super().__init__(name="multilayer_perceptron_scratch")
        self.hidden = Affine(hidden, weight_std, name="hidden")
        self.output_layer = Affine(num_classes, weight_std, name="output")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.transpose(images, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        x = relu(self.hidden(x))  # N F
        return self.output_layer(x)  # N K


@keras.saving.register_keras_serializable("dualnet")
class MultilayerPerceptron(KerasModel):
    """Multilayer perceptron of dense layers: to be trained with the built-in cross entropy.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: int = 256,
        num_classes: int = 10,
        weight_std: float = 0.01,
    ) -> None:
        super().__init__(name="multilayer_perceptron")
        self.hidden = layers.Dense(
            hidden,
            kernel_initializer=RandomNormal(0.0, weight_std),  # differs: D051
            bias_initializer="zeros",  # differs: D052
            name="hidden",
        )
        self.output_layer = layers.Dense(
            num_classes,
            kernel_initializer=RandomNormal(0.0, weight_std),
            bias_initializer="zeros",
            name="output",
        )
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.transpose(images, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        x = tf.nn.relu(self.hidden(x))  # N F
        return self.output_layer(x)  # N K
