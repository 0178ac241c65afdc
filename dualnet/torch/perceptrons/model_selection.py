"""Model selection, in PyTorch.

    complexity too low: both errors are high;  too high for the rows there are: only the error of training is low

The Vapnik-Chervonenkis dimension of a class of models is the largest number of points that it can label in every
way: 3 for lines in a plane, of 4 points some labelings (exclusive or) always fail.

Source: Dive into Deep Learning, section 3.6.
On this side a tensor is split by its own method, and rows are taken by index.
"""

import torch

from dualnet.concepts.perceptrons.model_selection import Curves, Split, check_sizes
from dualnet.torch.perceptrons.polynomial_fitting import polynomial_features

__all__ = ["learning_curves", "separable_labelings", "split"]


def split(order: torch.Tensor, sizes: tuple[int, int, int]) -> Split:
    """Rows for training, for validation and for testing.

    Args:
        order: (N,) int64, the rows, shuffled.
        sizes: how many of each kind.

    Raises:
        ValueError: the sizes do not add up to N.
    """
    check_sizes(len(order), sizes)
    return Split(*order.split(sizes))  # differs: D273


def learning_curves(
    x: torch.Tensor,
    targets: torch.Tensor,
    train: torch.Tensor,
    validation: torch.Tensor,
    degree: int,
    learning_rate: float,
    steps: int,
) -> Curves:
    """Gradient descent on a polynomial from coefficients of 0, with the errors on both kinds of rows.

    Args:
        x: (N,).
        targets: (N,).
        train: (n,) int64, the rows to train on.
        validation: (m,) int64, rows that are only looked at.
        degree: of the polynomial, its complexity.
        learning_rate: per step.
        steps: how many.
    """
    features = polynomial_features(x, degree)  # N P
    coefficients = features.new_zeros(degree + 1)
    errors: tuple[list[torch.Tensor], list[torch.Tensor]] = [], []
    for _ in range(steps + 1):
        coefficients = coefficients.detach().requires_grad_()
        gaps = features @ coefficients - targets  # N
        by_kind = [gaps[rows].square().mean() for rows in (train, validation)]
        (slope,) = torch.autograd.grad(by_kind[0], coefficients)
        coefficients = coefficients - learning_rate * slope
        for kind, error in zip(errors, by_kind, strict=True):
            kind.append(error.detach())
    return Curves(*map(torch.stack, errors))


def separable_labelings(points: torch.Tensor, steps: int) -> torch.Tensor:
    """Which labelings of some points a line separates: perceptrons that learn all of them at once.

    Args:
        points: (N, 2).
        steps: after which a perceptron that still errs gives up.

    Returns:
        (2 ** N,) bool, for labelings -1 -1 ... -1, -1 -1 ... 1, to 1 1 ... 1.
    """
    rows = torch.cat([points, torch.ones_like(points[:, :1])], dim=1)  # N 3
    signs = torch.cartesian_prod(*[points.new_tensor([-1.0, 1.0])] * len(points))  # L N
    weights = torch.zeros(len(signs), 3, dtype=points.dtype)
    for _ in range(steps):
        wrong = (signs * (weights @ rows.T) <= 0).to(points.dtype)  # L N
        weights = weights + (wrong * signs) @ rows  # L 3
    return (signs * (weights @ rows.T) > 0).all(dim=1)
