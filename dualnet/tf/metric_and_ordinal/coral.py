"""CORAL in Keras 3.

    rows or images -> backbone -> one score; score + bias k -> sigmoid: the probability of a rank above k

Source: Cao, Mirjalili, Raschka (2020), sections 3.2 to 3.4.
On this side a parameter is made by `add_weight`, and a dense layer finds the size of its input.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers as keras_layers

from dualnet.concepts.metric_and_ordinal.coral import EPSILON, MOMENTUM, OrdinalOutput
from dualnet.interface import choose
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm
from dualnet.tf.modern_convnets.resnet import ResNet

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


class Head(keras_layers.Layer):
    """One score for all questions, and a bias for each: their order is the same for every row."""

    def __init__(self, num_classes: int, name: str) -> None:
        super().__init__(name=name)
        self.score = keras_layers.Dense(1, use_bias=False, kernel_initializer="glorot_uniform", name="score")
        self.bias = self.add_weight(shape=(num_classes - 1,), initializer="zeros", name="bias")
        self.bias.assign(tf.range(num_classes - 1, 0, -1) / (num_classes - 1))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self.score(x) + self.bias  # N K-1


@keras.saving.register_keras_serializable("dualnet")
class Coral(KerasModel):
    """CORAL ordinal regression on rows of numbers or images.

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
    Output shape: rank (N,), integers; probabilities and logits (N, num_classes - 1).

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
        super().__init__(name="coral")
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
        self.head = Head(num_classes, name="head")
        shape = (num_features,) if backbone == "mlp" else (image_size, image_size, in_channels)
        self(keras.Input(shape))  # creates the variables

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> OrdinalOutput:
        """Ranks of a batch of rows or images."""
        x = self.backbone(inputs, training=training)  # N F
        logits = self.head(x)  # N K-1
        probabilities = tf.sigmoid(logits)
        rank = tf.reduce_sum(tf.cast(probabilities > 0.5, tf.int64), axis=1)  # N
        return OrdinalOutput(rank, probabilities, logits)
