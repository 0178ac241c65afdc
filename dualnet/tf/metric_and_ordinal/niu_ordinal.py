"""Ordinal regression by K - 1 binary outputs in Keras 3.

    rows or images -> backbone -> K - 1 pairs; softmax of pair k: the probability of a rank above k

Source: Niu, Zhou, Wang, Gao, Hua (2016), section 3.
On this side `tf.nn.log_softmax` takes the last axis unless told otherwise.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers as keras_layers

from dualnet.concepts.metric_and_ordinal.niu_ordinal import EPSILON, MOMENTUM, OrdinalOutput
from dualnet.interface import choose
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm
from dualnet.tf.modern_convnets.alexnet import AlexNet
from dualnet.tf.modern_convnets.resnet import ResNet

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
class NiuOrdinal(KerasModel):
    """Ordinal regression by K - 1 binary outputs on rows of numbers or images.

    Args:
        backbone: what finds the features: "mlp" of rows of numbers, "resnet" or "alexnet" of images.
        num_features: numbers in a row.
        hidden: units of the hidden layers of an "mlp" or "alexnet".
        num_classes: K, the number of ranks.
        dropout: share of the hidden units left out in training.
        batch_norm: of an "mlp": normalise after every hidden layer.
        negative_slope: of an "mlp": of the leaky ReLUs below 0.
        in_channels: colours of the images.
        image_size: their height and width in pixels.
        layers: of a "resnet": basic blocks of each stage.
        channels: feature maps of each stage, or of each convolution.
        pool: of a "resnet": "global" average pooling, or "padded", 7x7 at stride 1 with two zeros on every side.
        pooled_size: of an "alexnet": height and width to which the last maps are averaged.

    Input shape: (N, num_features), or (N, image_size, image_size, in_channels).
    Output shape: rank (N,), integers; probabilities (N, num_classes - 1); logits (N, num_classes - 1, 2).

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
        pooled_size: int = 3,
    ) -> None:
        super().__init__(name="niu_ordinal")
        images: dict[str, Any] = {
            "in_channels": in_channels,
            "image_size": image_size,
            "channels": channels,
            "num_classes": 0,
        }
        backbones: dict[str, Callable[[], keras_layers.Layer]] = {
            "mlp": lambda: MLP(hidden, dropout, batch_norm, negative_slope),
            "resnet": lambda: ResNet(layers=layers, pool=pool, **images),
            "alexnet": lambda: AlexNet(pooled_size=pooled_size, hidden=hidden, dropout=dropout, **images),
        }
        self.backbone = choose(backbones, backbone, "backbone")()
        self.output_layer = keras_layers.Dense(2 * (num_classes - 1), **START, name="output")
        self.num_classes = num_classes
        shape = (num_features,) if backbone == "mlp" else (image_size, image_size, in_channels)
        self(keras.Input(shape))  # creates the variables

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> OrdinalOutput:
        """Ranks of a batch of rows or images."""
        x = self.backbone(inputs, training=training)  # N F
        logits = tf.reshape(self.output_layer(x), (-1, self.num_classes - 1, 2))  # N K-1 2
        probabilities = tf.nn.softmax(logits)[..., 1]  # N K-1
        rank = tf.reduce_sum(tf.cast(probabilities > 0.5, tf.int64), axis=1)  # N
        return OrdinalOutput(rank, probabilities, logits)
