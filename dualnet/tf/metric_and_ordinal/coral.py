"""CORAL in Keras 3.

    features -> hidden layers -> one score; score + bias k -> sigmoid: the probability of a rank above k

Source: Cao, Mirjalili, Raschka (2020), sections 3.2 to 3.4.
On this side a parameter is made by `add_weight`, and a dense layer finds the size of its input.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.metric_and_ordinal.coral import EPSILON, MOMENTUM, OrdinalOutput
from dualnet.tf._model import KerasModel

__all__ = ["Coral", "coral_loss", "cumulative_cross_entropy", "levels"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def levels(labels: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Whether each rank is above each of the lower ones.

    Args:
        labels: (N,), ranks 0 to num_classes - 1.
        num_classes: K.

    Returns:
        (N, K - 1), bool.
    """
    return labels[:, None] > tf.range(num_classes - 1, dtype=labels.dtype)


def cumulative_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Binary cross entropy of every question, summed over the questions, averaged over the batch.

    Args:
        logits: (N, K - 1), of the rank being above each of the lower ones.
        labels: (N,), ranks 0 to K - 1.

    Returns:
        (), in nats.
    """
    above = tf.cast(levels(labels, logits.shape[1] + 1), logits.dtype)  # N K-1
    losses = tf.nn.sigmoid_cross_entropy_with_logits(above, logits)
    return tf.reduce_mean(tf.reduce_sum(losses, axis=1))


def coral_loss(outputs: OrdinalOutput, labels: tf.Tensor) -> tf.Tensor:
    """Cross entropy of all questions, summed over them, averaged over the batch, in nats."""
    return cumulative_cross_entropy(outputs.logits, labels)


class BatchNorm(layers.BatchNormalization):
    """Batch normalization that keeps the unbiased variance, as PyTorch does (differs: D030, D031, D033)."""

    def __init__(self, name: str) -> None:
        super().__init__(epsilon=EPSILON, momentum=1.0 - MOMENTUM, name=name)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return super().call(x, training=False)
        mean, variance = tf.nn.moments(x, axes=[0])
        count = tf.cast(tf.shape(x)[0], x.dtype)
        rate = tf.constant(MOMENTUM, x.dtype)
        self.moving_mean.assign((1 - rate) * self.moving_mean + rate * mean)
        self.moving_variance.assign((1 - rate) * self.moving_variance + rate * variance * count / (count - 1))
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, EPSILON)


class DenseBlock(layers.Layer):
    """Dense layer, leaky ReLU, dropout, batch normalization if wanted."""

    def __init__(self, features: int, dropout: float, batch_norm: bool, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.linear = layers.Dense(features, **START, name="linear")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.norm = BatchNorm(name="norm") if batch_norm else None
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.linear(x)  # N F
        x = tf.where(x > 0, x, tf.constant(self.negative_slope, x.dtype) * x)  # differs: D199
        x = self.dropout(x, training=training)
        return x if self.norm is None else self.norm(x, training=training)


class Head(layers.Layer):
    """One score for all questions, and a bias for each: their order is the same for every row."""

    def __init__(self, num_classes: int, name: str) -> None:
        super().__init__(name=name)
        self.score = layers.Dense(1, use_bias=False, kernel_initializer="glorot_uniform", name="score")
        self.bias = self.add_weight(shape=(num_classes - 1,), initializer="zeros", name="bias")
        self.bias.assign(tf.range(num_classes - 1, 0, -1) / (num_classes - 1))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self.score(x) + self.bias  # N K-1


@keras.saving.register_keras_serializable("dualnet")
class Coral(KerasModel):
    """CORAL ordinal regression on rows of numbers.

    Args:
        num_features: numbers in a row.
        hidden: units of the hidden layers.
        num_classes: K, the number of ranks.
        dropout: share of the hidden units left out in training.
        batch_norm: normalise after every hidden layer.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: (N, num_features).
    Output shape: rank (N,), integers; probabilities and logits (N, num_classes - 1).
    """

    def __init__(
        self,
        *,
        num_features: int = 10,
        hidden: tuple[int, ...] = (300, 300),
        num_classes: int = 5,
        dropout: float = 0.2,
        batch_norm: bool = True,
        negative_slope: float = 0.01,
    ) -> None:
        super().__init__(name="coral")
        self.hidden = [
            DenseBlock(units, dropout, batch_norm, negative_slope, name=f"hidden.{i}") for i, units in enumerate(hidden)
        ]
        self.head = Head(num_classes, name="head")
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, features: tf.Tensor, training: bool | None = None) -> OrdinalOutput:
        """Ranks of a batch of rows."""
        x = features
        for layer in self.hidden:
            x = layer(x, training=training)  # N F
        logits = self.head(x)  # N K-1
        probabilities = tf.sigmoid(logits)
        rank = tf.reduce_sum(tf.cast(probabilities > 0.5, tf.int64), axis=1)  # N
        return OrdinalOutput(rank, probabilities, logits)
