"""Derivatives as limits, in the four layouts of scalars and vectors, and as tangents, in TensorFlow.

A GradientTape goes backward from one scalar to all inputs; a ForwardAccumulator goes forward along one direction.
Both record what is computed within them, so that a function is first called and then differentiated.
"""

import tensorflow as tf

from dualnet.concepts.foundations.calculus_derivatives import ChainRule

__all__ = [
    "chain_rule",
    "derivative",
    "directional_derivative",
    "numerical_limit",
    "scalar_by_scalar",
    "scalar_by_vector",
    "tangent_line",
    "vector_by_scalar",
    "vector_by_vector",
]


def _parabola(x: tf.Tensor) -> tf.Tensor:
    return 3 * x * x - 4 * x


# --- one variable -------------------------------------------------------------------------------------------


def numerical_limit(x: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """Difference quotients (f(x + h) - f(x)) / h of f(x) = 3 x^2 - 4 x: they near f'(x) as h goes to 0.

    Args:
        x: ().
        steps: (M,), the values of h, not 0; below the precision of x, x + h is x, and the quotient 0.

    Returns:
        (M,).

    Raises:
        ValueError: a step is 0.
    """
    if tf.reduce_any(steps == 0):
        raise ValueError("steps: expected numbers other than 0, because the quotient divides by them")
    return (_parabola(x + steps) - _parabola(x)) / steps  # M


def derivative(x: tf.Tensor) -> tf.Tensor:
    """The derivative 6 x - 4 of 3 x^2 - 4 x at each element of x, of any shape."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = _parabola(x)
    return tape.gradient(y, x)  # differs: D213


def tangent_line(x: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """Values at x (M,) of the line that touches 3 x^2 - 4 x at one point, of shape ()."""
    return _parabola(at) + derivative(at) * (x - at)


# --- four layouts: the shape of a derivative is that of the output, then that of the input ------------------


def scalar_by_scalar(x: tf.Tensor) -> tf.Tensor:
    """The derivative 2 x cos(x^2) of sin(x^2), of shape () as x."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sin(x * x)
    return tape.gradient(y, x)  # ()


def scalar_by_vector(x: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """The gradient (A + A^T) x of x^T A x: (N,), for x (N,) and A (N, N)."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.tensordot(x, tf.linalg.matvec(matrix, x), axes=1)
    return tape.gradient(y, x)  # N


def vector_by_scalar(t: tf.Tensor, rates: tf.Tensor) -> tf.Tensor:
    """The derivative w exp(t w) of exp(t w): (M,), for t () and w (M,)."""
    with tf.autodiff.ForwardAccumulator(t, tf.ones_like(t)) as accumulator:  # differs: X-forward-mode
        y = tf.exp(t * rates)
    return accumulator.jvp(y)  # M


def vector_by_vector(x: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """The Jacobian 2 A diag(x) of A (x * x): (M, N), a row for each output, for x (N,) and A (M, N)."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.linalg.matvec(matrix, x * x)
    return tape.jacobian(y, x, experimental_use_pfor=False)  # M N  # the default compiles a loop first: slow for few


# --- chain rule, directions ---------------------------------------------------------------------------------


def chain_rule(x: tf.Tensor, matrix: tf.Tensor) -> ChainRule:
    """The gradient of y = sum(sin(u)) by x, u = A x, whole and as the product of dy/du and du/dx.

    Args:
        x: (N,).
        matrix: (M, N), A.

    Returns:
        outer (M,), inner (M, N), their product (N,), and the whole gradient (N,), which is the same.
    """
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        u = tf.linalg.matvec(matrix, x)  # M
        y = tf.reduce_sum(tf.sin(u))  # ()
    outer = tape.gradient(y, u)  # M
    inner = tape.jacobian(u, x, experimental_use_pfor=False)  # M N
    return ChainRule(outer, inner, tf.linalg.matvec(inner, outer, transpose_a=True), tape.gradient(y, x))


def directional_derivative(x: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
    """How fast sum(x^3) changes from x along a direction, per length of it: gradient . direction.

    Args:
        x: (N,).
        direction: (N,), as long as a unit of movement.

    Returns:
        ().
    """
    with tf.autodiff.ForwardAccumulator(x, direction) as accumulator:  # differs: X-forward-mode
        y = tf.reduce_sum(x * x * x)
    return accumulator.jvp(y)
