"""Softmax regression in Keras 3.

    logits = pixels @ weight + bias
    probability of class k = exp(logit k) / sum over all classes of exp(logit)

The models return logits: the softmax is part of the loss, where it can be computed without overflow.

Source: Dive into Deep Learning, sections 4.1, 4.4 and 4.5.
On this side images are N H W C, and a dense layer finds the size of its input by itself.
"""

import keras
import tensorflow as tf
from keras import layers
from keras.initializers import RandomNormal

from dualnet.tf._model import KerasModel

__all__ = [
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
    "count_correct",
    "cross_entropy_from_logits",
    "softmax",
]


def softmax(logits: tf.Tensor) -> tf.Tensor:
    """Logits as probabilities over the last axis.

    The largest logit is subtracted first: it changes nothing, and exp cannot overflow.

    Args:
        logits: (..., K); minus infinity is a class with probability 0.

    Returns:
        (..., K), each row with sum 1; NaN where all of a row is minus infinity, or anything plus infinity.
    """
    largest = tf.stop_gradient(tf.reduce_max(logits, axis=-1, keepdims=True))  # ... 1
    exponentials = tf.exp(logits - largest)
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)


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


def count_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """How many rows have their first largest logit at their label.

    Args:
        logits: (N, K); a row with NaN is not correct.
        labels: (N,) int64.

    Returns:
        (), int64.
    """
    correct = tf.argmax(logits, axis=-1) == labels  # N
    return tf.math.count_nonzero(correct & ~tf.reduce_any(tf.math.is_nan(logits), axis=-1))  # differs: D240


def _check_labels(logits: tf.Tensor, labels: tf.Tensor) -> None:
    rows, classes = logits.shape
    if not labels.shape.is_compatible_with([rows]):
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of the logits {tuple(logits.shape)}")
    wrong = (labels < 0) | (labels >= classes)  # N
    if tf.executing_eagerly() and tf.reduce_any(wrong):  # differs: D154, a graph cannot raise
        raise IndexError(f"label {labels[wrong][0]}: expected integers in [0, {classes})")


@keras.saving.register_keras_serializable("dualnet")
class SoftmaxRegressionScratch(KerasModel):
    """Softmax regression from tensors: to be trained with `cross_entropy_from_logits`.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self, *, in_channels: int = 1, image_size: int = 28, num_classes: int = 10, weight_std: float = 0.01
    ) -> None:
        super().__init__(name="softmax_regression_scratch")
        pixels = in_channels * image_size * image_size
        self.weight = self.add_weight(
            name="weight", shape=(pixels, num_classes), initializer=RandomNormal(0.0, weight_std)
        )
        self.bias = self.add_weight(name="bias", shape=(num_classes,), initializer="zeros")
        self(keras.Input((image_size, image_size, in_channels)))  # marks the model as built

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.transpose(images, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        return x @ self.weight + self.bias  # N K


@keras.saving.register_keras_serializable("dualnet")
class SoftmaxRegression(KerasModel):
    """Softmax regression as a dense layer: to be trained with the built-in cross entropy.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self, *, in_channels: int = 1, image_size: int = 28, num_classes: int = 10, weight_std: float = 0.01
    ) -> None:
        super().__init__(name="softmax_regression")
        self.linear = layers.Dense(
            num_classes,
            kernel_initializer=RandomNormal(0.0, weight_std),  # differs: D051
            bias_initializer="zeros",  # differs: D052
            name="linear",
        )
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.transpose(images, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        return self.linear(x)  # N K
