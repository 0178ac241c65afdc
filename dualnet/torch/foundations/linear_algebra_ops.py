"""Arithmetic at each element, products of vectors and matrices, and decompositions, in PyTorch.

Operators and `torch.linalg` do it; vectors are taken beside matrices, and types are promoted. Values are checked, which
on a GPU waits for it.

Letters: R rows, C columns, M by N for any matrix, F by F for a square one, ... for batches. Everywhere TypeError is
raised for operands of several types and for booleans; ValueError for shapes that do not fit, and for matrices to be
decomposed that hold NaN or infinities. Integers give float64 where the result is no integer.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch

from dualnet.concepts.foundations.linear_algebra_ops import QR, SVD, Eigh

__all__ = [
    "absolute",
    "add",
    "binary_logarithm",
    "cholesky",
    "clip",
    "cross",
    "decimal_logarithm",
    "determinant",
    "divide",
    "dot",
    "eigh",
    "einsum",
    "exponential",
    "floor_divide",
    "frobenius_norm",
    "inverse",
    "kronecker",
    "least_squares",
    "logarithm",
    "matmul",
    "matrix_vector",
    "maximum",
    "minimum",
    "modulo",
    "multiply",
    "outer",
    "pinv",
    "power",
    "qr",
    "sign",
    "solve",
    "square_root",
    "subtract",
    "svd",
    "trace",
    "transpose",
]

P = ParamSpec("P")
T = TypeVar("T")


# --- what does not fit --------------------------------------------------------------------------------------


def _checked(function: Callable[P, T]) -> Callable[P, T]:
    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        tensors: list[Any] = [value for value in (*args, *kwargs.values()) if torch.is_tensor(value)]
        types = {str(tensor.dtype) for tensor in tensors}
        if len(types) > 1 or "torch.bool" in types:  # differs: D225, D233 promotes them, and True + True is True
            raise TypeError(f"{function.__name__} of {sorted(types)}: expected one type of numbers; convert first")
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:  # differs: X-shape-error, X-singular
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise ValueError(f"{function.__name__} of {shapes}: {error}") from error

    return checked


def _floating(x: torch.Tensor) -> torch.Tensor:
    return x if x.is_floating_point() else x.to(torch.float64)  # differs: D226, X-integer-functions float32


def _check_axes(axes: int, *tensors: torch.Tensor, exactly: bool = False) -> None:
    for x in tensors:
        if x.ndim < axes or (exactly and x.ndim > axes):  # differs: D267 vectors would be taken, too
            raise ValueError(f"shape {tuple(x.shape)}: expected {axes} axes{'' if exactly else ' or more'}")


def _matrices(x: torch.Tensor, square: bool = False) -> torch.Tensor:
    _check_axes(2, x)
    if square and x.shape[-1] != x.shape[-2]:
        raise ValueError(f"shape {tuple(x.shape)}: expected square matrices")
    x = _floating(x)
    if not x.isfinite().all():  # differs: X-singular would give NaN
        raise ValueError(f"matrices {tuple(x.shape)} hold NaN or infinities: expected finite numbers")
    return x


def _check_divisor(y: torch.Tensor) -> None:
    if not y.is_floating_point() and (y == 0).any():  # differs: X-zero-division raises RuntimeError
        raise ZeroDivisionError("integers cannot be divided by 0: expected other divisors, or a floating type")


# --- two operands at each element ---------------------------------------------------------------------------


@_checked
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The sum x + y at each element; the shapes broadcast."""
    return x + y


