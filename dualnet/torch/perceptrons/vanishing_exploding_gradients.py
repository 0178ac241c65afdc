"""Vanishing and exploding gradients, in PyTorch.

    the gradient by what enters layer l has a factor W_k diag(f'(z_k)) for each layer k from l on

Factors below 1 make it vanish with depth, factors above 1 explode; a float has an end: 65504 in float16.

Source: Dive into Deep Learning, section 5.4.1; Glorot & Bengio (2010), section 4.2.
On this side finfo tells the largest number, and `torch.autograd.detect_anomaly` finds a NaN on the way back.
"""

import torch

from dualnet.concepts.perceptrons.vanishing_exploding_gradients import Detection, Product, Saturation
from dualnet.interface import choose

__all__ = ["gradient_norms", "matrix_product_100", "nan_inf_detector", "rounded", "sigmoid_saturation"]


def sigmoid_saturation(x: torch.Tensor) -> Saturation:
    """The sigmoid and its derivative, by automatic differentiation: at most 1/4, and next to 0 far from 0.

    Args:
        x: any shape.
    """
    x = x.detach().requires_grad_()
    value = torch.sigmoid(x)
    (slope,) = torch.autograd.grad(value.sum(), x)
    return Saturation(value.detach(), slope)


def matrix_product_100(factors: torch.Tensor) -> Product:
    """Matrices, a hundred or any number, multiplied from left to right.

    Args:
        factors: (L, F, F).
    """
    product = factors[0]
    norms = [product.square().sum().sqrt()]
    for factor in factors[1:]:
        product = product @ factor  # F F
        norms.append(product.square().sum().sqrt())
    return Product(product, torch.stack(norms))


def gradient_norms(features: torch.Tensor, weights: torch.Tensor, activation: str) -> torch.Tensor:
    """The Frobenius norm of the gradient by what enters each layer, of the summed outputs.

    Args:
        features: (N, F).
        weights: (L, F, F): features @ weight.
        activation: sigmoid, tanh or relu.

    Returns:
        (L,), from the first layer to the last.

    Raises:
        ConfigError: no such activation.
    """
    bend = choose({"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}, activation, "activation")
    states = [features.detach().requires_grad_()]
    for weight in weights:
        states.append(bend(states[-1] @ weight))  # N F
    gradients = torch.autograd.grad(states[-1].sum(), states[:-1])
    return torch.stack([gradient.square().sum().sqrt() for gradient in gradients])


def rounded(values: tuple[float, ...], dtype: str) -> torch.Tensor:
    """What a format keeps of numbers: beyond its largest one, infinity.

    Args:
        values: N of them.
        dtype: float16, bfloat16 or float32.

    Returns:
        (N,), float64.
    """
    return torch.tensor(values, dtype=torch.float64).to(getattr(torch, dtype)).double()


def nan_inf_detector(features: torch.Tensor, weights: torch.Tensor, dtype: str) -> Detection:
    """The first linear layer whose outputs are not finite, computed in a format.

    Args:
        features: (N, F).
        weights: (L, F, F): features @ weight.
        dtype: float16, bfloat16 or float32.
    """
    features, weights = features.to(getattr(torch, dtype)), weights.to(getattr(torch, dtype))
    infinite, undefined = [], []
    for weight in weights:
        features = features @ weight  # differs: X-first-nan-compiled, N F
        infinite.append(bool(features.isinf().any()))
        undefined.append(bool(features.isnan().any()))
    return Detection(*(torch.tensor(first(flags)) for flags in (infinite, undefined)))  # differs: D234


def first(flags: list[bool]) -> int:
    """Where the first True stands; -1 if there is none."""
    return flags.index(True) if True in flags else -1
