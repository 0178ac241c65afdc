"""Exclusive or, universal approximation, depth versus width, in PyTorch.

    exclusive or of two bits: relu(a + b) - 2 relu(a + b - 1)
    one tooth on [0, 1]:      t(x) = 2 relu(x) - 4 relu(x - 1/2);  t(t(x)) has two teeth, and so on

Source: Goodfellow et al. (2016), section 6.1; Cybenko (1989); Telgarsky (2016), section 1.
On this side the optimizer is PyTorch's own.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F

from dualnet.concepts.perceptrons.xor_and_universal_approximation import Sawtooth, Trained, check_depth

__all__ = ["deep_vs_wide", "function_fit", "network", "xor", "xor_by_hand"]


def network(
    inputs: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
) -> torch.Tensor:
    """Scores (N,) of inputs (N, I) by one hidden layer of tanh: weights (H, I) and (H,), biases (H,) and ()."""
    hidden = torch.tanh(inputs @ hidden_weight.T + hidden_bias)  # N H
    return hidden @ output_weight + output_bias


def trained(
    loss: Callable[[torch.Tensor], torch.Tensor],
    inputs: torch.Tensor,
    start: tuple[torch.Tensor, ...],
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Trained:
    """A network after gradient descent on a loss of its scores, all rows at each step."""
    parameters = [parameter.detach().clone().requires_grad_() for parameter in start]
    optimizer = torch.optim.SGD(parameters, learning_rate, momentum=momentum)  # differs: D161
    losses = inputs.new_zeros(steps)
    for step in range(steps):
        value = loss(network(inputs, *parameters))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses[step] = value.detach()
    return Trained(*[*(parameter.detach() for parameter in parameters), losses])


def xor(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Trained:
    """Learn labels by the cross entropy of a sigmoid, averaged over the rows; a score above 0 is label 1.

    Args:
        inputs: (N, I).
        targets: (N,), 0 or 1.
        hidden_weight: (H, I), at first.
        hidden_bias: (H,), at first.
        output_weight: (H,), at first.
        output_bias: (), at first.
        learning_rate: per step.
        momentum: the share of the last step that is repeated.
        steps: how many.
    """
    start = hidden_weight, hidden_bias, output_weight, output_bias
    return trained(
        partial(F.binary_cross_entropy_with_logits, target=targets), inputs, start, learning_rate, momentum, steps
    )


def function_fit(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Trained:
    """Learn numbers by the mean squared error; arguments as those of `xor`."""
    start = hidden_weight, hidden_bias, output_weight, output_bias
    return trained(partial(F.mse_loss, target=targets), inputs, start, learning_rate, momentum, steps)


def xor_by_hand(inputs: torch.Tensor) -> torch.Tensor:
    """Two hidden units whose weights are written down: exactly 0 or 1 for bits.

    Args:
        inputs: (N, 2).

    Returns:
        (N,).
    """
    total = inputs.sum(dim=1)  # N
    return torch.relu(total) - 2 * torch.relu(total - 1)


def deep_vs_wide(x: torch.Tensor, depth: int) -> Sawtooth:
    """A sawtooth of 2^(depth - 1) teeth, by layers of two units each, and by one layer of 2^depth units.

    Args:
        x: (N,), between 0 and 1.
        depth: how many layers the first network has.

    Raises:
        ValueError: there is no layer.
    """
    check_depth(depth)
    deep = x
    for _ in range(depth):
        deep = 2 * torch.relu(deep) - 4 * torch.relu(deep - 0.5)  # N
    units = 2**depth
    bends = torch.arange(units, dtype=x.dtype, device=x.device) / units  # one unit for each change of slope
    slopes = torch.tensor([units, *(2 * units * (-1) ** bend for bend in range(1, units))], dtype=x.dtype)
    wide = torch.relu(x[:, None] - bends) @ slopes  # N
    return Sawtooth(deep, wide, torch.tensor(2 * depth), torch.tensor(units))  # differs: D234
