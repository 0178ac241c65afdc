"""Linear regression in PyTorch.

    prediction = features @ weight + bias

The weights are found by stochastic gradient descent, from scratch or with the framework's own parts. They are
also known in closed form, and under Gaussian noise they are the most likely ones.

Source: Dive into Deep Learning, sections 3.1, 3.4 and 3.5; Bishop (2006), section 3.1.1.
On this side a dense layer must be told the size of its input, and keeps its weight as (outputs, inputs).
"""

import math

import torch
from torch import nn

from dualnet.concepts.linear.linear_regression import LeastSquares

__all__ = [
    "LinearRegression",
    "LinearRegressionScratch",
    "negative_log_likelihood",
    "normal_equation",
    "sgd_step",
    "squared_loss",
]


def squared_loss(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Half the squared error, averaged over the batch.

    The built-in losses have no factor 1/2: by this one, the same learning rate takes half the step.

    Args:
        predictions: (N, 1).
        targets: (N, 1).

    Returns:
        (), in squared units of the targets; NaN for an empty batch.

    Raises:
        ValueError: the shapes differ.
    """
    if predictions.shape != targets.shape:  # differs: D126
        raise ValueError(f"targets {tuple(targets.shape)}: expected the predictions' {tuple(predictions.shape)}")
    return torch.mean(torch.square(predictions - targets) / 2)


def negative_log_likelihood(predictions: torch.Tensor, targets: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Minus the log-density of the targets, Gaussian around the predictions, averaged over the batch.

    Only the squared loss depends on the predictions: the most likely weights are also its minimum.

    Args:
        predictions: (N, 1).
        targets: (N, 1).
        sigma: (), the standard deviation of the noise, above 0.

    Returns:
        (), in nats; NaN for an empty batch.

    Raises:
        ValueError: the shapes of predictions and targets differ.
    """
    log_normalizer = torch.log(sigma) + math.log(2 * math.pi) / 2
    return squared_loss(predictions, targets) / torch.square(sigma) + log_normalizer


def normal_equation(features: torch.Tensor, targets: torch.Tensor) -> LeastSquares:
    """Least squares in closed form: X^T X solution = X^T targets, X being the features and a column of 1.

    Args:
        features: (N, F).
        targets: (N, 1).

    Returns:
        weight (F, 1) and bias (1,).

    Raises:
        ValueError: a feature is not finite, or the columns of X are linearly dependent: many solutions are
            equally good.
    """
    design = torch.cat([features, torch.ones_like(features[:, :1])], dim=1)  # N F+1
    if not torch.isfinite(design).all():  # differs: X-svd-not-finite
        raise ValueError("features: expected finite numbers, some are infinite or not a number")
    if (rank := torch.linalg.matrix_rank(design)) < design.shape[1]:
        raise ValueError(
            f"features {tuple(features.shape)}: with the column of 1, expected {design.shape[1]} linearly "
            f"independent columns, found {rank}: remove the redundant ones, or add rows"
        )
    transposed = design.T  # F+1 N
    solution = torch.linalg.solve(transposed @ design, transposed @ targets)  # differs: D266, F+1 1
    return LeastSquares(weight=solution[:-1], bias=solution[-1])


def sgd_step(parameter: torch.Tensor, gradient: torch.Tensor, learning_rate: float) -> torch.Tensor:
    """One step of gradient descent: the new parameter, against its gradient; both of one shape."""
    return parameter - learning_rate * gradient


class LinearRegressionScratch(nn.Module):
    """Linear regression from tensors: to be trained with `squared_loss`.

    Args:
        num_features: numbers in a row.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, num_features).
    Output shape: (N, 1).
    """

    def __init__(self, *, num_features: int = 2, weight_std: float = 0.01) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.normal(0.0, weight_std, (num_features, 1)))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Predictions for a batch of rows."""
        return features @ self.weight + self.bias  # N 1


class LinearRegression(nn.Module):
    """Linear regression as a dense layer: to be trained with the built-in mean squared error.

    Args:
        num_features: numbers in a row.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, num_features).
    Output shape: (N, 1).
    """

    def __init__(self, *, num_features: int = 2, weight_std: float = 0.01) -> None:
        super().__init__()
        self.linear = nn.Linear(num_features, 1)
        nn.init.normal_(self.linear.weight, 0.0, weight_std)  # differs: D051
        nn.init.zeros_(self.linear.bias)  # differs: D052

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Predictions for a batch of rows."""
        return self.linear(features)  # N 1
