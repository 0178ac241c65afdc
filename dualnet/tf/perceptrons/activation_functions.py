"""Activation functions, in TensorFlow.

Each bends a layer's output, element by element; softmax and its logarithm turn a row into probabilities.
Here constants beside a tensor take its type exactly, but those inside some operations of TensorFlow and Keras are
rounded to float32 first: these are written out.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from dualnet.concepts.perceptrons.activation_functions import SELU_ALPHA, SELU_SCALE

__all__ = [
    "celu",
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]


# --- bounded ------------------------------------------------------------------------------------------------


def sigmoid(x: tf.Tensor) -> tf.Tensor:
    """1 / (1 + exp(-x)), between 0 and 1."""
    return tf.sigmoid(x)


def tanh(x: tf.Tensor) -> tf.Tensor:
    """The hyperbolic tangent, between -1 and 1: 2 sigmoid(2 x) - 1."""
    return tf.tanh(x)


def softsign(x: tf.Tensor) -> tf.Tensor:
    """The quotient x / (1 + |x|), between -1 and 1, which it reaches at infinity only."""
    infinite = tf.math.is_inf(x)  # differs: X-infinity-times-zero
    return tf.where(infinite, tf.sign(x), tf.nn.softsign(tf.where(infinite, tf.zeros_like(x), x)))


def hard_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """The line x / 6 + 1/2, cut off at 0 and 1; the gradient at the bounds x = -3 and 3 is 0."""
    return tf.nn.relu6(x + 3) / 6  # differs: D191, X-hard-sigmoid-float32


def hard_tanh(x: tf.Tensor) -> tf.Tensor:
    """The line x, cut off at -1 and 1; the gradient at these bounds is 0."""
    return tf.where(tf.abs(x) < 1, x, tf.sign(x))  # differs: D195


# --- a straight line on the right, another on the left ------------------------------------------------------


def relu(x: tf.Tensor) -> tf.Tensor:
    """The larger of x and 0; the gradient at 0 is 0."""
    return tf.nn.relu(x)


def leaky_relu(x: tf.Tensor, negative_slope: float = 0.01) -> tf.Tensor:
    """Equal to x where it is above 0, negative_slope * x elsewhere; the gradient at 0 is negative_slope."""
    return tf.where(x > 0, x, negative_slope * x)  # differs: D189, D199


def prelu(x: tf.Tensor, negative_slope: tf.Tensor) -> tf.Tensor:
    """Leaky ReLU with a slope for each column, to be learned; the gradient by x at 0 is that slope.

    Args:
        x: (N, C).
        negative_slope: (C,).

    Raises:
        ValueError: not one slope for each column.
    """
    _check_slopes(x, negative_slope)
    negative = tf.where(x > 0, tf.zeros_like(x), x)
    return tf.where(x > 0, x, negative_slope * negative)  # differs: D194


def _check_slopes(x: tf.Tensor, negative_slope: tf.Tensor) -> None:
    if x.shape.rank != 2 or negative_slope.shape != x.shape[1:]:
        raise ValueError(
            f"negative_slope {tuple(negative_slope.shape)}: expected one for each column of x {tuple(x.shape)}, (N, C)"
        )


# --- an exponential on the left -----------------------------------------------------------------------------


def elu(x: tf.Tensor, alpha: float = 1.0) -> tf.Tensor:
    """Equal to x where it is above 0, alpha * (exp(x) - 1) elsewhere; the gradient at 0 is alpha."""
    return tf.where(x > 0, x, alpha * tf.nn.elu(x))  # differs: X-elu-alpha


def selu(x: tf.Tensor) -> tf.Tensor:
    """SELU_SCALE * elu(x, SELU_ALPHA): keeps mean 0 and variance 1; the gradient at 0 is SELU_SCALE * SELU_ALPHA."""
    return SELU_SCALE * elu(x, SELU_ALPHA)  # differs: D192


def celu(x: tf.Tensor, alpha: float = 1.0) -> tf.Tensor:
    """ELU of another size, alpha * elu(x / alpha): the gradient at 0 is 1 whatever alpha is."""
    return alpha * tf.nn.elu(x / alpha)  # differs: D193, X-celu-float32


# --- smooth -------------------------------------------------------------------------------------------------


def softplus(x: tf.Tensor) -> tf.Tensor:
    """log(1 + exp(x)), a smooth ReLU; its gradient is the sigmoid."""
    return tf.nn.softplus(x)  # differs: D190


def gelu(x: tf.Tensor) -> tf.Tensor:
    """The number x times the probability that a standard normal variable is below x."""
    return _self_gated(lambda x: x * tf.math.erfc(-x / math.sqrt(2)) / 2, x)  # differs: D188, D199


def gelu_tanh(x: tf.Tensor) -> tf.Tensor:
    """GELU's approximation x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), off by up to 0.0005."""
    return _self_gated(lambda x: x * (1 + tf.tanh(_gelu_argument(x))) / 2, x)  # differs: D188, D199


def _gelu_argument(x: tf.Tensor) -> tf.Tensor:
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


def silu(x: tf.Tensor) -> tf.Tensor:
    """The product x * sigmoid(x), also called swish."""
    return _self_gated(tf.nn.silu, x)


def mish(x: tf.Tensor) -> tf.Tensor:
    """The product x * tanh(softplus(x))."""
    return _self_gated(lambda x: x * tf.tanh(tf.nn.softplus(x)), x)


def hard_swish(x: tf.Tensor) -> tf.Tensor:
    """The product x * hard_sigmoid(x); the gradient is 0 at the bound x = -3 and 1 at 3."""
    return _self_gated(lambda x: x * hard_sigmoid(x), x)


def _self_gated(function: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """The product of x and a gate between 0 and 1: beyond 1000 it is ReLU; infinity * 0 would give NaN."""
    near = tf.abs(x) < 1000  # differs: X-infinity-times-zero
    return tf.where(near, function(tf.where(near, x, tf.zeros_like(x))), tf.nn.relu(x))


# --- rows ---------------------------------------------------------------------------------------------------


def softmax(x: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """exp(x) divided by its sum along an axis.

    Args:
        x: (..., K, ...); minus infinity is a class with probability 0.
        axis: the one of size K.

    Returns:
        x's shape, with sum 1 along the axis; NaN where all is minus infinity, or anything plus infinity.

    Raises:
        IndexError: x has no such axis.
    """
    _check_axis(x, axis)
    largest = tf.stop_gradient(tf.reduce_max(x, axis=axis, keepdims=True))  # ... 1 ...
    exponentials = tf.exp(x - largest)  # differs: X-softmax-nan
    return exponentials / tf.reduce_sum(exponentials, axis=axis, keepdims=True)  # differs: D196


def log_softmax(x: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """The logarithm of the softmax, without overflow and without rounding a small probability to 0.

    Args:
        x: (..., K, ...); minus infinity is a class with probability 0.
        axis: the one of size K.

    Returns:
        x's shape, at most 0; NaN where all is minus infinity, or anything plus infinity.

    Raises:
        IndexError: x has no such axis.
    """
    _check_axis(x, axis)
    return tf.nn.log_softmax(x, axis=axis)  # differs: D196


def _check_axis(x: tf.Tensor, axis: int) -> None:
    if not -x.shape.rank <= axis < x.shape.rank:  # differs: X-axis-error
        raise IndexError(f"axis {axis}: expected an axis of {tuple(x.shape)}, which has {x.shape.rank}")
