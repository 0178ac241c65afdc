"""Ordinal regression by the expected class in Keras 3.

    features -> hidden layers -> softmax over K; (K - 1) * sigmoid(softmax . a): the rank, to be rounded

Source: Beckham, Pal (2016), section 2.
On this side `tf.cumsum` runs from the end and leaves out the element itself if told to.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.metric_and_ordinal.beckham_ordinal import EPSILON, MOMENTUM, ExpectedRank
from dualnet.tf._model import KerasModel

__all__ = ["BeckhamOrdinal", "above", "beckham_loss", "expected_rank"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def expected_rank(logits: tf.Tensor, rank_weights: tf.Tensor) -> tf.Tensor:
    """A rank as a real number: class probabilities weighted by learnt numbers, squeezed into 0 to K - 1.

    Args:
        logits: (N, K).
        rank_weights: (K,).

    Returns:
        (N,).
    """
    score = tf.linalg.matvec(tf.nn.softmax(logits), rank_weights)  # N
    return (logits.shape[1] - 1) * tf.sigmoid(score)


def above(class_probabilities: tf.Tensor) -> tf.Tensor:
    """Probability of being above each of the lower ranks.

    Args:
        class_probabilities: (N, K).

    Returns:
        (N, K - 1).
    """
    return tf.cumsum(class_probabilities, 1, exclusive=True, reverse=True)[:, :-1]  # differs: X-cumsum-reverse


def beckham_loss(outputs: ExpectedRank, labels: tf.Tensor) -> tf.Tensor:
    """Squared error of the expected rank, averaged over the batch, in ranks squared."""
    return tf.reduce_mean(tf.square(outputs.expectation - tf.cast(labels, outputs.expectation.dtype)))


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


@keras.saving.register_keras_serializable("dualnet")
class BeckhamOrdinal(KerasModel):
    """Ordinal regression by the expected class on rows of numbers.

    Args:
        num_features: numbers in a row.
        hidden: units of the hidden layers.
        num_classes: K, the number of ranks.
        dropout: share of the hidden units left out in training.
        batch_norm: normalise after every hidden layer.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: (N, num_features).
    Output shape: rank (N,), integers; probabilities (N, num_classes - 1); logits (N, num_classes);
        expectation (N,).
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
        super().__init__(name="beckham_ordinal")
        self.hidden = [
            DenseBlock(units, dropout, batch_norm, negative_slope, name=f"hidden.{i}") for i, units in enumerate(hidden)
        ]
        self.output_layer = layers.Dense(num_classes, **START, name="output")
        normal = keras.initializers.RandomNormal(stddev=0.1)
        self.rank_weights = self.add_weight(shape=(num_classes,), initializer=normal, name="rank_weights")
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, features: tf.Tensor, training: bool | None = None) -> ExpectedRank:
        """Ranks of a batch of rows."""
        x = features
        for layer in self.hidden:
            x = layer(x, training=training)  # N F
        logits = self.output_layer(x)  # N K
        probabilities = above(tf.nn.softmax(logits))  # N K-1
        expectation = expected_rank(logits, self.rank_weights.value)  # N
        return ExpectedRank(tf.cast(tf.round(expectation), tf.int64), probabilities, logits, expectation)
