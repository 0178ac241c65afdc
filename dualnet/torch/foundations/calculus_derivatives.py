"""Derivatives as limits, in the four layouts of scalars and vectors, and as tangents, in PyTorch.

torch.func.grad goes backward from one scalar to all inputs; torch.func.jvp goes forward along one direction.
Both take a function and give another one, or its values.
"""

import torch

from dualnet.concepts.foundations.calculus_derivatives import ChainRule

__all__ = [
    "chain_rule",
    "derivative",
    "directional_derivative",
    "numerical_limit",
    "scalar_by_scalar",
    "scalar_by_vector",
    "tangent_line",
    "vector_by_scalar",
    "vector_by_vector",
]


def _parabola(x: torch.Tensor) -> torch.Tensor:
    return 3 * x * x - 4 * x


# --- one variable -------------------------------------------------------------------------------------------


def numerical_limit(x: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Difference quotients (f(x + h) - f(x)) / h of f(x) = 3 x^2 - 4 x: they near f'(x) as h goes to 0.

    Args:
        x: ().
        steps: (M,), the values of h, not 0; below the precision of x, x + h is x, and the quotient 0.

    Returns:
        (M,).

    Raises:
        ValueError: a step is 0.
    """
    if (steps == 0).any():
        raise ValueError("steps: expected numbers other than 0, because the quotient divides by them")
    return (_parabola(x + steps) - _parabola(x)) / steps  # M


def derivative(x: torch.Tensor) -> torch.Tensor:
    """The derivative 6 x - 4 of 3 x^2 - 4 x at each element of x, of any shape."""
    return torch.func.grad(lambda x: _parabola(x).sum())(x)  # differs: D213


def tangent_line(x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Values at x (M,) of the line that touches 3 x^2 - 4 x at one point, of shape ()."""
    return _parabola(at) + derivative(at) * (x - at)


# --- four layouts: the shape of a derivative is that of the output, then that of the input ------------------


def scalar_by_scalar(x: torch.Tensor) -> torch.Tensor:
    """The derivative 2 x cos(x^2) of sin(x^2), of shape () as x."""
    return torch.func.grad(lambda x: torch.sin(x * x))(x)  # ()


def scalar_by_vector(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """The gradient (A + A^T) x of x^T A x: (N,), for x (N,) and A (N, N)."""
    return torch.func.grad(lambda x: x @ (matrix @ x))(x)  # N


def vector_by_scalar(t: torch.Tensor, rates: torch.Tensor) -> torch.Tensor:
    """The derivative w exp(t w) of exp(t w): (M,), for t () and w (M,)."""
    return torch.func.jvp(lambda t: torch.exp(t * rates), (t,), (torch.ones_like(t),))[1]  # differs: X-forward-mode, M


def vector_by_vector(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """The Jacobian 2 A diag(x) of A (x * x): (M, N), a row for each output, for x (N,) and A (M, N)."""
    return torch.func.jacrev(lambda x: matrix @ (x * x))(x)  # M N


# --- chain rule, directions ---------------------------------------------------------------------------------


def chain_rule(x: torch.Tensor, matrix: torch.Tensor) -> ChainRule:
    """The gradient of y = sum(sin(u)) by x, u = A x, whole and as the product of dy/du and du/dx.

    Args:
        x: (N,).
        matrix: (M, N), A.

    Returns:
        outer (M,), inner (M, N), their product (N,), and the whole gradient (N,), which is the same.
    """
    outer = torch.func.grad(lambda u: torch.sin(u).sum())(matrix @ x)  # M
    inner = torch.func.jacrev(lambda x: matrix @ x)(x)  # M N
    whole = torch.func.grad(lambda x: torch.sin(matrix @ x).sum())(x)  # N
    return ChainRule(outer, inner, inner.T @ outer, whole)


def directional_derivative(x: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """How fast sum(x^3) changes from x along a direction, per length of it: gradient . direction.

    Args:
        x: (N,).
        direction: (N,), as long as a unit of movement.

    Returns:
        ().
    """
    return torch.func.jvp(lambda x: (x * x * x).sum(), (x,), (direction,))[1]  # differs: X-forward-mode
