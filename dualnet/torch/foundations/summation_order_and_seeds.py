"""Sums in several orders, and seeds, in PyTorch."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.foundations.summation_order_and_seeds import Repeat, check_seed

__all__ = ["kahan_sum", "pairwise_sum", "repeated_draws", "repeated_training", "seed_everything", "sequential_sum"]


# --- sums of the rows of x (M, N): (M,)  # differs: D261 -------------------------------------------------------


def sequential_sum(x: torch.Tensor) -> torch.Tensor:
    """One number after the other: rounds N times, and the error grows as N does, or its root."""
    total = x.new_zeros(len(x))  # M
    for column in x.unbind(1):
        total = total + column
    return total


def pairwise_sum(x: torch.Tensor) -> torch.Tensor:
    """Neighbours, then neighbours among their sums: each number is rounded log2(N) times."""
    while x.shape[1] > 1:
        pairs = x.shape[1] // 2 * 2
        x = torch.cat((x[:, :pairs:2] + x[:, 1:pairs:2], x[:, pairs:]), 1)  # M ceil(N/2)
    return x.sum(1)


def kahan_sum(x: torch.Tensor) -> torch.Tensor:
    """One after the other, and what rounding took from the sum is given back with the next number."""
    total, taken = x.new_zeros(len(x)), x.new_zeros(len(x))  # M
    for column in x.unbind(1):
        addend = column - taken
        new = total + addend
        taken = (new - total) - addend  # 0 if numbers were exact
        total = new
    return total


# --- seeds -----------------------------------------------------------------------------------------------------


def seed_everything(seed: int) -> torch.Tensor:
    """Seed Python, NumPy and the framework.

    Returns:
        (), the seed.

    Raises:
        ValueError: it is below 0, or 2**32 or more.
    """
    check_seed(seed)
    random.seed(seed)  # differs: X-seed-everything
    np.random.seed(seed)
    torch.manual_seed(seed)
    return torch.tensor(seed)


def _draws() -> list[float]:
    return [random.random(), np.random.random(), torch.rand(()).item()]  # differs: D273


def repeated_draws(seed: int) -> Repeat:
    """Whether each generator gives the same number after each seeding, and another one without."""
    seed_everything(seed)
    first, next_ = _draws(), _draws()
    seed_everything(seed)
    again = _draws()
    return Repeat(
        torch.tensor([a == b for a, b in zip(first, again, strict=True)]),
        torch.tensor([a != b for a, b in zip(first, next_, strict=True)]),
    )


def _training(seed: int) -> torch.Tensor:
    """The weight of a layer that starts at random, is shown rows in random order, and drops some of their numbers."""
    seed_everything(seed)
    layer, x = nn.Linear(7, 3), torch.linspace(-1.0, 1.0, 35).reshape(5, 7)
    for row in torch.randperm(5):
        loss = F.dropout(layer(x[row]), 0.5).square().sum()
        (gradient,) = torch.autograd.grad(loss, layer.weight)
        with torch.no_grad():
            layer.weight -= 0.125 * gradient
    return layer.weight.detach()


def repeated_training(seed: int) -> torch.Tensor:
    """Whether two runs of one seed end with the same parameters, bit for bit: ()."""
    return (_training(seed) == _training(seed)).all()
