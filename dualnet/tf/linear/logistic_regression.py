"""Binary logistic regression in Keras 3.

    score = features @ weight + bias
    probability of label 1 = sigmoid(score) = exp(score) / (exp(0) + exp(score))

The models return the logits (0, score): their softmax is the sigmoid, and label 1 wins where the score is above 0.
The cost is summed over the rows, not averaged.

Source: Raschka, deeplearning-models, logistic regression; Bishop (2006), sections 4.3.2 and 4.3.3.
On this side a dense layer finds the size of its input by itself, and keeps its weight as (inputs, outputs).
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.linear.logistic_regression import LogisticParameters
from dualnet.tf._model import KerasModel

__all__ = [
    "LogisticRegression",
    "LogisticRegressionScratch",
    "binary_cross_entropy",
    "manual_gradients",
    "manual_training",
    "summed_cross_entropy",
]


def binary_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Minus the log-probability of the labels, summed: log(1 + exp(-score)) for label 1, log(1 + exp(score)) for 0.

    Args:
        logits: (N, 2), finite; the score is their difference.
        labels: (N,) int64, 0 or 1.

    Returns:
        (), in nats.

    Raises:
        ValueError: not one label for each row of two logits.
        IndexError: a label is neither 0 nor 1.
    """
    _check_labels(logits, labels)
    score = logits[:, 1] - logits[:, 0]  # N
    return tf.reduce_sum(tf.nn.softplus(tf.where(labels == 1, -score, score)))  # differs: D190


def summed_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The same by the built-in cross entropy of two classes.

    Args:
        logits: (N, 2).
        labels: (N,) int64, 0 or 1.

    Returns:
        (), in nats.

    Raises:
        ValueError: not one label for each row of two logits.
        IndexError: a label is neither 0 nor 1.
    """
    _check_labels(logits, labels)
    return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def manual_gradients(features: tf.Tensor, labels: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> LogisticParameters:
    """The gradient of the summed cross entropy, by hand: features.T @ (sigmoid(score) - labels).

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        weight: (F, 1).
        bias: (1,).

    Returns:
        weight (F, 1) and bias (1,), per unit of each parameter.
    """
    targets = tf.cast(labels, features.dtype)[:, None]  # N 1
    errors = tf.sigmoid(features @ weight + bias) - targets  # N 1
    return LogisticParameters(weight=tf.transpose(features) @ errors, bias=tf.reduce_sum(errors, axis=0))


def manual_training(features: tf.Tensor, labels: tf.Tensor, learning_rate: float, steps: int) -> LogisticParameters:
    """Gradient descent by hand, from parameters of 0, all rows at each step.

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        learning_rate: per step.
        steps: how many.

    Returns:
        weight (F, 1) and bias (1,).
    """
    weight, bias = tf.zeros((features.shape[1], 1), features.dtype), tf.zeros(1, features.dtype)  # F 1 and 1
    for _ in range(steps):
        gradients = manual_gradients(features, labels, weight, bias)
        weight, bias = weight - learning_rate * gradients.weight, bias - learning_rate * gradients.bias
    return LogisticParameters(weight, bias)


def _check_labels(logits: tf.Tensor, labels: tf.Tensor) -> None:
    if logits.shape[1:] != (2,) or not labels.shape.is_compatible_with(logits.shape[:1]):
        raise ValueError(
            f"labels {tuple(labels.shape)} and logits {tuple(logits.shape)}: expected one label for each row of two"
        )
    wrong = (labels < 0) | (labels > 1)  # N
    if tf.executing_eagerly() and tf.reduce_any(wrong):  # differs: D154, a graph cannot raise
        raise IndexError(f"label {labels[wrong][0]}: expected 0 or 1")


@keras.saving.register_keras_serializable("dualnet")
class LogisticRegressionScratch(KerasModel):
    """Logistic regression from tensors: to be trained with `binary_cross_entropy`.

    Args:
        num_features: numbers in a row.

    Input shape: (N, num_features).
    Output shape: (N, 2), logits, the first one 0.
    """

    def __init__(self, *, num_features: int = 2) -> None:
        super().__init__(name="logistic_regression_scratch")
        self.weight = self.add_weight(name="weight", shape=(num_features, 1), initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")
        self(keras.Input((num_features,)))  # marks the model as built

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of rows."""
        score = features @ self.weight + self.bias  # N 1
        return tf.concat([tf.zeros_like(score), score], axis=1)  # N 2


@keras.saving.register_keras_serializable("dualnet")
class LogisticRegression(KerasModel):
    """Logistic regression as a dense layer: to be trained with `summed_cross_entropy`.

    Args:
        num_features: numbers in a row.

    Input shape: (N, num_features).
    Output shape: (N, 2), logits, the first one 0.
    """

    def __init__(self, *, num_features: int = 2) -> None:
        super().__init__(name="logistic_regression")
        self.linear = layers.Dense(
            1,
            kernel_initializer="zeros",  # differs: D051
            bias_initializer="zeros",  # differs: D052
            name="linear",
        )
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of rows."""
        score = self.linear(features)  # N 1
        return tf.concat([tf.zeros_like(score), score], axis=1)  # N 2
