"""Automatic differentiation, in PyTorch.

A tensor with requires_grad remembers the operations made of it: `backward` adds to `.grad` of the leaves,
`torch.autograd.grad` returns gradients instead, and `torch.func` turns functions into functions.
"No gradient" is a `.grad` of None or an error from `torch.autograd.grad`; here it is always zeros.
What `backward` leaves in `.grad` is a constant; where x is a clone and not detached, results can be
differentiated again by the caller.
"""

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from dualnet.concepts.foundations.automatic_differentiation import ReusedRecording, UnusedInput

__all__ = [
    "accumulated",
    "checkpointed",
    "control_flow",
    "detached",
    "double_where",
    "gradient_of_intermediate",
    "gradient_of_vector_output",
    "gradient_penalty",
    "gradient_reversal",
    "hessian",
    "hessian_vector_product",
    "integer_input",
    "jacobian",
    "jacobian_vector_product",
    "log1p_exp",
    "nth_derivative",
    "per_example_gradients",
    "reused_recording",
    "rounding",
    "scalar_backward",
    "second_order",
    "straight_through",
    "trace_of_inverse",
    "unused_input",
    "vector_jacobian_product",
]


# --- one backward pass --------------------------------------------------------------------------------------


def scalar_backward(x: torch.Tensor) -> torch.Tensor:
    """The gradient 4 x of the scalar 2 x.x, for x (F,)."""
    x = x.detach().requires_grad_()
    y = 2 * torch.dot(x, x)
    y.backward()
    return x.grad


def gradient_of_vector_output(x: torch.Tensor) -> torch.Tensor:
    """The gradient of the sum of the outputs x * x, which is 2 x, for x of any shape."""
    x = x.detach().requires_grad_()
    y = x * x
    y.sum().backward()  # differs: D213 backward of anything but a scalar raises
    return x.grad


def accumulated(x: torch.Tensor, passes: int) -> torch.Tensor:
    """The sum of the gradients of 1 x.x, 2 x.x, ..., passes x.x: zeros where there is no pass."""
    x = x.detach().requires_grad_()
    x.grad = torch.zeros_like(x)  # differs: D212 before the first pass it is None
    for factor in range(1, passes + 1):
        y = factor * (x * x).sum()
        y.backward()  # differs: D175 adds to x.grad, which nothing resets
    return x.grad


def gradient_of_intermediate(x: torch.Tensor) -> torch.Tensor:
    """The gradient of sum(sin(hidden)) by hidden = x * x, which is cos(x * x)."""
    x = x.detach().requires_grad_()
    hidden = x * x
    hidden.retain_grad()  # differs: X-retain-grad only leaves keep their .grad
    y = hidden.sin().sum()
    y.backward()
    return hidden.grad


def reused_recording(x: torch.Tensor) -> ReusedRecording:
    """Two gradients from one recording: of y = sum(x^2) and of z = sum(x^4)."""
    x = x.clone().requires_grad_()
    square = x * x
    y, z = square.sum(), (square * square).sum()
    # differs: D214 the first pass would free the graph
    (by_y,) = torch.autograd.grad(y, x, create_graph=True, retain_graph=True)
    (by_z,) = torch.autograd.grad(z, x, create_graph=True)
    return ReusedRecording(y=by_y, z=by_z)


def detached(x: torch.Tensor) -> torch.Tensor:
    """The gradient of sum(u * x) where u = x * x counts as a constant: u, and not 3 x * x."""
    x = x.detach().requires_grad_()
    u = (x * x).detach()
    z = u * x
    z.sum().backward()  # differs: D213 backward of anything but a scalar raises
    return x.grad


def control_flow(a: torch.Tensor) -> torch.Tensor:
    """The slope, at a, of a function whose loop and branch depend on a.

    f doubles b = 2 a until |b| >= 1000, then takes 100 b unless b is positive: it is linear piece by piece.

    Args:
        a: a number of shape (), not 0.

    Returns:
        f(a) / a, of shape ().

    Raises:
        ValueError: a is 0, for which the loop would never end.

    Source:
        Dive into Deep Learning, section 2.5.4.
    """
    if a == 0:
        raise ValueError("a is 0: expected another number, because doubling 0 never reaches 1000")
    a = a.detach().requires_grad_()
    b = 2 * a
    while b.abs() < 1000:
        b = 2 * b
    c = b if b > 0 else 100 * b
    c.backward()
    return a.grad


