"""House prices, in PyTorch.

    columns of numbers -> (x - mean) / std, 0 in gaps;  a column of categories -> a column for each, one of gaps too
    log-RMSE = sqrt(mean((log of the predicted price - log of the price)^2))

The models predict the logarithm of a price, by which an error is a share of the price.

Source: Dive into Deep Learning, section 5.7.
On this side the optimizer is PyTorch's own.
"""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from dualnet.concepts.perceptrons.kaggle_house_prices import MLP, Linear

__all__ = ["design_matrix", "linear", "linear_predictions", "log_rmse", "mlp", "mlp_predictions"]


def design_matrix(numbers: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
    """One row of features for each house.

    Args:
        numbers: (N, P), NaN in gaps.
        categories: (N, Q) int64, 0 in gaps.

    Returns:
        (N, F): the standardised numbers, then 0s and a 1 for each column of categories.
    """
    known = ~numbers.isnan()  # N P
    values = torch.where(known, numbers, 0)
    counts = known.sum(dim=0)  # P
    centred = torch.where(known, values - values.sum(dim=0) / counts, 0)  # N P
    deviations = (centred.square().sum(dim=0) / (counts - 1)).sqrt()  # differs: D049, P
    standardised = centred / torch.where(deviations > 0, deviations, 1)
    columns = [F.one_hot(column).to(numbers.dtype) for column in categories.T]
    return torch.cat([standardised, *columns], dim=1)


def log_rmse(log_predictions: torch.Tensor, prices: torch.Tensor) -> torch.Tensor:
    """The root of the mean squared difference of logarithms.

    Args:
        log_predictions: (N,), logarithms of predicted prices.
        prices: (N,), above 0.
    """
    return (log_predictions - prices.log()).square().mean().sqrt()


def linear_predictions(features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The log prices (N,) of a linear regression: features (N, F), weight (F,), bias ()."""
    return features @ weight + bias


def mlp_predictions(
    features: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
) -> torch.Tensor:
    """The log prices (N,) of a perceptron: features (N, F), weights (H, F) and (H,), biases (H,) and ()."""
    hidden = torch.relu(features @ hidden_weight.T + hidden_bias)  # N H
    return hidden @ output_weight + output_bias


def trained(
    predictions: Callable[..., torch.Tensor],
    start: tuple[torch.Tensor, ...],
    rows: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    learning_rate: float,
    momentum: float,
    decay: float,
) -> list[torch.Tensor]:
    """Weights and biases in turn after training, then the losses."""
    features, prices, order = rows
    parameters = [parameter.detach().clone().requires_grad_() for parameter in start]
    groups = [{"params": parameters[::2], "weight_decay": decay}, {"params": parameters[1::2]}]
    optimizer = torch.optim.SGD(groups, learning_rate, momentum=momentum)  # differs: D161
    losses, logs = features.new_zeros(len(order)), prices.log()
    for step, batch in enumerate(order):
        loss = (predictions(features[batch], *parameters) - logs[batch]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[step] = loss.detach()
    return [*(parameter.detach() for parameter in parameters), losses]


def linear(
    features: torch.Tensor,
    prices: torch.Tensor,
    order: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    learning_rate: float,
    momentum: float,
    decay: float,
) -> Linear:
    """Train a linear regression on the mean squared error of log prices.

    Args:
        features: (N, F).
        prices: (N,), above 0.
        order: (steps, B) int64, the rows of each batch.
        weight: (F,), at first.
        bias: (), at first.
        learning_rate: per step.
        momentum: the share of the last step that is repeated.
        decay: times the weights, added to their gradient.
    """
    rows = features, prices, order
    return Linear(*trained(linear_predictions, (weight, bias), rows, learning_rate, momentum, decay))


def mlp(
    features: torch.Tensor,
    prices: torch.Tensor,
    order: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
    learning_rate: float,
    momentum: float,
    decay: float,
) -> MLP:
    """Train a perceptron with one hidden layer; weights as those of `mlp_predictions`, the rest as for `linear`."""
    rows, start = (features, prices, order), (hidden_weight, hidden_bias, output_weight, output_bias)
    return MLP(*trained(mlp_predictions, start, rows, learning_rate, momentum, decay))
