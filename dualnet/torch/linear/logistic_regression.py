"""Binary logistic regression in PyTorch.

    score = features @ weight + bias
    probability of label 1 = sigmoid(score) = exp(score) / (exp(0) + exp(score))

The models return the logits (0, score): their softmax is the sigmoid, and label 1 wins where the score is above 0.
The cost is summed over the rows, not averaged.

Source: Raschka, deeplearning-models, logistic regression; Bishop (2006), sections 4.3.2 and 4.3.3.
On this side a dense layer must be told the size of its input, and keeps its weight as (outputs, inputs).
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.linear.logistic_regression import LogisticParameters

__all__ = [
    "LogisticRegression",
    "LogisticRegressionScratch",
    "binary_cross_entropy",
    "manual_gradients",
    "manual_training",
    "summed_cross_entropy",
]


def binary_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Minus the log-probability of the labels, summed: log(1 + exp(-score)) for label 1, log(1 + exp(score)) for 0.

    Args:
        logits: (N, 2), finite; the score is their difference.
        labels: (N,) int64, 0 or 1.

    Returns:
        (), in nats.

    Raises:
        ValueError: not one label for each row of two logits.
        IndexError: a label is neither 0 nor 1.
    """
    _check_labels(logits, labels)
    score = logits[:, 1] - logits[:, 0]  # N
    return torch.logaddexp(torch.where(labels == 1, -score, score), torch.zeros_like(score)).sum()  # differs: D190


def summed_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The same by the built-in cross entropy of two classes.

    Args:
        logits: (N, 2).
        labels: (N,) int64, 0 or 1.

    Returns:
        (), in nats.

    Raises:
        ValueError: not one label for each row of two logits.
        IndexError: a label is neither 0 nor 1.
    """
    _check_labels(logits, labels)
    return F.cross_entropy(logits, labels, reduction="sum")


def manual_gradients(
    features: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> LogisticParameters:
    """The gradient of the summed cross entropy, by hand: features.T @ (sigmoid(score) - labels).

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        weight: (F, 1).
        bias: (1,).

    Returns:
        weight (F, 1) and bias (1,), per unit of each parameter.
    """
    targets = labels.to(features.dtype)[:, None]  # N 1
    errors = torch.sigmoid(features @ weight + bias) - targets  # N 1
    return LogisticParameters(weight=features.T @ errors, bias=errors.sum(dim=0))


def manual_training(
    features: torch.Tensor, labels: torch.Tensor, learning_rate: float, steps: int
) -> LogisticParameters:
    """Gradient descent by hand, from parameters of 0, all rows at each step.

    Args:
        features: (N, F).
        labels: (N,) int64, 0 or 1.
        learning_rate: per step.
        steps: how many.

    Returns:
        weight (F, 1) and bias (1,).
    """
    weight, bias = features.new_zeros(features.shape[1], 1), features.new_zeros(1)  # F 1 and 1
    for _ in range(steps):
        gradients = manual_gradients(features, labels, weight, bias)
        weight, bias = weight - learning_rate * gradients.weight, bias - learning_rate * gradients.bias
    return LogisticParameters(weight, bias)


def _check_labels(logits: torch.Tensor, labels: torch.Tensor) -> None:
    if logits.shape[1:] != (2,) or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"labels {tuple(labels.shape)} and logits {tuple(logits.shape)}: expected one label for each row of two"
        )
    wrong = (labels < 0) | (labels > 1)  # N
    if wrong.any():  # differs: D154
        raise IndexError(f"label {labels[wrong][0]}: expected 0 or 1")


class LogisticRegressionScratch(nn.Module):
    """Logistic regression from tensors: to be trained with `binary_cross_entropy`.

    Args:
        num_features: numbers in a row.

    Input shape: (N, num_features).
    Output shape: (N, 2), logits, the first one 0.
    """

    def __init__(self, *, num_features: int = 2) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_features, 1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of rows."""
        score = features @ self.weight + self.bias  # N 1
        return torch.cat([torch.zeros_like(score), score], dim=1)  # N 2


class LogisticRegression(nn.Module):
    """Logistic regression as a dense layer: to be trained with `summed_cross_entropy`.

    Args:
        num_features: numbers in a row.

    Input shape: (N, num_features).
    Output shape: (N, 2), logits, the first one 0.
    """

    def __init__(self, *, num_features: int = 2) -> None:
        super().__init__()
        self.linear = nn.Linear(num_features, 1)
        nn.init.zeros_(self.linear.weight)  # differs: D051
        nn.init.zeros_(self.linear.bias)  # differs: D052

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of rows."""
        score = self.linear(features)  # N 1
        return torch.cat([torch.zeros_like(score), score], dim=1)  # N 2
