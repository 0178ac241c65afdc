"""Ordinal regression by the expected class in Keras 3.

    rows or images -> backbone -> softmax over K; (K - 1) * sigmoid(softmax . a): the rank, to be rounded

Source: Beckham, Pal (2016), section 2.
On this side `tf.cumsum` runs from the end and leaves out the element itself if told to.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers as keras_layers

from dualnet.concepts.metric_and_ordinal.beckham_ordinal import EPSILON, MOMENTUM, ExpectedRank
from dualnet.interface import choose
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm
from dualnet.tf.modern_convnets.resnet import ResNet

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


class DenseBlock(keras_layers.Layer):
    """Dense layer, leaky ReLU, dropout, batch normalization if wanted."""

    def __init__(self, features: int, dropout: float, batch_norm: bool, negative_slope: float, name: str) -> None:
        super().__init__(name=name)
        self.linear = keras_layers.Dense(features, **START, name="linear")
        self.dropout = keras_layers.Dropout(dropout, name="dropout")
        self.norm = BatchNorm(EPSILON, MOMENTUM, name="norm") if batch_norm else None  # differs: D030, D031, D033
        self.negative_slope = negative_slope

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.linear(x)  # N F
        x = tf.where(x > 0, x, tf.constant(self.negative_slope, x.dtype) * x)  # differs: D199
        x = self.dropout(x, training=training)
        return x if self.norm is None else self.norm(x, training=training)


class MLP(keras_layers.Layer):
    """Dense blocks, one after the other."""

    def __init__(self, hidden: tuple[int, ...], dropout: float, batch_norm: bool, negative_slope: float) -> None:
        super().__init__(name="mlp")
        self.blocks = [
            DenseBlock(units, dropout, batch_norm, negative_slope, name=str(i)) for i, units in enumerate(hidden)
        ]

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        for block in self.blocks:
            x = block(x, training=training)  # N F
        return x


@keras.saving.register_keras_serializable("dualnet")
class BeckhamOrdinal(KerasModel):
    """Ordinal regression by the expected class on rows of numbers or images.

    Args:
        backbone: what finds the features: "mlp" of rows of numbers, or "resnet" of images.
        num_features: numbers in a row.
        hidden: of an "mlp": units of the hidden layers.
        num_classes: K, the number of ranks.
        dropout: of an "mlp": share of the hidden units left out in training.
        batch_norm: of an "mlp": normalise after every hidden layer.
        negative_slope: of an "mlp": of the leaky ReLUs below 0.
        in_channels: colours of the images.
        image_size: their height and width in pixels.
        layers: of a "resnet": basic blocks of each stage.
        channels: of a "resnet": feature maps of each stage.
        pool: of a "resnet": "global" average pooling, or "padded", 7x7 at stride 1 with two zeros on every side.

    Input shape: (N, num_features), or (N, image_size, image_size, in_channels).
    Output shape: rank (N,), integers; probabilities (N, num_classes - 1); logits (N, num_classes);
        expectation (N,).

    Raises:
        ConfigError: an unknown backbone or pool, or images too small.
    """

    def __init__(
        self,
        *,
        backbone: str = "mlp",
        num_features: int = 10,
        hidden: tuple[int, ...] = (300, 300),
        num_classes: int = 5,
        dropout: float = 0.2,
        batch_norm: bool = True,
        negative_slope: float = 0.01,
        in_channels: int = 1,
        image_size: int = 28,
        layers: tuple[int, ...] = (3, 4, 6, 3),
        channels: tuple[int, ...] = (64, 128, 256, 512),
        pool: str = "global",
    ) -> None:
        super().__init__(name="beckham_ordinal")
        images: dict[str, Any] = {
            "in_channels": in_channels,
            "image_size": image_size,
            "channels": channels,
            "num_classes": 0,
        }
        backbones: dict[str, Callable[[], keras_layers.Layer]] = {
            "mlp": lambda: MLP(hidden, dropout, batch_norm, negative_slope),
            "resnet": lambda: ResNet(layers=layers, pool=pool, **images),
        }
        self.backbone = choose(backbones, backbone, "backbone")()
        self.output_layer = keras_layers.Dense(num_classes, **START, name="output")
        normal = keras.initializers.RandomNormal(stddev=0.1)
        self.rank_weights = self.add_weight(shape=(num_classes,), initializer=normal, name="rank_weights")
        shape = (num_features,) if backbone == "mlp" else (image_size, image_size, in_channels)
        self(keras.Input(shape))  # creates the variables

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> ExpectedRank:
        """Ranks of a batch of rows or images."""
        x = self.backbone(inputs, training=training)  # N F
        logits = self.output_layer(x)  # N K
        probabilities = above(tf.nn.softmax(logits))  # N K-1
        expectation = expected_rank(logits, self.rank_weights.value)  # N
        return ExpectedRank(tf.cast(tf.round(expectation), tf.int64), probabilities, logits, expectation)
