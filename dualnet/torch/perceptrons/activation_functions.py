"""Activation functions, in PyTorch.

Each bends a layer's output, element by element; softmax and its logarithm turn a row into probabilities.
Here the constants of the built-in functions are double ones, but for the gradients of two, which are written out.
"""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from dualnet.concepts.perceptrons.activation_functions import SELU_ALPHA, SELU_SCALE

__all__ = [
    "celu",
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]


# --- bounded ------------------------------------------------------------------------------------------------


def sigmoid(x: torch.Tensor) -> torch.Tensor:
    """1 / (1 + exp(-x)), between 0 and 1."""
    return torch.sigmoid(x)


def tanh(x: torch.Tensor) -> torch.Tensor:
    """The hyperbolic tangent, between -1 and 1: 2 sigmoid(2 x) - 1."""
    return torch.tanh(x)


def softsign(x: torch.Tensor) -> torch.Tensor:
    """The quotient x / (1 + |x|), between -1 and 1, which it reaches at infinity only."""
    infinite = torch.isinf(x)  # differs: X-infinity-times-zero
    return torch.where(infinite, torch.sign(x), F.softsign(torch.where(infinite, torch.zeros_like(x), x)))


def hard_sigmoid(x: torch.Tensor) -> torch.Tensor:
    """The line x / 6 + 1/2, cut off at 0 and 1; the gradient at the bounds x = -3 and 3 is 0."""
    return F.relu6(x + 3) / 6  # differs: D191, X-hard-sigmoid-float32


def hard_tanh(x: torch.Tensor) -> torch.Tensor:
    """The line x, cut off at -1 and 1; the gradient at these bounds is 0."""
    return F.hardtanh(x)  # differs: D195


# --- a straight line on the right, another on the left ------------------------------------------------------


def relu(x: torch.Tensor) -> torch.Tensor:
    """The larger of x and 0; the gradient at 0 is 0."""
    return F.relu(x)


def leaky_relu(x: torch.Tensor, negative_slope: float = 0.01) -> torch.Tensor:
    """Equal to x where it is above 0, negative_slope * x elsewhere; the gradient at 0 is negative_slope."""
    return F.leaky_relu(x, negative_slope)  # differs: D189, D199


def prelu(x: torch.Tensor, negative_slope: torch.Tensor) -> torch.Tensor:
    """Leaky ReLU with a slope for each column, to be learned; the gradient by x at 0 is that slope.

    Args:
        x: (N, C).
        negative_slope: (C,).

    Raises:
        ValueError: not one slope for each column.
    """
    _check_slopes(x, negative_slope)
    return F.prelu(x, negative_slope)  # differs: D194


def _check_slopes(x: torch.Tensor, negative_slope: torch.Tensor) -> None:
    if x.dim() != 2 or negative_slope.shape != x.shape[1:]:
        raise ValueError(
            f"negative_slope {tuple(negative_slope.shape)}: expected one for each column of x {tuple(x.shape)}, (N, C)"
        )


# --- an exponential on the left -----------------------------------------------------------------------------


def elu(x: torch.Tensor, alpha: float = 1.0) -> torch.Tensor:
    """Equal to x where it is above 0, alpha * (exp(x) - 1) elsewhere; the gradient at 0 is alpha."""
    return F.elu(x, alpha)  # differs: X-elu-alpha


def selu(x: torch.Tensor) -> torch.Tensor:
    """SELU_SCALE * elu(x, SELU_ALPHA): keeps mean 0 and variance 1; the gradient at 0 is SELU_SCALE * SELU_ALPHA."""
    return SELU_SCALE * elu(x, SELU_ALPHA)  # differs: D192


def celu(x: torch.Tensor, alpha: float = 1.0) -> torch.Tensor:
    """ELU of another size, alpha * elu(x / alpha): the gradient at 0 is 1 whatever alpha is."""
    return alpha * F.elu(x / alpha)  # differs: D193, X-celu-float32


# --- smooth -------------------------------------------------------------------------------------------------


def softplus(x: torch.Tensor) -> torch.Tensor:
    """log(1 + exp(x)), a smooth ReLU; its gradient is the sigmoid."""
    return torch.logaddexp(x, torch.zeros_like(x))  # differs: D190


def gelu(x: torch.Tensor) -> torch.Tensor:
    """The number x times the probability that a standard normal variable is below x."""
    return _self_gated(lambda x: F.gelu(x, approximate="none"), x)  # differs: D188, D199


def gelu_tanh(x: torch.Tensor) -> torch.Tensor:
    """GELU's approximation x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), off by up to 0.0005."""
    return _self_gated(lambda x: F.gelu(x, approximate="tanh"), x)  # differs: D188, D199


def silu(x: torch.Tensor) -> torch.Tensor:
    """The product x * sigmoid(x), also called swish."""
    return _self_gated(F.silu, x)


def mish(x: torch.Tensor) -> torch.Tensor:
    """The product x * tanh(softplus(x))."""
    return _self_gated(F.mish, x)


def hard_swish(x: torch.Tensor) -> torch.Tensor:
    """The product x * hard_sigmoid(x); the gradient is 0 at the bound x = -3 and 1 at 3."""
    return _self_gated(F.hardswish, x)


def _self_gated(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The product of x and a gate between 0 and 1: beyond 1000 it is ReLU; infinity * 0 would give NaN."""
    near = torch.abs(x) < 1000  # differs: X-infinity-times-zero
    return torch.where(near, function(torch.where(near, x, torch.zeros_like(x))), F.relu(x))


# --- rows ---------------------------------------------------------------------------------------------------


def softmax(x: torch.Tensor, axis: int = -1) -> torch.Tensor:
    """exp(x) divided by its sum along an axis.

    Args:
        x: (..., K, ...); minus infinity is a class with probability 0.
        axis: the one of size K.

    Returns:
        x's shape, with sum 1 along the axis; NaN where all is minus infinity, or anything plus infinity.

    Raises:
        IndexError: x has no such axis.
    """
    _check_axis(x, axis)
    return torch.softmax(x, dim=axis)  # differs: D196


def log_softmax(x: torch.Tensor, axis: int = -1) -> torch.Tensor:
    """The logarithm of the softmax, without overflow and without rounding a small probability to 0.

    Args:
        x: (..., K, ...); minus infinity is a class with probability 0.
        axis: the one of size K.

    Returns:
        x's shape, at most 0; NaN where all is minus infinity, or anything plus infinity.

    Raises:
        IndexError: x has no such axis.
    """
    _check_axis(x, axis)
    return torch.log_softmax(x, dim=axis)  # differs: D196


def _check_axis(x: torch.Tensor, axis: int) -> None:
    if not -x.dim() <= axis < x.dim():  # differs: X-axis-error
        raise IndexError(f"axis {axis}: expected an axis of {tuple(x.shape)}, which has {x.dim()}")
