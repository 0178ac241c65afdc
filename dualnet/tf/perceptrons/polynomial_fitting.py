"""Polynomial curve fitting, in TensorFlow.

    y = sum over i of c_i x^i / i!

Divided by i!, high powers do not overflow; they are still so much alike that rounding decides many coefficients.

Source: Dive into Deep Learning (Chinese edition), section 4.4.4.
On this side a product of matrix and vector is a function of its own, and so is a transposed matrix.
"""

import tensorflow as tf

from dualnet.concepts.perceptrons.polynomial_fitting import Descent, check_points

__all__ = ["closed_form", "descent", "polynomial_features"]


def polynomial_features(x: tf.Tensor, degree: int) -> tf.Tensor:
    """The terms x^i / i! of a polynomial.

    Args:
        x: (N,).
        degree: of the last term.

    Returns:
        (N, degree + 1).
    """
    terms = [tf.ones_like(x)]
    for order in range(1, degree + 1):
        terms.append(terms[-1] * x / order)  # N
    return tf.stack(terms, axis=1)


def descent(x: tf.Tensor, targets: tf.Tensor, degree: int, learning_rate: float, steps: int) -> Descent:
    """Gradient descent on the mean squared error, from coefficients of 0, all points at each step.

    Args:
        x: (N,).
        targets: (N,).
        degree: of the polynomial.
        learning_rate: per step.
        steps: how many.
    """
    features = polynomial_features(x, degree)  # N P
    coefficients = tf.zeros(degree + 1, features.dtype)
    course, losses = [coefficients], []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(coefficients)
            loss = tf.reduce_mean(tf.square(tf.linalg.matvec(features, coefficients) - targets))
        slope = tape.gradient(loss, coefficients)
        coefficients = coefficients - learning_rate * slope
        course.append(coefficients)
        losses.append(loss)
    return Descent(tf.stack(course), tf.convert_to_tensor(losses, features.dtype))


def closed_form(x: tf.Tensor, targets: tf.Tensor, degree: int) -> tf.Tensor:
    """The coefficients of the least mean squared error.

    Args:
        x: (N,).
        targets: (N,).
        degree: of the polynomial, less than N.

    Returns:
        (degree + 1,).

    Raises:
        ValueError: there are too few points, or another number of targets.
    """
    check_points(x.shape, targets.shape, degree)
    features = polynomial_features(x, degree)  # N P
    lengths = tf.sqrt(tf.reduce_sum(tf.square(features), axis=0))  # P
    q, r = tf.linalg.qr(features / lengths)  # differs: D266
    scaled = tf.linalg.triangular_solve(r, tf.transpose(q) @ targets[:, None], lower=False)[:, 0]  # P
    return scaled / lengths
