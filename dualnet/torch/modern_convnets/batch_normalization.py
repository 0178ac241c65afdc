"""Batch normalization and its relatives, in PyTorch.

    y = weight (x - mean) / sqrt(var + epsilon) + bias

In train mode mean and variance are those of the batch, and the gradient goes through them; in evaluation mode they
are the running values. Inputs are (N, F) or (N, C, H, W), channels on axis 1; one weight and bias for each.
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.modern_convnets.batch_normalization import Normalized, Running, check_count, check_groups

__all__ = [
    "batch_norm_eval",
    "batch_norm_train",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "native_batch_norm_eval",
    "native_batch_norm_train",
    "native_running_statistics",
]


def _by_channel(v: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return v.reshape(-1, *[1] * (x.dim() - 2))  # (C, 1, 1), to broadcast over x


def _all_but_channels(x: torch.Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.dim()))


# --- from scratch -------------------------------------------------------------------------------------------


def batch_norm_train(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    momentum: float,
    epsilon: float,
) -> Normalized:
    """Normalization by the batch's own mean and variance, and the running values after it.

    Args:
        x: (N, F) or (N, C, H, W).
        weight, bias, running_mean, running_var: (F,) or (C,).
        momentum: the share of the running values that comes from this batch.
        epsilon: added to the variance.

    Returns:
        The output, of x's shape, and two new running values; the batch's variance goes into them unbiased. A
        layer keeps those without gradient; here they have one.

    Raises:
        ValueError: there is only one value per channel, or none.
    """
    axes = _all_but_channels(x)
    count = check_count(x.shape, axes)  # differs: D036
    mean = x.mean(axes)  # (C,)
    var = x.var(axes, correction=0)  # (C,)  # differs: D049
    output = batch_norm_eval(x, weight, bias, mean, var, epsilon)
    unbiased = var * (count / (count - 1))  # differs: D033
    return Normalized(
        output,
        (1 - momentum) * running_mean + momentum * mean,  # differs: D031
        (1 - momentum) * running_var + momentum * unbiased,
    )


def batch_norm_eval(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    epsilon: float,
) -> torch.Tensor:
    """Normalization by the running mean and variance; arguments as for `batch_norm_train`."""
    scale = weight / torch.sqrt(running_var + epsilon)  # (C,)
    return (x - _by_channel(running_mean, x)) * _by_channel(scale, x) + _by_channel(bias, x)


# --- native -------------------------------------------------------------------------------------------------


def native_batch_norm_train(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, epsilon: float) -> torch.Tensor:
    """The output of `batch_norm_train` by PyTorch's own operation."""
    check_count(x.shape, _all_but_channels(x))
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=epsilon)  # differs: D030


def native_batch_norm_eval(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    epsilon: float,
) -> torch.Tensor:
    """`batch_norm_eval` by PyTorch's own operation, which has no gradient by the running values."""
    return F.batch_norm(x, running_mean, running_var, weight, bias, training=False, eps=epsilon)


def native_running_statistics(batches: torch.Tensor, momentum: float) -> Running:
    """The running values after some batches, from mean 0 and variance 1 on.

    Args:
        batches: (S, N, F) or (S, N, C, H, W), S batches.
        momentum: the share of the running values that comes from each batch.

    Returns:
        Twice (F,) or (C,), without gradient.

    Raises:
        ValueError: there is only one value per channel.
    """
    mean, var = batches.new_zeros(batches.shape[2]), batches.new_ones(batches.shape[2])
    for x in batches:
        F.batch_norm(x, mean, var, training=True, momentum=momentum)  # differs: X-norm-buffers, D031, D033
    return Running(mean, var)


# --- other sets of values -----------------------------------------------------------------------------------


def layer_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Normalization of each example by itself, over the axes that the weight has.

    Args:
        x: (..., *shape of the weight), as (N, F) or (N, C, H, W).
        weight, bias: as (F,) or (C, H, W).
        epsilon: added to the variance.

    Raises:
        ValueError: x's last axes are others.
    """
    if x.shape[x.dim() - weight.dim() :] != weight.shape:
        raise ValueError(f"input of shape {tuple(x.shape)}: expected it to end in the weight's {tuple(weight.shape)}")
    return F.layer_norm(x, weight.shape, weight, bias, epsilon)  # differs: D041, D042


def group_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, groups: int, epsilon: float) -> torch.Tensor:
    """Normalization of each example by itself, over groups of channels side by side.

    Args:
        x: (N, C, H, W).
        weight, bias: (C,).
        groups: how many.
        epsilon: added to the variance.

    Raises:
        ValueError: the groups do not divide the channels.
    """
    check_groups(x.shape[1], groups)  # differs: X-group-count
    return F.group_norm(x, groups, weight, bias, epsilon)  # differs: D043


def instance_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Normalization of each channel of each example by itself.

    Args:
        x: (N, C, H, W).
        weight, bias: (C,).
        epsilon: added to the variance.

    Raises:
        ValueError: the images have only one pixel.
    """
    check_count(x.shape, (2, 3))  # differs: X-instance-one-pixel
    if len(x) == 0:  # differs: X-instance-no-example
        return x
    return F.instance_norm(x, weight=weight, bias=bias, eps=epsilon)  # differs: D044
