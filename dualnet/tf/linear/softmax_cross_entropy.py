"""Softmax and cross entropy, in TensorFlow.

Classes are on the last axis. The losses of tf.nn take logits and give one number for each row; those of Keras
average, compute in float32 and clip probabilities, so that none of them is used here.
"""

import tensorflow as tf
from keras import ops

__all__ = [
    "binary_cross_entropy_from_logits",
    "cross_entropy_along_axis",
    "cross_entropy_from_logits",
    "cross_entropy_from_probabilities",
    "cross_entropy_ignoring",
    "cross_entropy_of_distributions",
    "cross_entropy_smoothed",
    "cross_entropy_weighted",
    "kl_divergence",
    "log_softmax",
    "log_sum_exp",
    "naive_cross_entropy",
    "naive_softmax",
    "softmax",
]


# --- what overflows -----------------------------------------------------------------------------------------


def naive_softmax(logits: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis as it is defined: NaN once exp overflows, or once all of a row underflows.

    Args:
        logits: (..., K); exp overflows above 709 in float64 and above 88 in float32.
    """
    exponentials = tf.exp(logits)
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)


def naive_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Minus the logarithm of the naive softmax at the labels: infinity once a probability is rounded to 0.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K).

    Returns:
        (N,), in nats.

    Raises:
        ValueError: not one label for each row.
        IndexError: a label is no class.
    """
    _check_labels(logits, labels)
    return -tf.math.log(tf.gather(naive_softmax(logits), labels, batch_dims=1))  # differs: D250, N


# --- what does not ------------------------------------------------------------------------------------------


def log_sum_exp(logits: tf.Tensor) -> tf.Tensor:
    """log(sum(exp(logits))) over the last axis, with the largest logit taken out before exp.

    Args:
        logits: (..., K).

    Returns:
        (...), minus infinity for K = 0.
    """
    return tf.reduce_logsumexp(logits, axis=-1)


def log_softmax(logits: tf.Tensor) -> tf.Tensor:
    """The logarithm of the softmax over the last axis: logits - log_sum_exp(logits)."""
    return logits - log_sum_exp(logits)[..., None]


def softmax(logits: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis, without overflow: exp(log_softmax(logits))."""
    return tf.exp(log_softmax(logits))


# --- one label for each row ---------------------------------------------------------------------------------


def cross_entropy_from_logits(logits: tf.Tensor, labels: tf.Tensor, reduction: str = "mean") -> tf.Tensor:
    """Minus the log-probability of the labels.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K).
        reduction: "none", "sum" or "mean" of the rows.

    Returns:
        (N,) or (), in nats; the mean of no rows is NaN.

    Raises:
        ValueError: not one label for each row, or no such reduction.
        IndexError: a label is no class.
    """
    _check_labels(logits, labels)
    return _reduced(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), reduction)


def cross_entropy_along_axis(logits: tf.Tensor, labels: tf.Tensor, axis: int = 1, reduction: str = "mean") -> tf.Tensor:
    """Cross entropy of each position, the classes being on any axis.

    Args:
        logits: (N, K, ...), or with K on another axis; at least two axes.
        labels: the logits' shape without the axis; int64 in [0, K).
        axis: the one of size K.
        reduction: "none", "sum" or "mean" of all positions.

    Raises:
        ValueError: not one label for each position, less than two axes, or no such reduction.
        IndexError: a label is no class, or there is no such axis.
    """
    _check_axis(logits, axis)
    logits = ops.moveaxis(logits, axis, -1)  # N ... K  # differs: D029
    _check_labels(logits, labels)
    return _reduced(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), reduction)


def cross_entropy_from_probabilities(probabilities: tf.Tensor, labels: tf.Tensor, reduction: str = "mean") -> tf.Tensor:
    """Minus the logarithm of the probabilities at the labels, neither clipped nor normalised.

    Args:
        probabilities: (N, K), not logits.
        labels: (N,) int64 in [0, K).
        reduction: "none", "sum" or "mean" of the rows.

    Returns:
        (N,) or (), in nats; infinity where a probability is 0.

    Raises:
        ValueError: not one label for each row, or no such reduction.
        IndexError: a label is no class.
    """
    _check_labels(probabilities, labels)
    chosen = tf.gather(probabilities, labels, batch_dims=1)  # N
    return _reduced(-tf.math.log(chosen), reduction)  # differs: D121, D122


def cross_entropy_weighted(
    logits: tf.Tensor, labels: tf.Tensor, class_weights: tf.Tensor, divisor: str = "weights"
) -> tf.Tensor:
    """The sum of the rows' losses, each times the weight of its label, over the sum of these weights or the rows.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K).
        class_weights: (K,).
        divisor: "weights" (a weighted mean) or "rows" (N).

    Returns:
        (), in nats; NaN where the divisor is 0.

    Raises:
        ValueError: not one label for each row or not one weight for each class, or no such divisor.
        IndexError: a label is no class.
    """
    _check_labels(logits, labels)
    if class_weights.shape != logits.shape[1:]:
        raise ValueError(f"class_weights {tuple(class_weights.shape)}: expected one for each class, {logits.shape[1]}")
    weights = tf.gather(class_weights, labels)  # N
    total = tf.reduce_sum(weights * tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    if divisor == "weights":
        return total / tf.reduce_sum(weights)  # differs: D127
    if divisor == "rows":
        return total / tf.cast(tf.shape(logits)[0], total.dtype)
    raise ValueError(f"divisor {divisor!r}: expected weights or rows")


def cross_entropy_ignoring(logits: tf.Tensor, labels: tf.Tensor, ignored: int = -1) -> tf.Tensor:
    """Cross entropy averaged over the rows whose label is not the ignored one.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K), or ignored.
        ignored: the label of rows that count neither in the sum nor in the divisor.

    Returns:
        (), in nats; 0 with gradient 0 if all rows are ignored: padding alone must not end a training.

    Raises:
        ValueError: not one label for each row.
        IndexError: a label is no class and not the ignored one.
    """
    kept = labels != ignored  # N
    labels = tf.where(kept, labels, tf.zeros_like(labels))
    _check_labels(logits, labels)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)  # N
    total = tf.reduce_sum(tf.where(kept, losses, tf.zeros_like(losses)))
    return tf.math.divide_no_nan(total, tf.reduce_sum(tf.cast(kept, total.dtype)))  # differs: D128, D129


def cross_entropy_smoothed(logits: tf.Tensor, labels: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Cross entropy, averaged, with targets of which a part is spread evenly over all K classes.

    Args:
        logits: (N, K), finite.
        labels: (N,) int64 in [0, K).
        smoothing: that part: the target is 1 - smoothing + smoothing / K at the label, smoothing / K elsewhere.

    Raises:
        ValueError: not one label for each row, or the smoothing is outside 0-1.
        IndexError: a label is no class.
    """
    _check_labels(logits, labels)
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing {smoothing}: expected a part between 0 and 1")
    targets = tf.one_hot(labels, logits.shape[1], dtype=logits.dtype)  # N K
    targets = (1 - smoothing) * targets + smoothing / logits.shape[1]
    return cross_entropy_of_distributions(logits, targets)  # differs: X-smoothing


