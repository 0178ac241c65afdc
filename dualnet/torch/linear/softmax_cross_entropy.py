"""Softmax and cross entropy, in PyTorch.

Classes are on the last axis; where there are more axes than two, F.cross_entropy wants them on axis 1. It takes
logits, averages unless told otherwise, and ignores label -100.
"""

import torch
from torch.nn import functional as F

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


def naive_softmax(logits: torch.Tensor) -> torch.Tensor:
    """Softmax over the last axis as it is defined: NaN once exp overflows, or once all of a row underflows.

    Args:
        logits: (..., K); exp overflows above 709 in float64 and above 88 in float32.
    """
    exponentials = torch.exp(logits)
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


def naive_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
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
    return -torch.log(naive_softmax(logits).gather(1, labels[:, None]))[:, 0]  # differs: D250, N


# --- what does not ------------------------------------------------------------------------------------------


def log_sum_exp(logits: torch.Tensor) -> torch.Tensor:
    """log(sum(exp(logits))) over the last axis, with the largest logit taken out before exp.

    Args:
        logits: (..., K).

    Returns:
        (...), minus infinity for K = 0.
    """
    return torch.logsumexp(logits, dim=-1)


def log_softmax(logits: torch.Tensor) -> torch.Tensor:
    """The logarithm of the softmax over the last axis: logits - log_sum_exp(logits)."""
    return logits - log_sum_exp(logits)[..., None]


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Softmax over the last axis, without overflow: exp(log_softmax(logits))."""
    return torch.exp(log_softmax(logits))


# --- one label for each row ---------------------------------------------------------------------------------


def cross_entropy_from_logits(logits: torch.Tensor, labels: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
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
    return _reduced(F.cross_entropy(logits, labels, reduction="none"), reduction)


def cross_entropy_along_axis(
    logits: torch.Tensor, labels: torch.Tensor, axis: int = 1, reduction: str = "mean"
) -> torch.Tensor:
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
    logits = logits.movedim(axis, 1)  # N K ...  # differs: D029
    _check_labels(logits.movedim(1, -1), labels)
    return _reduced(F.cross_entropy(logits, labels, reduction="none"), reduction)


def cross_entropy_from_probabilities(
    probabilities: torch.Tensor, labels: torch.Tensor, reduction: str = "mean"
) -> torch.Tensor:
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
    chosen = probabilities.gather(1, labels[:, None])[:, 0]  # N
    return _reduced(-torch.log(chosen), reduction)  # differs: D121, D122


def cross_entropy_weighted(
    logits: torch.Tensor, labels: torch.Tensor, class_weights: torch.Tensor, divisor: str = "weights"
) -> torch.Tensor:
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
    weights = class_weights[labels]  # N
    total = F.cross_entropy(logits, labels, class_weights, reduction="sum")
    if divisor == "weights":
        return total / weights.sum()  # differs: D127
    if divisor == "rows":
        return total / len(logits)
    raise ValueError(f"divisor {divisor!r}: expected weights or rows")


def cross_entropy_ignoring(logits: torch.Tensor, labels: torch.Tensor, ignored: int = -1) -> torch.Tensor:
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
    _check_labels(logits, torch.where(kept, labels, torch.zeros_like(labels)))
    total = F.cross_entropy(logits, labels, ignore_index=ignored, reduction="sum")
    return total / kept.sum().clamp(min=1)  # differs: D128, D129


def cross_entropy_smoothed(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
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
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)  # differs: X-smoothing


# --- a distribution for each row ----------------------------------------------------------------------------


def cross_entropy_of_distributions(
    logits: torch.Tensor, targets: torch.Tensor, reduction: str = "mean"
) -> torch.Tensor:
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
    return _reduced(F.cross_entropy(logits, targets, reduction="none"), reduction)  # differs: X-target-sum


def kl_divergence(targets: torch.Tensor, probabilities: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
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
    ones = torch.ones_like(targets)
    difference = torch.log(torch.where(possible, targets, ones)) - torch.log(torch.where(possible, probabilities, ones))
    return _reduced((targets * difference).sum(dim=-1), reduction)  # differs: D133, D134


def binary_cross_entropy_from_logits(
    logits: torch.Tensor, targets: torch.Tensor, reduction: str = "mean"
) -> torch.Tensor:
    """Cross entropy of two classes, the probability of one being sigmoid(logit).

    Args:
        logits: any shape, finite.
        targets: the same shape: probabilities of that class, mostly 0 or 1.
        reduction: "none", "sum" or "mean" of all elements.

    Raises:
        ValueError: the shapes differ, or no such reduction.
    """
    _check_same_shape(logits, targets)
    zero = torch.zeros_like(logits)
    losses = targets * torch.logaddexp(-logits, zero) + (1 - targets) * torch.logaddexp(logits, zero)
    return _reduced(losses, reduction)  # differs: D132, X-binary-tails


# --- checks -------------------------------------------------------------------------------------------------


def _reduced(losses: torch.Tensor, reduction: str) -> torch.Tensor:
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.mean()
    raise ValueError(f"reduction {reduction!r}: expected none, sum or mean")


def _check_axis(logits: torch.Tensor, axis: int) -> None:
    rank = logits.dim()
    if rank < 2:
        raise ValueError(f"logits {tuple(logits.shape)}: expected at least two axes, rows and classes")
    if not -rank <= axis < rank:  # differs: X-axis-error
        raise IndexError(f"axis {axis}: expected one in [{-rank}, {rank})")


def _check_labels(logits: torch.Tensor, labels: torch.Tensor) -> None:
    classes = logits.shape[-1]
    if labels.shape != logits.shape[:-1]:
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of {tuple(logits.shape)}")
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():  # differs: D154
        raise IndexError(f"label {labels[wrong][0]}: expected integers in [0, {classes})")


def _check_same_shape(first: torch.Tensor, second: torch.Tensor) -> None:
    if first.shape != second.shape:
        raise ValueError(f"shapes {tuple(first.shape)} and {tuple(second.shape)}: expected the same")
