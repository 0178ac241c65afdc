"""Lazy initialisation in Keras 3: every layer is built when the first batch comes.

Source: Dive into Deep Learning, section 6.4.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.computation.lazy_initialization import HIDDEN, Sizes

__all__ = ["build_on_call", "lazy_modules", "step_after_dry_run"]


def _count(layer: layers.Layer) -> tf.Tensor:
    found = [int(tf.size(variable.value)) for variable in layer.trainable_variables]  # differs: X-lazy-parameters
    return tf.constant(sum(found), tf.int64)


def lazy_modules(x: tf.Tensor, classes: int) -> Sizes:
    """What two dense layers know of their sizes, before and after a batch has passed.

    Args:
        x: (N, F), the batch.
        classes: units of the second layer.

    Returns:
        The sizes: none of them was given but the units.
    """
    like = {"dtype": x.dtype.name}
    hidden, output = layers.Dense(HIDDEN, **like), layers.Dense(classes, **like)  # differs: X-lazy-layers
    network = keras.Sequential([hidden, layers.ReLU(**like), output])
    before = _count(network)
    network(x)
    first, second = (tf.constant(layer.kernel.shape[::-1], tf.int64) for layer in (hidden, output))  # differs: D008
    return Sizes(before, first, second, _count(network))


class LazyDense(layers.Layer):
    """A dense layer of one's own that creates its parameters at the first call."""

    def __init__(self, units: int, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.units = units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the parameters, for rows of this shape."""
        shape = (self.units, input_shape[1])
        self.weight = self.add_weight(name="weight", shape=shape, initializer="zeros")  # differs: X-layer-build
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The rows, mapped."""
        return x @ tf.transpose(self.weight) + self.bias  # N units


def build_on_call(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """A lazy layer of one's own: it takes given parameters once a batch has told their shapes.

    Args:
        x: (N, F).
        weight: (H, F).
        bias: (H,).

    Returns:
        (N, H).

    Raises:
        ValueError: the parameters do not fit what the batch asks for.
    """
    layer = LazyDense(len(bias), x.dtype.name)
    layer(x)
    if weight.shape != layer.weight.shape:
        raise ValueError(f"weight of shape {tuple(weight.shape)}: expected {tuple(layer.weight.shape)}")
    layer.set_weights([weight, bias])
    return layer(x)


def step_after_dry_run(x: tf.Tensor, target: tf.Tensor, learning_rate: float) -> tf.Tensor:
    """A step of gradient descent on half the squared error, from 0; a batch of no rows tells the shapes before.

    Args:
        x: (N, F).
        target: (N, H).
        learning_rate: per step.

    Returns:
        (H, F), the weight after the step.
    """
    layer = LazyDense(target.shape[1], x.dtype.name)
    layer(x[:0])
    optimizer = keras.optimizers.SGD(learning_rate)  # differs: D155, X-lazy-optimizer
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(x) - target)) / 2
    gradients = tape.gradient(loss, [variable.value for variable in layer.trainable_variables])
    optimizer.apply(gradients, layer.trainable_variables)
    return layer.weight.value
