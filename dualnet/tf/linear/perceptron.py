"""Rosenblatt's perceptron, in TensorFlow.

    prediction = 1 if features @ weight + bias > 0, else 0
    weight, bias += (label - prediction) * (row, 1)

No gradient is involved: a step function has none. What the prediction is at exactly 0 is a convention; starting
from 0, it decides the very first update. A comparison gives booleans, which are cast before they are subtracted.
"""

import tensorflow as tf

from dualnet.concepts.linear.perceptron import Convergence, PerceptronParameters, PerceptronRun

__all__ = ["convergence", "convergence_bound", "margin", "perceptron_train", "perceptron_update", "predict"]


def predict(features: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, positive_at_zero: bool = False) -> tf.Tensor:
    """Label 1 on the positive side of the hyperplane, 0 on the other.

    Args:
        features: (..., F).
        weight: (F,).
        bias: ().
        positive_at_zero: whether a row on the hyperplane itself gets label 1.

    Returns:
        (...), int64.
    """
    score = tf.reduce_sum(features * weight, axis=-1) + bias  # ...
    return tf.cast(score >= 0 if positive_at_zero else score > 0, tf.int64)


def perceptron_update(
    weight: tf.Tensor, bias: tf.Tensor, row: tf.Tensor, label: tf.Tensor, positive_at_zero: bool = False
) -> PerceptronParameters:
    """The parameters after one row: unchanged if its prediction is right, else moved by the row and by 1.

    Args:
        weight: (F,).
        bias: ().
        row: (F,).
        label: () int64, 0 or 1.
        positive_at_zero: see `predict`.

    Returns:
        weight (F,) and bias ().
    """
    error = tf.cast(label - predict(row, weight, bias, positive_at_zero), row.dtype)  # () -1, 0 or 1
    return PerceptronParameters(weight + error * row, bias + error)


def perceptron_train(
    features: tf.Tensor, labels: tf.Tensor, epochs: int, positive_at_zero: bool = False
) -> PerceptronRun:
    """Update by each row in turn, several times over, starting from 0.

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        epochs: how often all rows are gone through.
        positive_at_zero: see `predict`.

    Returns:
        weight (F,), bias () and the number of wrong predictions on the way, int64.

    Raises:
        ValueError: not one label for each row, or a label is neither 0 nor 1.
    """
    _check_labels(features, labels)
    weight, bias = tf.zeros(features.shape[1], features.dtype), tf.zeros((), features.dtype)  # F and ()
    mistakes = tf.zeros((), tf.int64)
    for _ in range(epochs):
        for row, label in zip(features, labels, strict=True):
            mistakes = mistakes + tf.abs(label - predict(row, weight, bias, positive_at_zero))
            weight, bias = perceptron_update(weight, bias, row, label, positive_at_zero)
    return PerceptronRun(weight, bias, mistakes)


def margin(features: tf.Tensor, labels: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """The smallest signed distance of the rows (x, 1) to the hyperplane through 0 that is normal to (weight, bias).

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        weight: (F,).
        bias: ().

    Returns:
        (): above 0 if and only if all rows are on their side; NaN if weight and bias are all 0.

    Raises:
        ValueError: no rows, not one label for each, or a label is neither 0 nor 1.
    """
    _check_labels(features, labels)
    if not len(features):  # differs: X-minimum-of-nothing
        raise ValueError("features: expected at least one row")
    signs = tf.cast(2 * labels - 1, features.dtype)  # N, -1 or 1
    distances = signs * (tf.reduce_sum(features * weight, axis=-1) + bias)  # N
    return tf.reduce_min(distances) / tf.sqrt(tf.reduce_sum(weight * weight) + bias * bias)


def convergence_bound(features: tf.Tensor, labels: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Novikoff's bound on the mistakes of any training: (R / margin)^2, R being the length of the longest row (x, 1).

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        weight: (F,), of any hyperplane; the one with the largest margin gives the best bound.
        bias: ().

    Returns:
        (): infinity if this hyperplane does not separate the rows.

    Raises:
        ValueError: as `margin`.
    """
    gap = margin(features, labels, weight, bias)  # ()
    bound = tf.reduce_max(tf.reduce_sum(features * features, axis=-1) + 1) / (gap * gap)
    return tf.where(gap > 0, bound, tf.constant(float("inf"), bound.dtype))


def convergence(
    features: tf.Tensor,
    labels: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    epochs: int,
    positive_at_zero: bool = False,
) -> Convergence:
    """Train, and hold the mistakes against the bound that a known hyperplane gives.

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        weight: (F,), of the known hyperplane.
        bias: ().
        epochs: how often all rows are gone through.
        positive_at_zero: see `predict`.

    Returns:
        mistakes () int64, bound (), and whether there were no more mistakes than that, () bool.

    Raises:
        ValueError: as `margin`.
    """
    bound = convergence_bound(features, labels, weight, bias)
    mistakes = perceptron_train(features, labels, epochs, positive_at_zero).mistakes
    return Convergence(mistakes, bound, tf.cast(mistakes, bound.dtype) <= bound)


def _check_labels(features: tf.Tensor, labels: tf.Tensor) -> None:
    if labels.shape != features.shape[:1]:
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of {tuple(features.shape)}")
    wrong = (labels < 0) | (labels > 1)  # N
    if tf.reduce_any(wrong):
        raise ValueError(f"label {labels[wrong][0]}: expected 0 or 1")