@_checked
def subtract(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The difference x - y at each element; the shapes broadcast."""
    return x - y


@_checked
def multiply(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The Hadamard product, x times y at each element; the shapes broadcast."""
    return x * y


@_checked
def divide(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The quotient x / y at each element: infinite or NaN where y is 0, float64 for integers."""
    return _floating(x) / _floating(y)


@_checked
def floor_divide(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The quotient x / y rounded down, for negative numbers, too; the gradient is 0.

    Floating numbers are divided exactly before they are rounded, and by 0 as in divide.

    Raises:
        ZeroDivisionError: y are integers, and one is 0.
    """
    _check_divisor(y)
    return torch.div(x, y, rounding_mode="floor")  # differs: D211 floor_divide has no derivative


@_checked
def modulo(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What is left of x after floor_divide, with the sign of y; NaN where a floating y is 0.

    Raises:
        ZeroDivisionError: y are integers, and one is 0.
    """
    _check_divisor(y)
    return x % y  # differs: D244 fmod has the sign of x


@_checked
def power(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The power x ** y at each element, NaN where x is negative and y no whole number.

    The gradient by x is 0 where y is 0; the gradient by y is NaN where x is negative, and 0 where x is 0 and y is not
    negative.

    Raises:
        ValueError: x and y are integers, and one of y is negative.
    """
    if not y.is_floating_point() and (y < 0).any():  # differs: X-integer-power would give 0
        raise ValueError("integers cannot be raised to negative powers: expected a floating type")
    return x**y  # differs: D207


@_checked
def maximum(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The greater of x and y at each element; NaN if one is. Equal ones share the gradient evenly."""
    return torch.maximum(x, y)  # differs: D203


@_checked
def minimum(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The lesser of x and y at each element; NaN if one is. Equal ones share the gradient evenly."""
    return torch.minimum(x, y)  # differs: D203


# --- one operand --------------------------------------------------------------------------------------------


@_checked
def square_root(x: torch.Tensor) -> torch.Tensor:
    """The root; NaN of negative numbers. Its gradient at 0 is infinite."""
    return _floating(x).sqrt()


@_checked
def exponential(x: torch.Tensor) -> torch.Tensor:
    """The exponential function e ** x, infinite where it is too large for the type."""
    return _floating(x).exp()


@_checked
def logarithm(x: torch.Tensor) -> torch.Tensor:
    """The natural logarithm: -inf of 0, NaN of negative numbers."""
    return _floating(x).log()


@_checked
def binary_logarithm(x: torch.Tensor) -> torch.Tensor:
    """The logarithm to base 2: -inf of 0, NaN of negative numbers."""
    return _floating(x).log2()


@_checked
def decimal_logarithm(x: torch.Tensor) -> torch.Tensor:
    """The logarithm to base 10: -inf of 0, NaN of negative numbers. Rounding may put that of 1000 below 3."""
    return _floating(x).log10()


@_checked
def absolute(x: torch.Tensor) -> torch.Tensor:
    """The size of each number; the gradient at 0 is 0."""
    return x.abs()


@_checked
def sign(x: torch.Tensor) -> torch.Tensor:
    """-1, 0 or 1; NaN of NaN. The gradient is 0."""
    return torch.where(x.isnan(), x.detach(), x.sign())  # differs: X-sign-nan 0 of NaN


@_checked
def clip(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Each x, but low where it is less and high where it is greater; the gradient at a bound is 1, beyond it 0.

    Raises:
        TypeError: x are integers, and a bound is a float.
        ValueError: low is greater than high.
    """
    if not low <= high:  # differs: X-clip-order would give high everywhere
        raise ValueError(f"bounds {low} and {high}: expected the lower one first")
    if not (x.is_floating_point() or (isinstance(low, int) and isinstance(high, int))):  # differs: X-clip-integers
        raise TypeError(f"bounds {low} and {high}: expected whole numbers for a tensor of {x.dtype}")
    return torch.where(x < low, low, torch.where(x > high, high, x))  # differs: D201 clamp's gradient there is 0


# --- products -----------------------------------------------------------------------------------------------


@_checked
def dot(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The scalar product of two vectors: (F,) and (F,) give ()."""
    _check_axes(1, x, y, exactly=True)
    return torch.dot(x, y)


@_checked
def outer(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """All products of two vectors' elements: (R,) and (C,) give (R, C)."""
    _check_axes(1, x, y, exactly=True)
    return torch.outer(x, y)


@_checked
def cross(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The vector product along the last axis: (..., 3) and (..., 3), which broadcast, give (..., 3)."""
    if x.shape[-1:] != (3,) or y.shape[-1:] != (3,):
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}: expected 3 elements along the last axis")
    return torch.linalg.cross(*torch.broadcast_tensors(x, y))  # differs: D268 torch.cross may take another axis


@_checked
def matrix_vector(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """A matrix times a vector: (..., R, C) and (..., C) give (..., R)."""
    _check_axes(2, matrix)
    _check_axes(1, vector)
    return (matrix @ vector[..., None])[..., 0]  # differs: D267 @ takes several vectors for a matrix


@_checked
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The product of matrices: (..., R, F) and (..., F, C) give (..., R, C)."""
    _check_axes(2, x, y)
    return x @ y


@_checked
def einsum(equation: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Products summed over what the equation says: "bij,bjk->bik" is a batch of matrix products.

    A letter names an axis and has one size everywhere, "..." stands for several axes.
    """
    _check_letters(equation, x, y)
    return torch.einsum(equation, x, y)


def _check_letters(equation: str, *operands: torch.Tensor) -> None:
    sizes: dict[str, int] = {}
    for term, x in zip(equation.replace(" ", "").partition("->")[0].split(","), operands, strict=True):
        front, _, back = term.partition("...")
        axes = [*zip(front, x.shape, strict=False), *zip(back[::-1], x.shape[::-1], strict=False)]
        if wrong := [letter for letter, size in axes if sizes.setdefault(letter, size) != size]:
            raise ValueError(f"letter {wrong[0]} has two sizes")  # differs: X-einsum-one a size of 1 would broadcast


@_checked
def kronecker(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Every element of x times all of y, as blocks: (R, C) and (M, N) give (R M, C N)."""
    _check_axes(2, x, y, exactly=True)
    return torch.kron(x, y)  # differs: X-kronecker


# --- matrices -----------------------------------------------------------------------------------------------


def transpose(x: torch.Tensor) -> torch.Tensor:
    """Rows become columns: (..., R, C) of any type gives (..., C, R).

    Raises:
        ValueError: x has less than two axes.
    """
    _check_axes(2, x)
    return x.mT  # differs: D256 transpose swaps the two axes that it is told


@_checked
def trace(x: torch.Tensor) -> torch.Tensor:
    """The sum of the main diagonal, in x's type: (..., R, C) gives (...)."""
    _check_axes(2, x)
    return x.diagonal(dim1=-2, dim2=-1).sum(dim=-1, dtype=x.dtype)  # differs: X-trace torch.trace takes one matrix


@_checked
def frobenius_norm(x: torch.Tensor) -> torch.Tensor:
    """The root of the sum of squares: (..., R, C) gives (...). Its gradient at the zero matrix is 0."""
    _check_axes(2, x)
    return torch.linalg.matrix_norm(_floating(x), "fro")  # differs: D205


@_checked
def determinant(x: torch.Tensor) -> torch.Tensor:
    """The determinant: (..., F, F) gives (...). Its gradient is the matrix of cofactors, of singular ones, too."""
    return _Determinant.apply(_matrices(x, square=True))


class _Determinant(torch.autograd.Function):
    # differs: D210 the gradient of linalg.det at a singular matrix is 0

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.linalg.det(x)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> torch.Tensor:
        u, s, vh = torch.linalg.svd(*ctx.saved_tensors)
        same = torch.eye(s.shape[-1], dtype=torch.bool, device=s.device)
        others = torch.where(same, 1, s[..., None, :]).prod(dim=-1)  # (..., F) products of all others
        turned = torch.linalg.det(u) * torch.linalg.det(vh)  # (...) 1 or -1
        return (upstream * turned)[..., None, None] * ((u * others[..., None, :]) @ vh)  # (..., F, F)


@_checked
def inverse(x: torch.Tensor) -> torch.Tensor:
    """The inverse of each matrix (..., F, F).

    Raises:
        ValueError: a matrix is singular.
    """
    return torch.linalg.inv(_matrices(x, square=True))


@_checked
def solve(matrix: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The x for which matrix x = right: (..., F, F) and (..., F, K) give (..., F, K), a vector (F,) gives (..., F).

    Raises:
        ValueError: a matrix is singular.
    """
    matrix = _matrices(matrix, square=True)
    _check_axes(1, right)
    columns = _floating(right[:, None] if right.ndim == 1 else right)  # (..., F, K)
    batch = torch.broadcast_shapes(matrix.shape[:-2], columns.shape[:-2])
    # differs: D267 linalg.solve would take (B, F) for vectors if matrix is (B, F, F)
    found = torch.linalg.solve(matrix.expand(*batch, *matrix.shape[-2:]), columns.expand(*batch, *columns.shape[-2:]))
    return found[..., 0] if right.ndim == 1 else found


@_checked
def least_squares(matrix: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The x for which |matrix x - right| is least: (..., M, N) and (..., M, K) give (..., N, K), (M,) gives (..., N).

    Raises:
        ValueError: the columns depend on each other, so that x is not unique; so they do if M < N.
    """
    _check_axes(1, right)
    columns = _floating(right[:, None] if right.ndim == 1 else right)  # (..., M, K)
    q, r = qr(matrix)  # differs: D266 linalg.lstsq
    pivots = r.diagonal(dim1=-2, dim2=-1).abs()  # (..., N)
    rounding = max(matrix.shape[-2:]) * torch.finfo(r.dtype).eps
    if matrix.shape[-2] < matrix.shape[-1] or (pivots <= rounding * pivots.amax(dim=-1, keepdim=True)).any():
        raise ValueError("the columns depend on each other: expected independent ones; pinv takes any matrix")
    found = torch.linalg.solve_triangular(r, q.mT @ columns, upper=True)
    return found[..., 0] if right.ndim == 1 else found


@_checked
def pinv(x: torch.Tensor, cutoff: float | None = None) -> torch.Tensor:
    """The pseudoinverse of each matrix: (..., M, N) gives (..., N, M). Its gradient takes the rank as constant.

    Args:
        x: the matrices.
        cutoff: singular values up to this part of the greatest count as 0; by default max(M, N) roundings.

    Source:
        Golub, Pereyra 1973, The Differentiation of Pseudo-Inverses and Nonlinear Least Squares Problems.
    """
    return torch.linalg.pinv(_matrices(x), rtol=cutoff)  # differs: D265


# --- decompositions -----------------------------------------------------------------------------------------


def _signs(vectors: torch.Tensor) -> torch.Tensor:
    # differs: D263 the signs are arbitrary; equal sizes are told apart by their place, not by rounding
    sizes = vectors.abs()
    large = sizes > 0.99 * sizes.amax(dim=-2, keepdim=True)
    first = vectors.gather(-2, large.byte().argmax(dim=-2, keepdim=True))  # (..., 1, K)
    return torch.where(first < 0, -1, 1)


@_checked
def cholesky(x: torch.Tensor) -> torch.Tensor:
    """Lower triangular L with positive diagonal, such that L L^T = (x + x^T) / 2, for x (..., F, F).

    Raises:
        ValueError: a matrix is not positive definite.
    """
    x = _matrices(x, square=True)
    return torch.linalg.cholesky((x + x.mT) / 2)  # differs: D264 raises by itself


@_checked
def qr(x: torch.Tensor) -> QR:
    """Orthonormal columns q and upper triangular r with positive diagonal, such that q r = x.

    (..., M, N) gives (..., M, K) and (..., K, N), K the lesser of M and N. The gradient needs independent columns.
    """
    q, r = torch.linalg.qr(_matrices(x))
    signs = torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1, 1)  # (..., K)  # differs: X-qr-signs
    return QR(q * signs[..., None, :], r * signs[..., None])


@_checked
def svd(x: torch.Tensor) -> SVD:
    """Singular values in descending order and their vectors, such that u diag(s) vh = x.

    (..., M, N) gives (..., M, K), (..., K) and (..., K, N), K the lesser of M and N. In each column of u, the first of
    the largest components (to 1 %) is positive. The gradient by the vectors needs different singular values.
    """
    u, s, vh = torch.linalg.svd(_matrices(x), full_matrices=False)  # differs: D262
    signs = _signs(u)  # (..., 1, K)
    return SVD(u * signs, s, vh * signs.mT)


@_checked
def eigh(x: torch.Tensor) -> Eigh:
    """Eigenvalues in ascending order and eigenvectors of the symmetric part (x + x^T) / 2.

    (..., F, F) gives (..., F) and, as columns, (..., F, F). In each vector, the first of the largest components (to
    1 %) is positive. The gradient by the vectors needs different eigenvalues.
    """
    x = _matrices(x, square=True)
    values, vectors = torch.linalg.eigh((x + x.mT) / 2)  # differs: X-eigh-gradient
    return Eigh(values, vectors * _signs(vectors))
