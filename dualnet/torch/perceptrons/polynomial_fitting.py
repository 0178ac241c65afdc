"""Polynomial curve fitting, in PyTorch.

    y = sum over i of c_i x^i / i!

Divided by i!, high powers do not overflow; they are still so much alike that rounding decides many coefficients.

Source: Dive into Deep Learning (Chinese edition), section 4.4.4.
On this side a triangular system is solved by torch.linalg, and a transposed matrix is an attribute.
"""

import torch

from dualnet.concepts.perceptrons.polynomial_fitting import Descent, check_points

__all__ = ["closed_form", "descent", "polynomial_features"]


def polynomial_features(x: torch.Tensor, degree: int) -> torch.Tensor:
    """The terms x^i / i! of a polynomial.

    Args:
        x: (N,).
        degree: of the last term.

    Returns:
        (N, degree + 1).
    """
    terms = [torch.ones_like(x)]
    for order in range(1, degree + 1):
        terms.append(terms[-1] * x / order)  # N
    return torch.stack(terms, dim=1)


def descent(x: torch.Tensor, targets: torch.Tensor, degree: int, learning_rate: float, steps: int) -> Descent:
    """Gradient descent on the mean squared error, from coefficients of 0, all points at each step.

    Args:
        x: (N,).
        targets: (N,).
        degree: of the polynomial.
        learning_rate: per step.
        steps: how many.
    """
    features = polynomial_features(x, degree)  # N P
    coefficients = features.new_zeros(degree + 1)
    course, losses = [coefficients], features.new_zeros(steps)
    for step in range(steps):
        coefficients = coefficients.detach().requires_grad_()
        loss = (features @ coefficients - targets).square().mean()
        (slope,) = torch.autograd.grad(loss, coefficients)
        coefficients = coefficients.detach() - learning_rate * slope
        course.append(coefficients)
        losses[step] = loss.detach()
    return Descent(torch.stack(course), losses)


def closed_form(x: torch.Tensor, targets: torch.Tensor, degree: int) -> torch.Tensor:
    """The coefficients of the least mean squared error.

    Args:
        x: (N,).
        targets: (N,).
        degree: of the polynomial, less than N.

    Returns:
        (degree + 1,).

    Raises:
        ValueError: there are too few points, or another number of targets.
    """
    check_points(x.shape, targets.shape, degree)
    features = polynomial_features(x, degree)  # N P
    lengths = features.square().sum(dim=0).sqrt()  # P
    q, r = torch.linalg.qr(features / lengths)  # differs: D266
    scaled = torch.linalg.solve_triangular(r, q.T @ targets[:, None], upper=True)[:, 0]  # P
    return scaled / lengths
