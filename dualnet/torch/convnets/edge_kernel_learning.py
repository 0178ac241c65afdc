"""Edges, and learning the kernel that finds them, in PyTorch.

    y[i, j] = sum over a, b of x[i + a, j + b] kernel[a, b],  loss = sum of (y - target)^2

On this side a layer's weight is (out, in, A, B), and gradients add up in it until they are cleared.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.convnets.edge_kernel_learning import Course, check_target

__all__ = ["edges", "learned_kernel"]


def edges(image: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """The answer of a fixed kernel in each window.

    Args:
        image: (H, W).
        kernel: (A, B).

    Returns:
        (H - A + 1, W - B + 1).
    """
    return F.conv2d(image[None, None], kernel[None, None])[0, 0]  # differs: D007


def learned_kernel(
    image: torch.Tensor, target: torch.Tensor, start: torch.Tensor, learning_rate: float, steps: int
) -> Course:
    """Gradient descent on the kernel of a convolution layer, by the sum of squared errors.

    Args:
        image: (H, W).
        target: (H - A + 1, W - B + 1), what the layer shall answer.
        start: (A, B), the kernel at first.
        learning_rate: per step.
        steps: how many.

    Returns:
        Each kernel and each loss on the way.

    Raises:
        ValueError: the target's shape is another, or the steps are fewer than 0.

    Source:
        Dive into Deep Learning, section 7.2.4.
    """
    check_target(image.shape, target.shape, start.shape, steps)
    layer = nn.Conv2d(1, 1, tuple(start.shape), bias=False, dtype=start.dtype, device=start.device)
    with torch.no_grad():
        layer.weight.copy_(start)  # differs: D051
    kernels, losses = [start], start.new_zeros(steps)
    for step in range(steps):
        loss = (layer(image[None, None])[0, 0] - target).square().sum()
        layer.zero_grad()  # differs: D175
        loss.backward()
        with torch.no_grad():
            layer.weight -= learning_rate * layer.weight.grad
        losses[step] = loss.detach()
        kernels.append(layer.weight[0, 0].detach().clone())
    return Course(torch.stack(kernels), losses)
