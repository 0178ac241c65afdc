"""Distribution shift and its correction, in PyTorch.

    covariate shift (other x):  weight a row by p(x) / q(x), the odds that a classifier gives it to be one met later
    label shift (other y):      predicted shares = confusion matrix @ true shares, solved for the true ones
    concept shift (other y of the same x): no weight corrects it; the model has to learn on

Source: Dive into Deep Learning, section 4.7; Lipton, Wang, Smola (2018), section 3.
On this side pairs of labels are counted by bincount.
"""

import torch
from torch.nn import functional as F

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
    source: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    learning_rate: float,
    steps: int,
    limit: float,
) -> torch.Tensor:
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
    rows = torch.cat([source, target])  # N+M F
    later = torch.cat([torch.zeros_like(source[:, 0]), torch.ones_like(target[:, 0])])  # N+M
    for _ in range(steps):
        weight, bias = weight.detach().requires_grad_(), bias.detach().requires_grad_()
        scores = rows @ weight + bias
        loss = F.binary_cross_entropy_with_logits(scores, later)
        by_weight, by_bias = torch.autograd.grad(loss, (weight, bias))
        weight, bias = weight - learning_rate * by_weight, bias - learning_rate * by_bias
    odds = torch.exp(source @ weight.detach() + bias.detach())  # N
    return torch.clamp(odds * len(source) / len(target), max=limit)


def weighted_risk(losses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The mean of losses (N,) times weights (N,): an estimate of the mean loss on rows met later."""
    return (losses * weights).mean()


def covariate_shift_reweighting(features: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The linear regression of the least weighted squared error.

    Args:
        features: (N, F).
        targets: (N,).
        weights: (N,), above 0.

    Returns:
        (F,).
    """
    weighted = features.T * weights  # F N
    return torch.linalg.solve(weighted @ features, weighted @ targets)


# --- label shift --------------------------------------------------------------------------------------------


def confusion_matrix(predictions: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.Tensor:
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
    pairs = torch.bincount(predictions * classes + labels, minlength=classes**2)  # differs: X-confusion-axes
    counts = pairs.reshape(classes, classes).double()  # K K
    if (counts.sum(dim=0) == 0).any():
        raise ValueError(f"labels {labels.tolist()}: expected a row for each of {classes} classes")
    return counts / counts.sum(dim=0)


def label_shift_confusion_matrix(
    confusion: torch.Tensor, predicted_shares: torch.Tensor, source_shares: torch.Tensor
) -> LabelShift:
    """The shares of the classes that lead to these predictions.

    Args:
        confusion: (K, K), see `confusion_matrix`.
        predicted_shares: (K,), of predictions on rows met later.
        source_shares: (K,), of labels among the rows for training.
    """
    target_shares = torch.linalg.solve(confusion, predicted_shares)  # K
    return LabelShift(target_shares, target_shares / source_shares)


# --- concept shift ------------------------------------------------------------------------------------------


def concept_shift_note(
    features: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor, learning_rate: float
) -> Drift:
    """A linear regression on a stream whose relation may change: kept as it is, and learning on.

    Args:
        features: (N, F), in the order in which rows come.
        targets: (N,).
        weight: (F,), at first.
        learning_rate: per row.
    """
    frozen = (features @ weight - targets).square()  # N
    followed = []
    for row, target in zip(features, targets, strict=True):
        error = row @ weight - target
        followed.append(error.square())
        weight = weight - learning_rate * 2 * error * row  # F
    return Drift(frozen, torch.stack(followed))
