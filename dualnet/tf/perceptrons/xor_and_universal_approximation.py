"""Exclusive or, universal approximation, depth versus width, in TensorFlow.

    exclusive or of two bits: relu(a + b) - 2 relu(a + b - 1)
    one tooth on [0, 1]:      t(x) = 2 relu(x) - 4 relu(x - 1/2);  t(t(x)) has two teeth, and so on

Source: Goodfellow et al. (2016), section 6.1; Cybenko (1989); Telgarsky (2016), section 1.
On this side the optimizer is written out, and a step is one graph.
"""

from collections.abc import Callable
from functools import partial

import tensorflow as tf

from dualnet.concepts.perceptrons.xor_and_universal_approximation import Sawtooth, Trained, check_depth

__all__ = ["deep_vs_wide", "function_fit", "network", "xor", "xor_by_hand"]


def network(
    inputs: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
) -> tf.Tensor:
    """Scores (N,) of inputs (N, I) by one hidden layer of tanh: weights (H, I) and (H,), biases (H,) and ()."""
    hidden = tf.tanh(inputs @ tf.transpose(hidden_weight) + hidden_bias)  # N H
    return tf.linalg.matvec(hidden, output_weight) + output_bias


def trained(
    loss: Callable[[tf.Tensor], tf.Tensor],
    inputs: tf.Tensor,
    start: tuple[tf.Tensor, ...],
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Trained:
    """A network after gradient descent on a loss of its scores, all rows at each step."""
    parameters = [tf.Variable(parameter) for parameter in start]
    velocities = [tf.Variable(tf.zeros_like(parameter)) for parameter in start]

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(network(inputs, *parameters))
        slopes = tape.gradient(value, parameters)
        for parameter, velocity, slope in zip(parameters, velocities, slopes, strict=True):
            velocity.assign(momentum * velocity + slope)  # differs: D161
            parameter.assign_sub(learning_rate * velocity)
        return value

    losses = tf.convert_to_tensor([step() for _ in range(steps)], inputs.dtype)
    return Trained(*[*(tf.identity(parameter) for parameter in parameters), losses])


def binary_cross_entropy(scores: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The framework's own, averaged over the rows."""
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, scores))


def squared_error(scores: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The mean of the squared differences."""
    return tf.reduce_mean(tf.square(scores - target))


def xor(
    inputs: tf.Tensor,
    targets: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Trained:
    """Learn labels by the cross entropy of a sigmoid, averaged over the rows; a score above 0 is label 1.

    Args:
        inputs: (N, I).
        targets: (N,), 0 or 1.
        hidden_weight: (H, I), at first.
        hidden_bias: (H,), at first.
        output_weight: (H,), at first.
        output_bias: (), at first.
        learning_rate: per step.
        momentum: the share of the last step that is repeated.
        steps: how many.
    """
    start = hidden_weight, hidden_bias, output_weight, output_bias
    return trained(partial(binary_cross_entropy, target=targets), inputs, start, learning_rate, momentum, steps)


def function_fit(
    inputs: tf.Tensor,
    targets: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Trained:
    """Learn numbers by the mean squared error; arguments as those of `xor`."""
    start = hidden_weight, hidden_bias, output_weight, output_bias
    return trained(partial(squared_error, target=targets), inputs, start, learning_rate, momentum, steps)


def xor_by_hand(inputs: tf.Tensor) -> tf.Tensor:
    """Two hidden units whose weights are written down: exactly 0 or 1 for bits.

    Args:
        inputs: (N, 2).

    Returns:
        (N,).
    """
    total = tf.reduce_sum(inputs, axis=1)  # N
    return tf.nn.relu(total) - 2 * tf.nn.relu(total - 1)


def deep_vs_wide(x: tf.Tensor, depth: int) -> Sawtooth:
    """A sawtooth of 2^(depth - 1) teeth, by layers of two units each, and by one layer of 2^depth units.

    Args:
        x: (N,), between 0 and 1.
        depth: how many layers the first network has.

    Raises:
        ValueError: there is no layer.
    """
    check_depth(depth)
    deep = x
    for _ in range(depth):
        deep = 2 * tf.nn.relu(deep) - 4 * tf.nn.relu(deep - 0.5)  # N
    units = 2**depth
    bends = tf.range(units, dtype=x.dtype) / units  # one unit for each change of slope
    slopes = tf.constant([units, *(2 * units * (-1) ** bend for bend in range(1, units))], x.dtype)
    wide = tf.linalg.matvec(tf.nn.relu(x[:, None] - bends), slopes)  # N
    return Sawtooth(deep, wide, tf.constant(2 * depth, tf.int64), tf.constant(units, tf.int64))  # differs: D234
