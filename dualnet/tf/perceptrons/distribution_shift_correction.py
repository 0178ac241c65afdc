"""Distribution shift and its correction, in TensorFlow.

    covariate shift (other x):  weight a row by p(x) / q(x), the odds that a classifier gives it to be one met later
    label shift (other y):      predicted shares = confusion matrix @ true shares, solved for the true ones
    concept shift (other y of the same x): no weight corrects it; the model has to learn on

Source: Dive into Deep Learning, section 4.7; Lipton, Wang, Smola (2018), section 3.
On this side pairs of labels are counted by a function of its own.
"""

import tensorflow as tf

from dualnet.concepts.perceptrons.distribution_shift_correction import Drift, LabelShift

__all__ = [
    "concept_shift_note",
    "confusion_matrix",
    "covariate_shift_reweighting",
    "importance_weights",
    "label_shift_confusion_matrix",
    "weighted_risk",
]


# --- covariate shift ----------------------------------------------------------------------------------------


def importance_weights(
    source: tf.Tensor,
    target: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    learning_rate: float,
    steps: int,
    limit: float,
) -> tf.Tensor:
    """How much each row for training is worth, by a logistic regression that tells it from rows met later.

    Args:
        source: (N, F), rows for training.
        target: (M, F), rows met later, without labels.
        weight: (F,), of the logistic regression at first.
        bias: (), at first.
        learning_rate: of gradient descent, per step.
        steps: how many.
        limit: the largest weight that a row may have.

    Returns:
        (N,).
    """
    rows = tf.concat([source, target], axis=0)  # N+M F
    later = tf.concat([tf.zeros_like(source[:, 0]), tf.ones_like(target[:, 0])], axis=0)  # N+M
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch((weight, bias))
            scores = tf.linalg.matvec(rows, weight) + bias
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(later, scores))
        by_weight, by_bias = tape.gradient(loss, (weight, bias))
        weight, bias = weight - learning_rate * by_weight, bias - learning_rate * by_bias
    odds = tf.exp(tf.linalg.matvec(source, weight) + bias)  # N
    return tf.minimum(odds * len(source) / len(target), limit)


def weighted_risk(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The mean of losses (N,) times weights (N,): an estimate of the mean loss on rows met later."""
    return tf.reduce_mean(losses * weights)


def covariate_shift_reweighting(features: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The linear regression of the least weighted squared error.

    Args:
        features: (N, F).
        targets: (N,).
        weights: (N,), above 0.

    Returns:
        (F,).
    """
    weighted = tf.transpose(features) * weights  # F N
    return tf.linalg.solve(weighted @ features, weighted @ targets[:, None])[:, 0]


# --- label shift --------------------------------------------------------------------------------------------


def confusion_matrix(predictions: tf.Tensor, labels: tf.Tensor, classes: int) -> tf.Tensor:
    """The share of each prediction among the rows of each label.

    Args:
        predictions: (N,) int64 in [0, K).
        labels: (N,) int64 in [0, K).
        classes: K.

    Returns:
        (K, K) float64: a row for each prediction, a column for each label.

    Raises:
        ValueError: a class has no row.
    """
    counts = tf.math.confusion_matrix(labels, predictions, classes, dtype=tf.float64)  # K K
    counts = tf.transpose(counts)  # differs: X-confusion-axes
    if tf.reduce_any(tf.reduce_sum(counts, axis=0) == 0):
        raise ValueError(f"labels {labels.numpy().tolist()}: expected a row for each of {classes} classes")
    return counts / tf.reduce_sum(counts, axis=0)


def label_shift_confusion_matrix(
    confusion: tf.Tensor, predicted_shares: tf.Tensor, source_shares: tf.Tensor
) -> LabelShift:
    """The shares of the classes that lead to these predictions.

    Args:
        confusion: (K, K), see `confusion_matrix`.
        predicted_shares: (K,), of predictions on rows met later.
        source_shares: (K,), of labels among the rows for training.
    """
    target_shares = tf.linalg.solve(confusion, predicted_shares[:, None])[:, 0]  # K
    return LabelShift(target_shares, target_shares / source_shares)


# --- concept shift ------------------------------------------------------------------------------------------


def concept_shift_note(features: tf.Tensor, targets: tf.Tensor, weight: tf.Tensor, learning_rate: float) -> Drift:
    """A linear regression on a stream whose relation may change: kept as it is, and learning on.

    Args:
        features: (N, F), in the order in which rows come.
        targets: (N,).
        weight: (F,), at first.
        learning_rate: per row.
    """
    frozen = tf.square(tf.linalg.matvec(features, weight) - targets)  # N
    followed = []
    for row, target in zip(features, targets, strict=True):
        error = tf.reduce_sum(row * weight) - target
        followed.append(tf.square(error))
        weight = weight - learning_rate * 2 * error * row  # F
    return Drift(frozen, tf.stack(followed))
