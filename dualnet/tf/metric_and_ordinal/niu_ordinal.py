"""Ordinal regression by K - 1 binary outputs in Keras 3.

    features -> hidden layers -> K - 1 pairs; softmax of pair k: the probability of a rank above k

Source: Niu, Zhou, Wang, Gao, Hua (2016), section 3.
On this side `tf.nn.log_softmax` takes the last axis unless told otherwise.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.metric_and_ordinal.niu_ordinal import EPSILON, MOMENTUM, OrdinalOutput
from dualnet.tf._model import KerasModel

__all__ = ["NiuOrdinal", "niu_loss", "pairwise_cross_entropy"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def pairwise_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Two-class cross entropy of every question, summed over the questions, averaged over the batch.

    Args:
        logits: (N, K - 1, 2), of "no" and of "yes, the rank is above this one".
        labels: (N,), ranks 0 to K - 1.

    Returns:
        (), in nats.
    """
    above = labels[:, None] > tf.range(logits.shape[1], dtype=labels.dtype)  # N K-1
    log_no, log_yes = tf.unstack(tf.nn.log_softmax(logits), axis=-1)  # N K-1 each
    return -tf.reduce_mean(tf.reduce_sum(tf.where(above, log_yes, log_no), axis=1))


def niu_loss(outputs: OrdinalOutput, labels: tf.Tensor) -> tf.Tensor:
    """Cross entropy of all questions, summed over them, averaged over the batch, in nats."""
    return pairwise_cross_entropy(outputs.logits, labels)


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
class NiuOrdinal(KerasModel):
    """Ordinal regression by K - 1 binary outputs on rows of numbers.

    Args:
        num_features: numbers in a row.
        hidden: units of the hidden layers.
        num_classes: K, the number of ranks.
        dropout: share of the hidden units left out in training.
        batch_norm: normalise after every hidden layer.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: (N, num_features).
    Output shape: rank (N,), integers; probabilities (N, num_classes - 1); logits (N, num_classes - 1, 2).
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
        super().__init__(name="niu_ordinal")
        self.hidden = [
            DenseBlock(units, dropout, batch_norm, negative_slope, name=f"hidden.{i}") for i, units in enumerate(hidden)
        ]
        self.output_layer = layers.Dense(2 * (num_classes - 1), **START, name="output")
        self.num_classes = num_classes
        self(keras.Input((num_features,)))  # creates the variables

    def call(self, features: tf.Tensor, training: bool | None = None) -> OrdinalOutput:
        """Ranks of a batch of rows."""
        x = features
        for layer in self.hidden:
            x = layer(x, training=training)  # N F
        logits = tf.reshape(self.output_layer(x), (-1, self.num_classes - 1, 2))  # N K-1 2
        probabilities = tf.nn.softmax(logits)[..., 1]  # N K-1
        rank = tf.reduce_sum(tf.cast(probabilities > 0.5, tf.int64), axis=1)  # N
        return OrdinalOutput(rank, probabilities, logits)