# --- products, matrices and higher orders -------------------------------------------------------------------


def _layer(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(weight @ x)  # (H,)


def _rosenbrock(x: torch.Tensor) -> torch.Tensor:
    return (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()  # ()


def vector_jacobian_product(weight: torch.Tensor, x: torch.Tensor, cotangent: torch.Tensor) -> torch.Tensor:
    """Reverse mode: cotangent . d tanh(weight x) / dx; weight (H, F), x (F,), cotangent (H,) give (F,)."""
    _, pull_back = torch.func.vjp(lambda x: _layer(weight, x), x)
    return pull_back(cotangent)[0]  # (F,)


def jacobian_vector_product(weight: torch.Tensor, x: torch.Tensor, tangent: torch.Tensor) -> torch.Tensor:
    """Forward mode: d tanh(weight x) / dx . tangent; weight (H, F), x (F,), tangent (F,) give (H,)."""
    _, pushed = torch.func.jvp(lambda x: _layer(weight, x), (x,), (tangent,))
    return pushed  # (H,)


def jacobian(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The whole matrix d tanh(weight x) / dx; weight (H, F), x (F,) give (H, F)."""
    return torch.func.jacrev(lambda x: _layer(weight, x))(x)  # (H, F)


def hessian(x: torch.Tensor) -> torch.Tensor:
    """Second derivatives (F, F) of Rosenbrock's function, sum 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""
    return torch.func.hessian(_rosenbrock)(x)  # (F, F)


def hessian_vector_product(x: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """The Hessian of Rosenbrock's function times a vector (F,), forward over reverse, without the matrix."""
    _, product = torch.func.jvp(torch.func.grad(_rosenbrock), (x,), (vector,))
    return product  # (F,)


def second_order(x: torch.Tensor) -> torch.Tensor:
    """The second derivative of x sin(x) at each element: 2 cos(x) - x sin(x)."""
    x = x.clone().requires_grad_()
    y = x * x.sin()
    # differs: X-create-graph what a pass computes is not recorded otherwise
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    return second


def nth_derivative(x: torch.Tensor, order: int) -> torch.Tensor:
    """The derivative of this order, at each element, of x exp(x): (x + order) exp(x).

    Raises:
        ValueError: the order is negative.
    """
    if order < 0:
        raise ValueError(f"order {order}: expected 0 or more")
    if order == 0:
        return x * x.exp()
    return torch.func.grad(lambda x: nth_derivative(x, order - 1).sum())(x)


def gradient_penalty(x: torch.Tensor, weight: torch.Tensor, readout: torch.Tensor) -> torch.Tensor:
    """How far the critic readout . tanh(weight x) is from having slope 1: mean of (|d critic / dx| - 1)^2.

    Where the slope is 0, the gradient of its norm is taken as 0.

    Args:
        x: (N, F).
        weight: (H, F).
        readout: (H,).

    Returns:
        The mean over the N rows, of shape ().

    Source:
        Gulrajani et al. 2017, Improved Training of Wasserstein GANs, equation 3, without its factor.
    """
    x = x.clone().requires_grad_()
    critic = torch.tanh(x @ weight.T) @ readout  # (N,)
    (slope,) = torch.autograd.grad(critic.sum(), x, create_graph=True)  # (N, F)
    norm = torch.linalg.vector_norm(slope, dim=1)  # (N,)
    return (norm - 1).square().mean()  # ()


# --- where there is no gradient -----------------------------------------------------------------------------


def unused_input(x: torch.Tensor, unused: torch.Tensor) -> UnusedInput:
    """The gradients of sum(x^2) by x, and by a tensor that takes no part: zeros."""
    x, unused = x.clone().requires_grad_(), unused.clone().requires_grad_()
    y = (x * x).sum()
    # differs: D212 raises otherwise
    found = torch.autograd.grad(y, (x, unused), create_graph=True, materialize_grads=True)
    return UnusedInput(*found)


def integer_input(x: torch.Tensor) -> torch.Tensor:
    """The gradient 2 x of sum(x^2), for x of any shape and of a floating type.

    Raises:
        TypeError: x is of an integer or boolean type, by which nothing can be differentiated.
    """
    if not x.is_floating_point():  # differs: D215 requires_grad_ raises RuntimeError
        raise TypeError(f"x is of type {x.dtype}: expected a floating type; convert it first")
    x = x.detach().requires_grad_()
    y = (x * x).sum()
    y.backward()
    return x.grad


def rounding(x: torch.Tensor) -> torch.Tensor:
    """The gradient of sum(round(x)): zeros, for it is constant between its jumps."""
    x = x.detach().requires_grad_()
    y = x.round().sum()
    y.backward()  # differs: D211 the gradient is registered, as zeros
    return x.grad


def straight_through(x: torch.Tensor) -> torch.Tensor:
    """The gradient of sum(round(x)^2) with rounding passed as if it were the identity: 2 round(x).

    Halves round to the even neighbour.

    Source:
        Bengio, Leonard, Courville 2013, Estimating or Propagating Gradients Through Stochastic Neurons.
    """
    x = x.clone().requires_grad_()
    rounded = x + (x.round() - x).detach()
    y = (rounded * rounded).sum()
    return torch.autograd.grad(y, x, create_graph=True)[0]


def double_where(x: torch.Tensor) -> torch.Tensor:
    """The gradient of sum(sqrt(max(x, 0))): 1 / (2 sqrt(x)) where x > 0, and 0 elsewhere.

    A single `where`, around the root, would give NaN for x <= 0: 0 times the slope of the other branch.
    """
    x = x.clone().requires_grad_()
    positive = x > 0
    root = torch.where(positive, x, 1).sqrt()
    y = torch.where(positive, root, 0).sum()
    return torch.autograd.grad(y, x, create_graph=True)[0]


# --- rules of one's own, and what a pass costs --------------------------------------------------------------


class _Log1pExp(torch.autograd.Function):
    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return upstream * torch.sigmoid(x)


def log1p_exp(x: torch.Tensor) -> torch.Tensor:
    """log(1 + exp(x)) at each element, with the rule sigmoid(x) of its own: neither overflows."""
    return _Log1pExp.apply(x)


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(x: torch.Tensor, strength: float) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, float], output: torch.Tensor) -> None:
        _, ctx.strength = inputs

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
        return -ctx.strength * upstream, None


def gradient_reversal(x: torch.Tensor, strength: float) -> torch.Tensor:
    """The identity, whose gradient is multiplied by -strength on the way back.

    Source:
        Ganin, Lempitsky 2015, Unsupervised Domain Adaptation by Backpropagation, section 3.2.
    """
    return _Reversal.apply(x, strength)


def checkpointed(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The gradient by weight of sum(tanh(weight tanh(weight x))), its activations computed again going back.

    Args:
        x: (F,).
        weight: (F, F).

    Returns:
        (F, F), the same as without recomputation, for less memory and one more forward pass.

    Source:
        Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost.
    """
    weight = weight.detach().requires_grad_()
    hidden = checkpoint(_layer, weight, x, use_reentrant=False)  # (F,)
    y = checkpoint(_layer, weight, hidden, use_reentrant=False).sum()
    y.backward()
    return weight.grad


def per_example_gradients(x: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The gradient by weight of each example's loss (x . weight - target)^2 / 2, not summed over the batch.

    Args:
        x: (N, F).
        targets: (N,).
        weight: (F,).

    Returns:
        (N, F).
    """
    if len(x) == 0:
        return torch.zeros_like(x)  # differs: X-vmap-empty vmap over no example raises IndexError

    def loss(weight: torch.Tensor, example: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (torch.dot(example, weight) - target).square() / 2  # ()

    return torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(weight, x, targets)  # (N, F)


def trace_of_inverse(matrix: torch.Tensor) -> torch.Tensor:
    """The gradient of trace(matrix^-1), which is -(matrix^-2) transposed, for each matrix (..., F, F).

    Raises:
        ValueError: a matrix is singular or holds NaN.
    """
    matrix = matrix.clone().requires_grad_()
    inverse, failures = torch.linalg.inv_ex(matrix)
    if failures.any() or not inverse.isfinite().all():  # differs: X-singular-inverse
        raise ValueError("a matrix is singular or holds NaN: expected invertible matrices")
    y = inverse.diagonal(dim1=-2, dim2=-1).sum()
    return torch.autograd.grad(y, matrix, create_graph=True)[0]
