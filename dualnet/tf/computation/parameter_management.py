"""Parameters in Keras 3: found by name, set by rules of one's own, shared by two layers.

On this side a weight is called kernel and is (in, out), and its path is made of the names of layers.
Source: Dive into Deep Learning, sections 6.2 and 6.3.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.computation.parameter_management import EDITED, Parameters, Tied

__all__ = ["custom_init", "edited", "init_by_layer", "named_access", "tied_parameters"]


def _dense(like: tf.Tensor, units: int, **options: object) -> layers.Dense:
    return layers.Dense(units, dtype=like.dtype.name, **options)


def _network(like: tf.Tensor, inputs: int, hidden: int, classes: int) -> keras.Sequential:
    parts = [_dense(like, hidden, name="hidden"), layers.ReLU(name="relu"), _dense(like, classes, name="output")]
    network = keras.Sequential(parts, name="network")
    network.build((None, inputs))
    return network


def _parameters(network: keras.Sequential) -> Parameters:
    """Every parameter, found by its name."""
    found = {variable.path.removeprefix("network/"): variable.value for variable in network.trainable_variables}
    names = ("hidden/kernel", "hidden/bias", "output/kernel", "output/bias")  # differs: X-parameter-names
    return Parameters(*(tf.transpose(found[name]) for name in names))  # differs: D008


def named_access(
    hidden_weight: tf.Tensor, hidden_bias: tf.Tensor, output_weight: tf.Tensor, output_bias: tf.Tensor
) -> Parameters:
    """Parameters set through the layers that have them, and found again by their names.

    Args:
        hidden_weight: (H, F).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).

    Returns:
        The same.
    """
    network = _network(hidden_weight, hidden_weight.shape[1], *output_weight.shape[::-1])
    hidden, output = network.get_layer("hidden"), network.get_layer("output")
    hidden.kernel.assign(tf.transpose(hidden_weight))  # differs: X-parameter-write
    hidden.bias.assign(hidden_bias)
    output.kernel.assign(tf.transpose(output_weight))
    output.bias.assign(output_bias)
    return _parameters(network)


def custom_init(draws: tf.Tensor) -> tf.Tensor:
    """A layer with weights between -10 and 10, but 0 where that would be closer to 0 than 5.

    Args:
        draws: (H, F), from 0 to 1, uniform.

    Returns:
        (H, F), the layer's weight.
    """

    def far_from_zero(shape: tuple[int, ...], dtype: str) -> tf.Tensor:
        weight = 20 * tf.transpose(draws) - 10
        return weight * tf.cast(tf.abs(weight) >= 5, dtype)

    layer = _dense(draws, len(draws), kernel_initializer=far_from_zero)  # differs: X-initializer
    layer.build((None, draws.shape[1]))
    return tf.transpose(layer.kernel.value)


def init_by_layer(draws: tf.Tensor, classes: int) -> Parameters:
    """A rule for each layer: Glorot's for the hidden one, a constant for the output.

    Args:
        draws: (H, F), from 0 to 1, uniform.
        classes: K, units of the output.

    Returns:
        The parameters: the hidden bias is 0, the output's is 1.
    """
    units, inputs = draws.shape
    network = _network(draws, inputs, units, classes)
    bound = math.sqrt(6 / (inputs + units))
    hidden, output = network.get_layer("hidden"), network.get_layer("output")
    hidden.kernel.assign(tf.transpose((2 * draws - 1) * bound))
    hidden.bias.assign(tf.zeros_like(hidden.bias))
    output.kernel.assign(tf.fill(output.kernel.shape, tf.cast(EDITED, draws.dtype)))
    output.bias.assign(tf.ones_like(output.bias))
    return _parameters(network)


def edited(weight: tf.Tensor) -> tf.Tensor:
    """A layer's weight (K, H) after 1 was added to it, and its first number was set to 42."""
    layer = _dense(weight, len(weight))
    layer.build((None, weight.shape[1]))
    layer.kernel.assign(tf.transpose(weight))  # differs: X-parameter-write
    layer.kernel.assign_add(tf.ones_like(layer.kernel))
    layer.kernel.assign(tf.tensor_scatter_nd_update(layer.kernel.value, [[0, 0]], tf.cast([EDITED], weight.dtype)))
    return tf.transpose(layer.kernel.value)


def tied_parameters(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> Tied:
    """A dense layer and tanh, twice with the same parameters, beside two layers that only start with the same.

    Args:
        x: (N, F).
        weight: (F, F).
        bias: (F,).

    Returns:
        Outputs and gradients: that of the shared weight is the sum over its uses.
    """
    first, second = _dense(x, len(bias)), _dense(x, len(bias))
    for layer in (first, second):
        layer.build(x.shape)
        layer.set_weights([tf.transpose(weight), bias])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(_twice(first, second, x))
    uses = tape.gradient(total, (first.kernel.value, second.kernel.value))
    shared = keras.Sequential([first, layers.Activation("tanh"), first, layers.Activation("tanh")])  # differs: D320
    with tf.GradientTape() as tape:
        output = _twice(first, first, x)
        total = tf.reduce_sum(output)
    gradient = tape.gradient(total, first.kernel.value)
    first_use, second_use, gradient = map(tf.transpose, (*uses, gradient))
    count = len(shared.trainable_variables)
    return Tied(output, gradient, first_use, second_use, tf.constant(count, tf.int64))


def _twice(first: layers.Layer, second: layers.Layer, x: tf.Tensor) -> tf.Tensor:
    return tf.tanh(second(tf.tanh(first(x))))  # N F
