"""Standardisation, min-max scaling and exponential moving averages, in PyTorch.

    (x - mean) / std,  (x - min) / (max - min)
    m_t = decay m_(t-1) + (1 - decay) x_t,  m_t / (1 - decay^t)

On this side an averaged model is a copy that follows the one that is trained.
"""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dualnet.concepts.modern_convnets.feature_scaling_and_ema import Scaling, check_decay, check_rows

__all__ = [
    "corrected_moving_average",
    "min_max_scaling",
    "moving_average",
    "scaled",
    "standard_scaling",
    "unscaled",
    "weight_average",
]


# --- scales: found in the training rows, applied to any -----------------------------------------------------


def standard_scaling(values: torch.Tensor) -> Scaling:
    """The mean and the standard deviation of each feature: with them, `scaled` has mean 0 and variance 1.

    Args:
        values: (N, F).

    Returns:
        Twice (F,); the deviation is that of these rows (divided by N), and 1 where a feature is constant.

    Raises:
        ValueError: there is no row.
    """
    check_rows(values.shape)
    var, mean = torch.var_mean(values, 0, correction=0)  # differs: D049, (F,)
    varies = var > 0
    return Scaling(mean, torch.where(varies, torch.where(varies, var, 1).sqrt(), 1))  # differs: D206


def min_max_scaling(values: torch.Tensor) -> Scaling:
    """The least value and the range of each feature: with them, `scaled` lies in 0-1.

    Args:
        values: (N, F).

    Returns:
        Twice (F,); the range is 1 where a feature is constant.

    Raises:
        ValueError: there is no row.
    """
    check_rows(values.shape)
    low, high = values.amin(0), values.amax(0)  # (F,)
    return Scaling(low, torch.where(high > low, high - low, 1))


def scaled(values: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Features (N, F) without their shift (F,), divided by their scale (F,)."""
    return (values - shift) / scale


def unscaled(values: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The features that `scaled` made these of."""
    return values * scale + shift


# --- averages that forget -----------------------------------------------------------------------------------


def moving_average(values: torch.Tensor, decay: float) -> torch.Tensor:
    """The exponential moving average after each row, from 0 on.

    Args:
        values: (T, F).
        decay: the share of the old average that stays, per step.

    Returns:
        (T, F); at first too close to 0, since the start counts as a value.

    Raises:
        ValueError: there is no row, or the decay is not in [0, 1).
    """
    check_rows(values.shape)
    check_decay(decay)
    average, course = torch.zeros_like(values[0]), []
    for row in values:
        average = decay * average + (1 - decay) * row  # (F,)
        course.append(average)
    return torch.stack(course)


def corrected_moving_average(values: torch.Tensor, decay: float) -> torch.Tensor:
    """`moving_average` divided by the weights that it sums up to: no pull towards the start.

    Source:
        Kingma, Ba (2015), section 3.
    """
    averages = moving_average(values, decay)
    steps = torch.arange(1, len(values) + 1, dtype=values.dtype, device=values.device)  # (T,)
    return averages / (1 - decay**steps)[:, None]


def weight_average(values: torch.Tensor, decay: float) -> torch.Tensor:
    """The moving average of a model's weights while they change.

    Args:
        values: (T, F), the weights from the first ones on.
        decay: the share of the old average that stays, per step.

    Returns:
        (T, F); the first row is that of the weights.

    Raises:
        ValueError: there is no row, or the decay is not in [0, 1).
    """
    check_rows(values.shape)
    check_decay(decay)
    model = nn.ParameterList([nn.Parameter(values[0].clone())])
    averaged, course = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay)), []
    for row in values:
        with torch.no_grad():
            model[0].copy_(row)
        averaged.update_parameters(model)  # differs: D050
        course.append(averaged.module[0].detach().clone())
    return torch.stack(course)