# --- a distribution for each row ----------------------------------------------------------------------------


def cross_entropy_of_distributions(logits: tf.Tensor, targets: tf.Tensor, reduction: str = "mean") -> tf.Tensor:
    """Minus the log-probabilities of the classes, weighted by the targets: one-hot rows or other distributions.

    Args:
        logits: (N, K), finite.
        targets: (N, K); they need not have sum 1.
        reduction: "none", "sum" or "mean" of the rows.

    Returns:
        (N,) or (), in nats.

    Raises:
        ValueError: the shapes differ, or no such reduction.
    """
    _check_same_shape(logits, targets)
    return _reduced(-tf.reduce_sum(targets * log_softmax(logits), axis=-1), reduction)  # differs: X-target-sum


def kl_divergence(targets: tf.Tensor, probabilities: tf.Tensor, reduction: str = "mean") -> tf.Tensor:
    """How many more nats it takes to tell rows of targets with a code made for the probabilities.

    Args:
        targets: (N, K); a class with 0 adds 0, and has gradient 0.
        probabilities: (N, K).
        reduction: "none", "sum" or "mean" of the rows.

    Returns:
        (N,) or (): the sum over the classes of targets * log(targets / probabilities).

    Raises:
        ValueError: the shapes differ, or no such reduction.
    """
    _check_same_shape(targets, probabilities)
    possible = targets > 0  # N K
    ones = tf.ones_like(targets)
    difference = tf.math.log(tf.where(possible, targets, ones)) - tf.math.log(tf.where(possible, probabilities, ones))
    return _reduced(tf.reduce_sum(targets * difference, axis=-1), reduction)  # differs: D133, D134


def binary_cross_entropy_from_logits(logits: tf.Tensor, targets: tf.Tensor, reduction: str = "mean") -> tf.Tensor:
    """Cross entropy of two classes, the probability of one being sigmoid(logit).

    Args:
        logits: any shape, finite.
        targets: the same shape: probabilities of that class, mostly 0 or 1.
        reduction: "none", "sum" or "mean" of all elements.

    Raises:
        ValueError: the shapes differ, or no such reduction.
    """
    _check_same_shape(logits, targets)
    losses = targets * tf.nn.softplus(-logits) + (1 - targets) * tf.nn.softplus(logits)
    return _reduced(losses, reduction)  # differs: D132, X-binary-tails


# --- checks -------------------------------------------------------------------------------------------------


def _reduced(losses: tf.Tensor, reduction: str) -> tf.Tensor:
    if reduction == "none":
        return losses
    if reduction == "sum":
        return tf.reduce_sum(losses)
    if reduction == "mean":
        return tf.reduce_mean(losses)
    raise ValueError(f"reduction {reduction!r}: expected none, sum or mean")


def _check_axis(logits: tf.Tensor, axis: int) -> None:
    rank = logits.shape.rank
    if rank < 2:
        raise ValueError(f"logits {tuple(logits.shape)}: expected at least two axes, rows and classes")
    if not -rank <= axis < rank:  # differs: X-axis-error
        raise IndexError(f"axis {axis}: expected one in [{-rank}, {rank})")


def _check_labels(logits: tf.Tensor, labels: tf.Tensor) -> None:
    classes = logits.shape[-1]
    if not labels.shape.is_compatible_with(logits.shape[:-1]):
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of {tuple(logits.shape)}")
    wrong = (labels < 0) | (labels >= classes)
    if tf.executing_eagerly() and tf.reduce_any(wrong):  # differs: D154, a graph cannot raise
        raise IndexError(f"label {labels[wrong][0]}: expected integers in [0, {classes})")


def _check_same_shape(first: tf.Tensor, second: tf.Tensor) -> None:
    if not first.shape.is_compatible_with(second.shape):
        raise ValueError(f"shapes {tuple(first.shape)} and {tuple(second.shape)}: expected the same")
