"""Gradient flow through plain and residual layers, in PyTorch.

    plain: h = relu(h W),  residual: h = h + relu(h W)

The derivative of a residual layer is the identity plus something: a product of many of them need not vanish.
Source: He et al. (2016), section 2, eq. 5.
"""

import torch

__all__ = ["gradient_norms", "network"]


def network(x: torch.Tensor, weights: torch.Tensor, shortcut: bool) -> torch.Tensor:
    """A chain of layers.

    Args:
        x: (N, F).
        weights: (L, F, F), one matrix for each layer.
        shortcut: whether each layer's input is added to what it gives.

    Returns:
        (N, F).
    """
    h = x
    for weight in weights:
        new = torch.relu(h @ weight)
        h = h + new if shortcut else new  # N F
    return h


def gradient_norms(x: torch.Tensor, weights: torch.Tensor, shortcut: bool) -> torch.Tensor:
    """How strong a gradient reaches each layer: Frobenius norms, by the weights, of the network's summed output.

    Args:
        x: (N, F).
        weights: (L, F, F), one matrix for each layer.
        shortcut: whether each layer's input is added to what it gives.

    Returns:
        (L,), from the first layer to the last.
    """
    weights = weights.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x, weights, shortcut).sum(), weights)  # L F F
    return gradient.square().sum((1, 2)).sqrt()
