"""Model selection, in TensorFlow.

    complexity too low: both errors are high;  too high for the rows there are: only the error of training is low

The Vapnik-Chervonenkis dimension of a class of models is the largest number of points that it can label in every
way: 3 for lines in a plane, of 4 points some labelings (exclusive or) always fail.

Source: Dive into Deep Learning, section 3.6.
On this side a tensor is split by a function, and rows are gathered.
"""

import tensorflow as tf

from dualnet.concepts.perceptrons.model_selection import Curves, Split, check_sizes
from dualnet.tf.perceptrons.polynomial_fitting import polynomial_features

__all__ = ["learning_curves", "separable_labelings", "split"]


def split(order: tf.Tensor, sizes: tuple[int, int, int]) -> Split:
    """Rows for training, for validation and for testing.

    Args:
        order: (N,) int64, the rows, shuffled.
        sizes: how many of each kind.

    Raises:
        ValueError: the sizes do not add up to N.
    """
    check_sizes(len(order), sizes)
    return Split(*tf.split(order, sizes))  # differs: D273


def learning_curves(
    x: tf.Tensor,
    targets: tf.Tensor,
    train: tf.Tensor,
    validation: tf.Tensor,
    degree: int,
    learning_rate: float,
    steps: int,
) -> Curves:
    """Gradient descent on a polynomial from coefficients of 0, with the errors on both kinds of rows.

    Args:
        x: (N,).
        targets: (N,).
        train: (n,) int64, the rows to train on.
        validation: (m,) int64, rows that are only looked at.
        degree: of the polynomial, its complexity.
        learning_rate: per step.
        steps: how many.
    """
    features = polynomial_features(x, degree)  # N P
    coefficients = tf.zeros(degree + 1, features.dtype)
    errors: tuple[list[tf.Tensor], list[tf.Tensor]] = [], []
    for _ in range(steps + 1):
        with tf.GradientTape() as tape:
            tape.watch(coefficients)
            gaps = tf.linalg.matvec(features, coefficients) - targets  # N
            by_kind = [tf.reduce_mean(tf.square(tf.gather(gaps, rows))) for rows in (train, validation)]
        slope = tape.gradient(by_kind[0], coefficients)
        coefficients = coefficients - learning_rate * slope
        for kind, error in zip(errors, by_kind, strict=True):
            kind.append(error)
    return Curves(*map(tf.stack, errors))


def separable_labelings(points: tf.Tensor, steps: int) -> tf.Tensor:
    """Which labelings of some points a line separates: perceptrons that learn all of them at once.

    Args:
        points: (N, 2).
        steps: after which a perceptron that still errs gives up.

    Returns:
        (2 ** N,) bool, for labelings -1 -1 ... -1, -1 -1 ... 1, to 1 1 ... 1.
    """
    rows = tf.concat([points, tf.ones_like(points[:, :1])], axis=1)  # N 3
    grid = tf.meshgrid(*[tf.constant([-1.0, 1.0], points.dtype)] * len(points), indexing="ij")
    signs = tf.reshape(tf.stack(grid, axis=-1), (-1, len(points)))  # L N
    weights = tf.zeros((len(signs), 3), points.dtype)
    for _ in range(steps):
        wrong = tf.cast(signs * (weights @ tf.transpose(rows)) <= 0, points.dtype)  # L N
        weights = weights + (wrong * signs) @ rows  # L 3
    return tf.reduce_all(signs * (weights @ tf.transpose(rows)) > 0, axis=1)
