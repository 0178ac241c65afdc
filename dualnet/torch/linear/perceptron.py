"""Rosenblatt's perceptron, in PyTorch.

    prediction = 1 if features @ weight + bias > 0, else 0
    weight, bias += (label - prediction) * (row, 1)

No gradient is involved: a step function has none. What the prediction is at exactly 0 is a convention; starting
from 0, it decides the very first update. A comparison gives booleans, which are cast before they are subtracted.
"""

import torch

from dualnet.concepts.linear.perceptron import Convergence, PerceptronParameters, PerceptronRun

__all__ = ["convergence", "convergence_bound", "margin", "perceptron_train", "perceptron_update", "predict"]


def predict(
    features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, positive_at_zero: bool = False
) -> torch.Tensor:
    """Label 1 on the positive side of the hyperplane, 0 on the other.

    Args:
        features: (..., F).
        weight: (F,).
        bias: ().
        positive_at_zero: whether a row on the hyperplane itself gets label 1.

    Returns:
        (...), int64.
    """
    score = (features * weight).sum(dim=-1) + bias  # ...
    return (score >= 0 if positive_at_zero else score > 0).to(torch.int64)


def perceptron_update(
    weight: torch.Tensor, bias: torch.Tensor, row: torch.Tensor, label: torch.Tensor, positive_at_zero: bool = False
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
    error = (label - predict(row, weight, bias, positive_at_zero)).to(row.dtype)  # () -1, 0 or 1
    return PerceptronParameters(weight + error * row, bias + error)


def perceptron_train(
    features: torch.Tensor, labels: torch.Tensor, epochs: int, positive_at_zero: bool = False
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
    weight, bias = features.new_zeros(features.shape[1]), features.new_zeros(())  # F and ()
    mistakes = torch.zeros((), dtype=torch.int64)
    for _ in range(epochs):
        for row, label in zip(features, labels, strict=True):
            mistakes = mistakes + torch.abs(label - predict(row, weight, bias, positive_at_zero))
            weight, bias = perceptron_update(weight, bias, row, label, positive_at_zero)
    return PerceptronRun(weight, bias, mistakes)


def margin(features: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
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
    signs = (2 * labels - 1).to(features.dtype)  # N, -1 or 1
    distances = signs * ((features * weight).sum(dim=-1) + bias)  # N
    return distances.amin() / torch.sqrt((weight * weight).sum() + bias * bias)


def convergence_bound(
    features: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
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
    bound = ((features * features).sum(dim=-1) + 1).amax() / (gap * gap)
    return torch.where(gap > 0, bound, torch.full_like(bound, torch.inf))


def convergence(
    features: torch.Tensor,
    labels: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
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
    return Convergence(mistakes, bound, mistakes.to(bound.dtype) <= bound)


def _check_labels(features: torch.Tensor, labels: torch.Tensor) -> None:
    if labels.shape != features.shape[:1]:
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of {tuple(features.shape)}")
    wrong = (labels < 0) | (labels > 1)  # N
    if wrong.any():
        raise ValueError(f"label {labels[wrong][0]}: expected 0 or 1")
