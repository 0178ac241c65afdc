"""Layers and blocks in Keras 3.

On this side every block is a ``keras.Layer``, and a whole network a ``keras.Model``: what is assigned to its
attributes is found as its part, and ``call`` is traced into a graph. Source: Dive into Deep Learning, section 6.1.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.computation.model_blocks import frozen_weight
from dualnet.tf._model import KerasModel

__all__ = ["FixedHiddenMLP", "NestedMLP", "nested", "sequential"]


def dense(units: int, name: str) -> layers.Dense:
    """A dense layer with Glorot's weights and no bias at first."""
    # differs: D051, D052
    return layers.Dense(units, kernel_initializer="glorot_uniform", bias_initializer="zeros", name=name)


def block(units: int, name: str) -> keras.Sequential:
    """A dense layer and a ReLU."""
    return keras.Sequential([dense(units, "dense"), layers.ReLU(name="relu")], name=name)  # differs: X-sequential-names


def source(size: int) -> keras.KerasTensor:
    """What a list of layers takes, in the precision in which its layers compute."""
    return keras.Input((size, size, 1), dtype=keras.config.dtype_policy().compute_dtype)  # differs: D227


def sequential(*, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> keras.Sequential:
    """A list of layers is a network: each takes what the one before gives.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape of the model: (N, image_size, image_size, 1).
    Output shape: (N, num_classes), logits.
    """
    parts = [
        source(image_size),
        layers.Flatten(name="flatten"),
        dense(hidden, "hidden"),
        layers.ReLU(name="relu"),
        dense(num_classes, "output"),
    ]
    return keras.Sequential(parts)


def nested(*, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> keras.Sequential:
    """A list may hold lists.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of each hidden layer.
        num_classes: units of the output.

    Input shape of the model: (N, image_size, image_size, 1).
    Output shape: (N, num_classes), logits.
    """
    parts = [
        source(image_size),
        layers.Flatten(name="flatten"),
        block(hidden, "block1"),
        block(hidden, "block2"),
        dense(num_classes, "output"),
    ]
    return keras.Sequential(parts)


@keras.saving.register_keras_serializable("dualnet")
class NestedMLP(KerasModel):
    """A class may hold a list, and call it.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of each hidden layer.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, 1).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__(name="nested_mlp")
        self.flatten = layers.Flatten(name="flatten")
        self.body = keras.Sequential([block(hidden, "block1"), block(hidden, "block2")], name="body")
        self.output_layer = dense(num_classes, "output")
        self(keras.Input((image_size, image_size, 1)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.flatten(images)  # N H*W
        return self.output_layer(self.body(x))  # N K


@keras.saving.register_keras_serializable("dualnet")
class FixedHiddenMLP(KerasModel):
    """A class may do anything: use a layer twice, a weight that never learns, and a loop as long as the data say.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of each hidden layer.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, 1).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__(name="fixed_hidden_mlp")
        fixed = frozen_weight(hidden)
        self.fixed = self.add_weight(name="fixed", shape=fixed.shape, trainable=False)  # differs: X-block-buffer
        self.fixed.assign(fixed)
        self.flatten = layers.Flatten(name="flatten")
        self.entry = dense(hidden, "entry")
        self.shared = dense(hidden, "shared")
        self.output_layer = dense(num_classes, "output")
        self(keras.Input((image_size, image_size, 1)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.entry(self.flatten(images))  # N F
        x = tf.nn.relu(self.shared(x) @ self.fixed + 1)  # N F
        x = halved(self.shared(x))  # N F
        return self.output_layer(x)  # N K


def halved(x: tf.Tensor) -> tf.Tensor:
    """Each row (N, F) halved until its absolute values sum to at most 1."""

    def large(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.abs(x), 1, keepdims=True) > 1  # N 1

    (x,) = tf.while_loop(  # differs: D223
        lambda x: tf.reduce_any(large(x)), lambda x: (tf.where(large(x), x / 2, x),), (x,)
    )
    return x  # N F
