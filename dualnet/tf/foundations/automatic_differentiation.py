"""Automatic differentiation, in TensorFlow.

A GradientTape records the operations made within it of what it watches (variables by themselves, tensors when
told), and gives its gradients once, fresh, unless it is persistent; a ForwardAccumulator goes the other way.
"No gradient" is None; here it is always zeros. Gradients found within another tape can be differentiated
again by the caller.
"""

from collections.abc import Callable

import tensorflow as tf

from dualnet.concepts.foundations.automatic_differentiation import ReusedRecording, UnusedInput

__all__ = [
    "accumulated",
    "checkpointed",
    "control_flow",
    "detached",
    "double_where",
    "gradient_of_intermediate",
    "gradient_of_vector_output",
    "gradient_penalty",
    "gradient_reversal",
    "hessian",
    "hessian_vector_product",
    "integer_input",
    "jacobian",
    "jacobian_vector_product",
    "log1p_exp",
    "nth_derivative",
    "per_example_gradients",
    "reused_recording",
    "rounding",
    "scalar_backward",
    "second_order",
    "straight_through",
    "trace_of_inverse",
    "unused_input",
    "vector_jacobian_product",
]


# --- one backward pass --------------------------------------------------------------------------------------


def scalar_backward(x: tf.Tensor) -> tf.Tensor:
    """The gradient 4 x of the scalar 2 x.x, for x (F,)."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = 2 * tf.tensordot(x, x, axes=1)
    return tape.gradient(y, x)


def gradient_of_vector_output(x: tf.Tensor) -> tf.Tensor:
    """The gradient of the sum of the outputs x * x, which is 2 x, for x of any shape."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    return tape.gradient(y, x)  # differs: D213 sums y by itself


def accumulated(x: tf.Tensor, passes: int) -> tf.Tensor:
    """The sum of the gradients of 1 x.x, 2 x.x, ..., passes x.x: zeros where there is no pass."""
    total = tf.zeros_like(x)
    for factor in range(1, passes + 1):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = factor * tf.reduce_sum(x * x)
        total += tape.gradient(y, x)  # differs: D175 each gradient is a fresh one
    return total


def gradient_of_intermediate(x: tf.Tensor) -> tf.Tensor:
    """The gradient of sum(sin(hidden)) by hidden = x * x, which is cos(x * x)."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        hidden = x * x
        y = tf.reduce_sum(tf.sin(hidden))
    return tape.gradient(y, hidden)  # differs: X-retain-grad the tape knows each tensor made of x


def reused_recording(x: tf.Tensor) -> ReusedRecording:
    """Two gradients from one recording: of y = sum(x^2) and of z = sum(x^4)."""
    with tf.GradientTape(persistent=True) as tape:  # differs: D214 the first gradient would free the tape
        tape.watch(x)
        square = x * x
        y, z = tf.reduce_sum(square), tf.reduce_sum(square * square)
    return ReusedRecording(y=tape.gradient(y, x), z=tape.gradient(z, x))


def detached(x: tf.Tensor) -> tf.Tensor:
    """The gradient of sum(u * x) where u = x * x counts as a constant: u, and not 3 x * x."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        u = tf.stop_gradient(x * x)
        z = u * x
    return tape.gradient(z, x)  # differs: D213 sums z by itself


def control_flow(a: tf.Tensor) -> tf.Tensor:
    """The slope, at a, of a function whose loop and branch depend on a.

    f doubles b = 2 a until |b| >= 1000, then takes 100 b unless b is positive: it is linear piece by piece.

    Args:
        a: a number of shape (), not 0.

    Returns:
        f(a) / a, of shape ().

    Raises:
        ValueError: a is 0, for which the loop would never end.

    Source:
        Dive into Deep Learning, section 2.5.4.
    """
    if a == 0:
        raise ValueError("a is 0: expected another number, because doubling 0 never reaches 1000")
    with tf.GradientTape() as tape:
        tape.watch(a)
        b = 2 * a
        while tf.abs(b) < 1000:
            b = 2 * b
        c = b if b > 0 else 100 * b
    return tape.gradient(c, a)


# --- products, matrices and higher orders -------------------------------------------------------------------


