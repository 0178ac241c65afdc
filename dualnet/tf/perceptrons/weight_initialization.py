"""Initial weights, in TensorFlow and Keras 3.

    Xavier: variance 2 / (fan_in + fan_out),  He: variance 2 / fan_in

The numbers themselves are given, standard normal or uniform, so that a law is nothing but their scale.

Source: Glorot & Bengio (2010), eq. 12 and 16; He et al. (2015), eq. 10.
On this side a layer is given its law when it is made, and a kernel is (*kernel, in, out).
"""

import math

import keras
import tensorflow as tf
from keras import initializers, layers

from dualnet.concepts.perceptrons.weight_initialization import (
    CONSTANT,
    DEVIATION,
    LAYERS,
    Fans,
    Law,
    Layer,
    Moments,
    check_weight,
    unit,
)
from dualnet.interface import choose

__all__ = [
    "builtin",
    "constant",
    "fans",
    "he_normal",
    "he_uniform",
    "normal",
    "signal_by_depth",
    "trained_units",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def fans(shape: tuple[int, ...]) -> Fans:
    """How many numbers a unit reads, and how many units read a number.

    Args:
        shape: of a weight, (O, I) or (O, I, *kernel).

    Returns:
        I and O, each times the places of the kernel: twice () int64.

    Raises:
        ValueError: a weight has at least two axes.
    """
    check_weight(shape)
    outputs, inputs, *kernel = shape  # differs: D062
    places = math.prod(kernel)
    return Fans(tf.constant(inputs * places, tf.int64), tf.constant(outputs * places, tf.int64))


# --- laws ---------------------------------------------------------------------------------------------------


def zeros(weight: tf.Tensor) -> tf.Tensor:
    """Zeros in the shape and type of a weight."""
    return tf.zeros_like(weight)


def constant(weight: tf.Tensor, value: float) -> tf.Tensor:
    """One number in the shape and type of a weight."""
    return tf.fill(weight.shape, tf.constant(value, weight.dtype))


def normal(draws: tf.Tensor, std: float) -> tf.Tensor:
    """Standard normal numbers with another standard deviation."""
    return std * draws


def xavier_uniform(draws: tf.Tensor) -> tf.Tensor:
    """Weights between -b and b with b = sqrt(6 / (fan_in + fan_out)).

    Args:
        draws: (O, I, *kernel), uniform between 0 and 1.

    Raises:
        ValueError: a weight has at least two axes.
    """
    fan_in, fan_out = map(int, fans(draws.shape))
    bound = math.sqrt(6 / (fan_in + fan_out))
    return bound * (2 * draws - 1)


def xavier_normal(draws: tf.Tensor) -> tf.Tensor:
    """Weights of variance 2 / (fan_in + fan_out): between what keeps a signal and what keeps its gradient.

    Args:
        draws: (O, I, *kernel), standard normal.

    Raises:
        ValueError: a weight has at least two axes.
    """
    fan_in, fan_out = map(int, fans(draws.shape))
    return math.sqrt(2 / (fan_in + fan_out)) * draws


def he_uniform(draws: tf.Tensor) -> tf.Tensor:
    """Weights between -b and b with b = sqrt(6 / fan_in).

    Args:
        draws: (O, I, *kernel), uniform between 0 and 1.

    Raises:
        ValueError: a weight has at least two axes.
    """
    bound = math.sqrt(6 / int(fans(draws.shape).fan_in))
    return bound * (2 * draws - 1)


def he_normal(draws: tf.Tensor) -> tf.Tensor:
    """Weights of variance 2 / fan_in: twice as much as keeps a signal, of which a ReLU takes half.

    Args:
        draws: (O, I, *kernel), standard normal.

    Raises:
        ValueError: a weight has at least two axes.
    """
    return math.sqrt(2 / int(fans(draws.shape).fan_in)) * draws


# --- the framework's own ------------------------------------------------------------------------------------


def builtin(layer: Layer, law: Law) -> Moments:
    """A new layer that starts by a law, not by the framework's default: what its weights and biases are like.

    Args:
        layer: which one.
        law: of its weights; its biases are 0.

    Returns:
        Mean and deviation in units of the law's deviation, to one decimal, and the largest bias: three times ().
    """
    outputs, inputs, *kernel = LAYERS[layer]
    start = {
        "zeros": initializers.Zeros(),
        "constant": initializers.Constant(CONSTANT),
        "normal": initializers.RandomNormal(0.0, DEVIATION),
        "xavier_uniform": initializers.GlorotUniform(),
        "xavier_normal": initializers.VarianceScaling(1.0, "fan_avg", "untruncated_normal"),  # differs: D056
        "he_uniform": initializers.HeUniform(),
        "he_normal": initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal"),
    }[law]
    both = {"kernel_initializer": start, "bias_initializer": "zeros"}  # differs: D051, D052
    made: keras.Layer = {
        "dense": lambda: layers.Dense(outputs, **both),
        "convolution": lambda: layers.Conv2D(outputs, kernel, **both),
        "embedding": lambda: layers.Embedding(outputs, inputs, embeddings_initializer=start),  # differs: D053
        "recurrent": lambda: layers.SimpleRNNCell(outputs, recurrent_initializer=start, **both),  # differs: D054
    }[layer]()
    made.build((None, *(9 for _ in kernel), inputs))  # of images of 9x9 pixels; their size does not matter
    parameters = {variable.name: variable.value for variable in made.variables}
    weight = parameters[{"embedding": "embeddings", "recurrent": "recurrent_kernel"}.get(layer, "kernel")]
    largest = tf.reduce_max(tf.abs(parameters.get("bias", tf.zeros(1, weight.dtype))))
    scaled = weight / unit(law, *map(int, fans(LAYERS[layer])))
    return Moments(tf.round(10 * tf.reduce_mean(scaled)) / 10, tf.round(10 * tf.math.reduce_std(scaled)) / 10, largest)


# --- what the start decides ---------------------------------------------------------------------------------


def trained_units(
    features: tf.Tensor,
    targets: tf.Tensor,
    hidden: tf.Tensor,
    output: tf.Tensor,
    learning_rate: float,
    steps: int,
) -> tf.Tensor:
    """The hidden units of tanh(features @ hidden.T) @ output.T on the way: units that start alike stay alike.

    Args:
        features: (N, I).
        targets: (N, O), for the mean squared error.
        hidden: (H, I), the weights of the hidden units at first.
        output: (O, H).
        learning_rate: of gradient descent, per step.
        steps: how many.

    Returns:
        (steps + 1, H, I).
    """
    course = [hidden]
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch((hidden, output))
            error = tf.tanh(features @ tf.transpose(hidden)) @ tf.transpose(output) - targets  # N O
            loss = tf.reduce_mean(tf.square(error))
        by_hidden, by_output = tape.gradient(loss, (hidden, output))
        hidden, output = hidden - learning_rate * by_hidden, output - learning_rate * by_output
        course.append(hidden)
    return tf.stack(course)


def signal_by_depth(features: tf.Tensor, weights: tf.Tensor, activation: str) -> tf.Tensor:
    """How strong a signal is behind each layer: the root of its mean square.

    Args:
        features: (N, F).
        weights: (L, F, F), one weight for each layer.
        activation: tanh or relu.

    Returns:
        (L,).

    Raises:
        ConfigError: no such activation.
    """
    bend, strengths = choose({"tanh": tf.tanh, "relu": tf.nn.relu}, activation, "activation"), []
    for weight in weights:
        features = bend(features @ tf.transpose(weight))  # N F
        strengths.append(tf.sqrt(tf.reduce_mean(tf.square(features))))
    return tf.stack(strengths)
