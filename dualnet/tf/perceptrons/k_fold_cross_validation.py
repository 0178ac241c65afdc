"""K-fold cross-validation, in TensorFlow.

    for each fold: train on all others, measure on it;  the score is the mean over the folds

The model here is a ridge regression: its training is one solution of linear equations.

Source: Stone (1974); Dive into Deep Learning, sections 3.6.4 and 5.7.
On this side a tensor is split into parts whose sizes are told.
"""

import tensorflow as tf

from dualnet.concepts.perceptrons.k_fold_cross_validation import Fold, Scores, check_folds

__all__ = ["cross_validation", "fold"]


def fold(order: tf.Tensor, k: int, index: int) -> Fold:
    """Which rows train and which validate, when one fold is left out.

    Args:
        order: (N,) int64, the rows, shuffled.
        k: how many folds.
        index: the fold that validates, from 0.

    Raises:
        ValueError: there is no row for each fold, or only one fold.
        IndexError: no such fold.
    """
    check_folds(len(order), k)
    sizes = [len(order) // k + (part < len(order) % k) for part in range(k)]
    parts = tf.split(order, sizes)  # differs: X-uneven-split
    validation = parts.pop(index)
    return Fold(tf.concat(parts, axis=0), validation)


def cross_validation(features: tf.Tensor, targets: tf.Tensor, order: tf.Tensor, k: int, penalty: float) -> Scores:
    """The errors of a ridge regression, trained k times.

    Args:
        features: (N, F).
        targets: (N,).
        order: (N,) int64, the rows, shuffled.
        k: how many folds.
        penalty: on the sum of squared weights; the bias has none.

    Raises:
        ValueError: there is no row for each fold, or only one fold.
    """
    rows = tf.concat([features, tf.ones_like(features[:, :1])], axis=1)  # N F+1
    penalties = tf.linalg.diag(tf.constant([penalty] * features.shape[1] + [0.0], features.dtype))
    errors: tuple[list[tf.Tensor], list[tf.Tensor]] = [], []
    for index in range(k):
        parts = fold(order, k, index)
        x, y = tf.gather(rows, parts.train), tf.gather(targets, parts.train)
        weights = tf.linalg.solve(tf.transpose(x) @ x + penalties, tf.transpose(x) @ y[:, None])  # F+1 1
        for kind, part in zip(errors, parts, strict=True):
            gaps = (tf.gather(rows, part) @ weights)[:, 0] - tf.gather(targets, part)
            kind.append(tf.sqrt(tf.reduce_mean(tf.square(gaps))))
    return Scores(*map(tf.stack, errors))