def _layer(weight: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return tf.tanh(tf.linalg.matvec(weight, x))  # (H,)


def _rosenbrock(x: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(100 * tf.square(x[1:] - tf.square(x[:-1])) + tf.square(1 - x[:-1]))  # ()


def vector_jacobian_product(weight: tf.Tensor, x: tf.Tensor, cotangent: tf.Tensor) -> tf.Tensor:
    """Reverse mode: cotangent . d tanh(weight x) / dx; weight (H, F), x (F,), cotangent (H,) give (F,)."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = _layer(weight, x)
    return tape.gradient(y, x, output_gradients=cotangent)  # (F,)


def jacobian_vector_product(weight: tf.Tensor, x: tf.Tensor, tangent: tf.Tensor) -> tf.Tensor:
    """Forward mode: d tanh(weight x) / dx . tangent; weight (H, F), x (F,), tangent (F,) give (H,)."""
    with tf.autodiff.ForwardAccumulator(x, tangent) as accumulator:
        y = _layer(weight, x)
    return accumulator.jvp(y)  # (H,)


def jacobian(weight: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The whole matrix d tanh(weight x) / dx; weight (H, F), x (F,) give (H, F)."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = _layer(weight, x)
    return tape.jacobian(y, x)  # (H, F)


def hessian(x: tf.Tensor) -> tf.Tensor:
    """Second derivatives (F, F) of Rosenbrock's function, sum 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = _rosenbrock(x)
        slope = inner.gradient(y, x)
    return outer.jacobian(slope, x)  # (F, F)


def hessian_vector_product(x: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    """The Hessian of Rosenbrock's function times a vector (F,), forward over reverse, without the matrix."""
    with tf.autodiff.ForwardAccumulator(x, vector) as accumulator:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = _rosenbrock(x)
        slope = tape.gradient(y, x)
    return accumulator.jvp(slope)  # (F,)


def second_order(x: tf.Tensor) -> tf.Tensor:
    """The second derivative of x sin(x) at each element: 2 cos(x) - x sin(x)."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = x * tf.sin(x)
        first = inner.gradient(y, x)  # differs: X-create-graph the outer tape records this too
    return outer.gradient(first, x)


def nth_derivative(x: tf.Tensor, order: int) -> tf.Tensor:
    """The derivative of this order, at each element, of x exp(x): (x + order) exp(x).

    Raises:
        ValueError: the order is negative.
    """
    if order < 0:
        raise ValueError(f"order {order}: expected 0 or more")
    if order == 0:
        return x * tf.exp(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = nth_derivative(x, order - 1)
    return tape.gradient(y, x)


def gradient_penalty(x: tf.Tensor, weight: tf.Tensor, readout: tf.Tensor) -> tf.Tensor:
    """How far the critic readout . tanh(weight x) is from having slope 1: mean of (|d critic / dx| - 1)^2.

    Where the slope is 0, the gradient of its norm is taken as 0.

    Args:
        x: (N, F).
        weight: (H, F).
        readout: (H,).

    Returns:
        The mean over the N rows, of shape ().

    Source:
        Gulrajani et al. 2017, Improved Training of Wasserstein GANs, equation 3, without its factor.
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        critic = tf.linalg.matvec(tf.tanh(tf.matmul(x, weight, transpose_b=True)), readout)  # (N,)
    slope = tape.gradient(critic, x)  # (N, F)
    square = tf.reduce_sum(slope * slope, axis=1)  # (N,)
    flat = square == 0
    # differs: D205 the gradient of tf.norm at 0 is NaN
    norm = tf.where(flat, 0, tf.sqrt(tf.where(flat, 1, square)))  # (N,)
    return tf.reduce_mean(tf.square(norm - 1))  # ()


# --- where there is no gradient -----------------------------------------------------------------------------


def unused_input(x: tf.Tensor, unused: tf.Tensor) -> UnusedInput:
    """The gradients of sum(x^2) by x, and by a tensor that takes no part: zeros."""
    with tf.GradientTape() as tape:
        tape.watch((x, unused))
        y = tf.reduce_sum(x * x)
    # differs: D212 None otherwise
    found = tape.gradient(y, (x, unused), unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return UnusedInput(*found)


def integer_input(x: tf.Tensor) -> tf.Tensor:
    """The gradient 2 x of sum(x^2), for x of any shape and of a floating type.

    Raises:
        TypeError: x is of an integer or boolean type, by which nothing can be differentiated.
    """
    if not x.dtype.is_floating:  # differs: D215 the gradient would be None
        raise TypeError(f"x is of type {x.dtype.name}: expected a floating type; convert it first")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(x * x)
    return tape.gradient(y, x)


def rounding(x: tf.Tensor) -> tf.Tensor:
    """The gradient of sum(round(x)): zeros, for it is constant between its jumps."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.round(x))
    # differs: D211 no gradient is registered: None otherwise
    return tape.gradient(y, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def straight_through(x: tf.Tensor) -> tf.Tensor:
    """The gradient of sum(round(x)^2) with rounding passed as if it were the identity: 2 round(x).

    Halves round to the even neighbour.

    Source:
        Bengio, Leonard, Courville 2013, Estimating or Propagating Gradients Through Stochastic Neurons.
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        rounded = x + tf.stop_gradient(tf.round(x) - x)
        y = tf.reduce_sum(rounded * rounded)
    return tape.gradient(y, x)


def double_where(x: tf.Tensor) -> tf.Tensor:
    """The gradient of sum(sqrt(max(x, 0))): 1 / (2 sqrt(x)) where x > 0, and 0 elsewhere.

    A single `where`, around the root, would give NaN for x <= 0: 0 times the slope of the other branch.
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        positive = x > 0
        root = tf.sqrt(tf.where(positive, x, 1))
        y = tf.reduce_sum(tf.where(positive, root, 0))
    return tape.gradient(y, x)


# --- rules of one's own, and what a pass costs --------------------------------------------------------------


@tf.custom_gradient
def _log1p_exp(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    def backward(upstream: tf.Tensor) -> tf.Tensor:
        return upstream * tf.sigmoid(x)

    return tf.maximum(x, 0) + tf.math.log1p(tf.exp(-tf.abs(x))), backward


def log1p_exp(x: tf.Tensor) -> tf.Tensor:
    """log(1 + exp(x)) at each element, with the rule sigmoid(x) of its own: neither overflows."""
    return _log1p_exp(x)


def gradient_reversal(x: tf.Tensor, strength: float) -> tf.Tensor:
    """The identity, whose gradient is multiplied by -strength on the way back.

    Source:
        Ganin, Lempitsky 2015, Unsupervised Domain Adaptation by Backpropagation, section 3.2.
    """

    @tf.custom_gradient
    def reversal(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return tf.identity(x), lambda upstream: -strength * upstream

    return reversal(x)


def checkpointed(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """The gradient by weight of sum(tanh(weight tanh(weight x))), its activations computed again going back.

    Args:
        x: (F,).
        weight: (F, F).

    Returns:
        (F, F), the same as without recomputation, for less memory and one more forward pass.

    Source:
        Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost.
    """
    layer = tf.recompute_grad(_layer)
    with tf.GradientTape() as tape:
        tape.watch(weight)
        hidden = layer(weight, x)  # (F,)
        y = tf.reduce_sum(layer(weight, hidden))
    return tape.gradient(y, weight)


def per_example_gradients(x: tf.Tensor, targets: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """The gradient by weight of each example's loss (x . weight - target)^2 / 2, not summed over the batch.

    Args:
        x: (N, F).
        targets: (N,).
        weight: (F,).

    Returns:
        (N, F).
    """

    def gradient(batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        example, target = batch
        with tf.GradientTape() as tape:
            tape.watch(weight)
            loss = tf.square(tf.tensordot(example, weight, axes=1) - target) / 2  # ()
        return tape.gradient(loss, weight)  # (F,)

    return tf.vectorized_map(gradient, (x, targets))  # (N, F)


def trace_of_inverse(matrix: tf.Tensor) -> tf.Tensor:
    """The gradient of trace(matrix^-1), which is -(matrix^-2) transposed, for each matrix (..., F, F).

    Raises:
        ValueError: a matrix is singular or holds NaN.
    """
    with tf.GradientTape() as tape:
        tape.watch(matrix)
        try:
            inverse = tf.linalg.inv(matrix)
            tf.debugging.check_numerics(inverse, "inverse")
        except tf.errors.InvalidArgumentError as error:  # differs: X-singular-inverse
            raise ValueError("a matrix is singular or holds NaN: expected invertible matrices") from error
        y = tf.reduce_sum(tf.linalg.trace(inverse))
    return tape.gradient(y, matrix)
