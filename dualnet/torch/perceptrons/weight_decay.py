"""Weight decay of a linear regression, in PyTorch.

    L2 in the loss:       loss + decay / 2 * sum(w^2)
    L2 in the optimizer:  g = gradient + decay * w            the same
    decoupled:            w = (1 - rate * decay) * w - rate * momentum's step
    L1:                   loss + decay * sum(|w|)

The bias does not decay.

Source: Loshchilov & Hutter (2019), algorithm 1; Dive into Deep Learning, section 3.7.
On this side `torch.optim.SGD(weight_decay=...)` adds to the gradient, ahead of the momentum.
"""

from collections.abc import Callable

import torch

from dualnet.concepts.perceptrons.weight_decay import Course

__all__ = ["builtin", "decoupled", "l1", "l1_penalty", "l2_in_loss", "l2_in_optimizer", "l2_penalty", "regularizer"]


def l2_penalty(weight: torch.Tensor, decay: float) -> torch.Tensor:
    """Half the sum of squares, times the decay: its gradient is decay * weight."""
    return decay / 2 * weight.square().sum()  # differs: D145


def regularizer(weight: torch.Tensor, decay: float) -> torch.Tensor:
    """The sum of squares, times the decay: its gradient is 2 * decay * weight."""
    return decay * weight.square().sum()  # differs: D146


def l1_penalty(weight: torch.Tensor, decay: float) -> torch.Tensor:
    """The sum of sizes, times the decay: its gradient is decay, whatever the size of a weight, and 0 at 0."""
    return decay * weight.abs().sum()


def trained(
    rows: tuple[torch.Tensor, torch.Tensor],
    start: tuple[torch.Tensor, torch.Tensor],
    learning_rate: float,
    momentum: float,
    steps: int,
    *,
    penalty: Callable[[torch.Tensor], torch.Tensor] | None = None,
    coupled: float = 0.0,
    shrinking: float = 0.0,
) -> Course:
    """Gradient descent on all rows, with a penalty in the loss, a decay in the gradient, or one beside it."""
    (features, targets), (weight, bias) = rows, start
    weights, biases, losses = [weight], [bias], features.new_zeros(steps)
    by_weight, by_bias = torch.zeros_like(weight), torch.zeros_like(bias)  # velocities
    for step in range(steps):
        weight, bias = weight.detach().requires_grad_(), bias.detach().requires_grad_()
        loss = (features @ weight + bias - targets).square().mean()
        total = loss + penalty(weight) if penalty else loss
        slopes = torch.autograd.grad(total, (weight, bias))  # differs: D175
        by_weight = momentum * by_weight + slopes[0] + coupled * weight
        by_bias = momentum * by_bias + slopes[1]
        weight = (1 - learning_rate * shrinking) * weight - learning_rate * by_weight
        bias = bias - learning_rate * by_bias
        weights.append(weight)
        biases.append(bias)
        losses[step] = loss.detach()
    return Course(torch.stack(weights).detach(), torch.stack(biases).detach(), losses)


def l2_in_loss(
    features: torch.Tensor,
    targets: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training with `l2_penalty` added to the mean squared error.

    Args:
        features: (N, F).
        targets: (N, 1).
        weight: (F, 1), at first.
        bias: (1,), at first.
        decay: how strong the penalty is.
        learning_rate: per step, all rows at each.
        momentum: the share of the last step that is repeated.
        steps: how many.
    """
    rows, start = (features, targets), (weight, bias)
    return trained(rows, start, learning_rate, momentum, steps, penalty=lambda w: l2_penalty(w, decay))


def l2_in_optimizer(
    features: torch.Tensor,
    targets: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training with decay * weight added to each gradient; arguments as those of `l2_in_loss`."""
    return trained((features, targets), (weight, bias), learning_rate, momentum, steps, coupled=decay)


def decoupled(
    features: torch.Tensor,
    targets: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training in which weights shrink at each step, beside the momentum; arguments as those of `l2_in_loss`."""
    return trained((features, targets), (weight, bias), learning_rate, momentum, steps, shrinking=decay)


def l1(
    features: torch.Tensor,
    targets: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training with `l1_penalty` added to the mean squared error; arguments as those of `l2_in_loss`."""
    rows, start = (features, targets), (weight, bias)
    return trained(rows, start, learning_rate, momentum, steps, penalty=lambda w: l1_penalty(w, decay))


def builtin(
    features: torch.Tensor,
    targets: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training by the framework's own SGD(weight_decay=...); arguments as those of `l2_in_loss`.

    Without momentum it is `l2_in_optimizer` and `decoupled`, which are the same then.
    """
    weight, bias = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    groups = [{"params": [weight], "weight_decay": decay}, {"params": [bias]}]
    optimizer = torch.optim.SGD(groups, learning_rate, momentum=momentum)  # differs: D155, D163
    weights, biases, losses = [weight.detach().clone()], [bias.detach().clone()], features.new_zeros(steps)
    for step in range(steps):
        loss = (features @ weight + bias - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        weights.append(weight.detach().clone())
        biases.append(bias.detach().clone())
        losses[step] = loss.detach()
    return Course(torch.stack(weights), torch.stack(biases), losses)
