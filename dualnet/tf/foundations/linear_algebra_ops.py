"""Arithmetic at each element, products of vectors and matrices, and decompositions, in TensorFlow.

Operators, `tf.math` and `tf.linalg` do it; matrices and vectors have functions of their own, and types are never
promoted. Values are checked, which needs eager execution.

Letters: R rows, C columns, M by N for any matrix, F by F for a square one, ... for batches. Everywhere TypeError is
raised for operands of several types and for booleans; ValueError for shapes that do not fit, and for matrices to be
decomposed that hold NaN or infinities. Integers give float64 where the result is no integer.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import tensorflow as tf
from keras import ops

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
        tensors: list[Any] = [value for value in (*args, *kwargs.values()) if tf.is_tensor(value)]
        types = {tensor.dtype.name for tensor in tensors}
        if len(types) > 1 or "bool" in types:  # differs: D225, D233 raises InvalidArgumentError
            raise TypeError(f"{function.__name__} of {sorted(types)}: expected one type of numbers; convert first")
        try:
            return function(*args, **kwargs)
        except tf.errors.InvalidArgumentError as error:  # differs: X-shape-error, X-singular
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise ValueError(f"{function.__name__} of {shapes}: {error}") from error

    return checked


def _floating(x: tf.Tensor) -> tf.Tensor:
    return x if x.dtype.is_floating else tf.cast(x, tf.float64)  # differs: X-integer-functions raises


def _check_axes(axes: int, *tensors: tf.Tensor, exactly: bool = False) -> None:
    for x in tensors:
        if x.ndim < axes or (exactly and x.ndim > axes):
            raise ValueError(f"shape {tuple(x.shape)}: expected {axes} axes{'' if exactly else ' or more'}")


def _matrices(x: tf.Tensor, square: bool = False) -> tf.Tensor:
    _check_axes(2, x)
    if square and x.shape[-1] != x.shape[-2]:
        raise ValueError(f"shape {tuple(x.shape)}: expected square matrices")
    x = _floating(x)
    if not tf.reduce_all(tf.math.is_finite(x)):  # differs: X-singular
        raise ValueError(f"matrices {tuple(x.shape)} hold NaN or infinities: expected finite numbers")
    return x


def _check_divisor(y: tf.Tensor) -> None:
    if not y.dtype.is_floating and tf.reduce_any(y == 0):  # differs: X-zero-division InvalidArgumentError
        raise ZeroDivisionError("integers cannot be divided by 0: expected other divisors, or a floating type")


# --- two operands at each element ---------------------------------------------------------------------------


@_checked
def add(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The sum x + y at each element; the shapes broadcast."""
    return x + y


@_checked
def subtract(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The difference x - y at each element; the shapes broadcast."""
    return x - y


@_checked
def multiply(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The Hadamard product, x times y at each element; the shapes broadcast."""
    return x * y


@_checked
def divide(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The quotient x / y at each element: infinite or NaN where y is 0, float64 for integers."""
    return _floating(x) / _floating(y)  # differs: D226


@_checked
def floor_divide(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The quotient x / y rounded down, for negative numbers, too; the gradient is 0.

    Floating numbers are divided exactly before they are rounded, and by 0 as in divide.

    Raises:
        ZeroDivisionError: y are integers, and one is 0.
    """
    _check_divisor(y)
    if not x.dtype.is_floating:
        return x // y
    x, y = tf.stop_gradient(x), tf.stop_gradient(y)  # differs: D211 only truncatemod and round have none
    # differs: X-floor-divide // rounds the quotient twice: 1 // 0.1 is 10, although 0.1 is a little more than a tenth
    left = tf.truncatemod(x, y)  # exact, with the sign of x
    whole = tf.round((x - left) / y)
    whole = tf.where((left != 0) & ((left < 0) != (y < 0)), whole - 1, whole)
    return tf.where(y == 0, x / y, whole)


@_checked
def modulo(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """What is left of x after floor_divide, with the sign of y; NaN where a floating y is 0.

    Raises:
        ZeroDivisionError: y are integers, and one is 0.
    """
    _check_divisor(y)
    return x % y  # differs: D244 truncatemod has the sign of x


@_checked
def power(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The power x ** y at each element, NaN where x is negative and y no whole number.

    The gradient by x is 0 where y is 0; the gradient by y is NaN where x is negative, and 0 where x is 0 and y is not
    negative.

    Raises:
        ValueError: x and y are integers, and one of y is negative.
    """
    if not x.dtype.is_floating:
        return x**y  # differs: X-integer-power raises by itself
    shape = tf.broadcast_static_shape(x.shape, y.shape)
    return _power(tf.broadcast_to(x, shape), tf.broadcast_to(y, shape))


@tf.custom_gradient
def _power(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    result = x**y

    def backward(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # differs: D207 NaN by x where both are 0, 0 by y where x is negative
        by_x = tf.where(y == 0, 0, y * x ** (y - 1))
        by_y = tf.where((x == 0) & (y >= 0), 0, result * tf.math.log(x))
        return upstream * by_x, upstream * by_y

    return result, backward


@_checked
def maximum(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The greater of x and y at each element; NaN if one is. Equal ones share the gradient evenly."""
    chosen = tf.maximum(x, y)
    if not x.dtype.is_floating:
        return chosen
    return tf.where(tf.equal(x, y), x / 2 + y / 2, chosen)  # differs: D203 all of it would go to x


@_checked
def minimum(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The lesser of x and y at each element; NaN if one is. Equal ones share the gradient evenly."""
    chosen = tf.minimum(x, y)
    if not x.dtype.is_floating:
        return chosen
    return tf.where(tf.equal(x, y), x / 2 + y / 2, chosen)  # differs: D203 all of it would go to x


# --- one operand --------------------------------------------------------------------------------------------


@_checked
def square_root(x: tf.Tensor) -> tf.Tensor:
    """The root; NaN of negative numbers. Its gradient at 0 is infinite."""
    return tf.sqrt(_floating(x))


@_checked
def exponential(x: tf.Tensor) -> tf.Tensor:
    """The exponential function e ** x, infinite where it is too large for the type."""
    return tf.exp(_floating(x))


@_checked
def logarithm(x: tf.Tensor) -> tf.Tensor:
    """The natural logarithm: -inf of 0, NaN of negative numbers."""
    return tf.math.log(_floating(x))


@_checked
def binary_logarithm(x: tf.Tensor) -> tf.Tensor:
    """The logarithm to base 2: -inf of 0, NaN of negative numbers."""
    return ops.log2(_floating(x))


@_checked
def decimal_logarithm(x: tf.Tensor) -> tf.Tensor:
    """The logarithm to base 10: -inf of 0, NaN of negative numbers. Rounding may put that of 1000 below 3."""
    return ops.log10(_floating(x))


@_checked
def absolute(x: tf.Tensor) -> tf.Tensor:
    """The size of each number; the gradient at 0 is 0."""
    return tf.abs(x)


@_checked
def sign(x: tf.Tensor) -> tf.Tensor:
    """-1, 0 or 1; NaN of NaN. The gradient is 0."""
    return tf.sign(x)


@_checked
def clip(x: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Each x, but low where it is less and high where it is greater; the gradient at a bound is 1, beyond it 0.

    Raises:
        TypeError: x are integers, and a bound is a float.
        ValueError: low is greater than high.
    """
    if not low <= high:  # differs: X-clip-order would give low everywhere
        raise ValueError(f"bounds {low} and {high}: expected the lower one first")
    return tf.clip_by_value(x, low, high)  # differs: D201, X-clip-integers raises by itself


# --- products -----------------------------------------------------------------------------------------------


@_checked
def dot(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The scalar product of two vectors: (F,) and (F,) give ()."""
    _check_axes(1, x, y, exactly=True)
    return tf.tensordot(x, y, axes=1)


@_checked
def outer(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """All products of two vectors' elements: (R,) and (C,) give (R, C)."""
    _check_axes(1, x, y, exactly=True)
    return tf.tensordot(x, y, axes=0)


@_checked
def cross(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The vector product along the last axis: (..., 3) and (..., 3), which broadcast, give (..., 3)."""
    if x.shape[-1:] != (3,) or y.shape[-1:] != (3,):
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}: expected 3 elements along the last axis")
    shape = tf.broadcast_static_shape(x.shape, y.shape)
    return tf.linalg.cross(tf.broadcast_to(x, shape), tf.broadcast_to(y, shape))  # differs: D268


@_checked
def matrix_vector(matrix: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    """A matrix times a vector: (..., R, C) and (..., C) give (..., R)."""
    _check_axes(2, matrix)
    _check_axes(1, vector)
    return tf.linalg.matvec(matrix, vector)  # differs: D267


@_checked
def matmul(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The product of matrices: (..., R, F) and (..., F, C) give (..., R, C)."""
    _check_axes(2, x, y)
    return x @ y


@_checked
def einsum(equation: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Products summed over what the equation says: "bij,bjk->bik" is a batch of matrix products.

    A letter names an axis and has one size everywhere, "..." stands for several axes.
    """
    return tf.einsum(equation, x, y)


@_checked
def kronecker(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Every element of x times all of y, as blocks: (R, C) and (M, N) give (R M, C N)."""
    _check_axes(2, x, y, exactly=True)
    blocks = x[:, None, :, None] * y[None, :, None, :]  # (R, M, C, N)
    return tf.reshape(blocks, (x.shape[0] * y.shape[0], x.shape[1] * y.shape[1]))  # differs: X-kronecker


# --- matrices -----------------------------------------------------------------------------------------------


def transpose(x: tf.Tensor) -> tf.Tensor:
    """Rows become columns: (..., R, C) of any type gives (..., C, R).

    Raises:
        ValueError: x has less than two axes.
    """
    _check_axes(2, x)
    return tf.linalg.matrix_transpose(x)  # differs: D256 tf.transpose reverses all axes


@_checked
def trace(x: tf.Tensor) -> tf.Tensor:
    """The sum of the main diagonal, in x's type: (..., R, C) gives (...)."""
    _check_axes(2, x)
    return tf.linalg.trace(x)


@_checked
def frobenius_norm(x: tf.Tensor) -> tf.Tensor:
    """The root of the sum of squares: (..., R, C) gives (...). Its gradient at the zero matrix is 0."""
    _check_axes(2, x)
    squares = tf.reduce_sum(tf.square(_floating(x)), axis=(-2, -1))  # (...)
    zero = squares == 0
    return tf.where(zero, 0, tf.sqrt(tf.where(zero, 1, squares)))  # differs: D205 the gradient of tf.norm is NaN


@_checked
def determinant(x: tf.Tensor) -> tf.Tensor:
    """The determinant: (..., F, F) gives (...). Its gradient is the matrix of cofactors, of singular ones, too."""
    return _determinant(_matrices(x, square=True))


@tf.custom_gradient
def _determinant(x: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    def backward(upstream: tf.Tensor) -> tf.Tensor:
        # differs: D210 the gradient of linalg.det at a singular matrix raises
        s, u, v = tf.linalg.svd(x)
        same = tf.eye(x.shape[-1], dtype=tf.bool)
        others = tf.reduce_prod(tf.where(same, 1, s[..., None, :]), axis=-1)  # (..., F) products of all others
        turned = tf.linalg.det(u) * tf.linalg.det(v)  # (...) 1 or -1
        cofactors = tf.matmul(u * others[..., None, :], v, transpose_b=True)  # (..., F, F)
        return (upstream * turned)[..., None, None] * cofactors

    return tf.linalg.det(x), backward


@_checked
def inverse(x: tf.Tensor) -> tf.Tensor:
    """The inverse of each matrix (..., F, F).

    Raises:
        ValueError: a matrix is singular.
    """
    return tf.linalg.inv(_matrices(x, square=True))


@_checked
def solve(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """The x for which matrix x = right: (..., F, F) and (..., F, K) give (..., F, K), a vector (F,) gives (..., F).

    Raises:
        ValueError: a matrix is singular.
    """
    matrix = _matrices(matrix, square=True)
    _check_axes(1, right)
    columns = _floating(right[:, None] if right.ndim == 1 else right)  # (..., F, K)
    batch = tf.broadcast_static_shape(matrix.shape[:-2], columns.shape[:-2])
    # differs: D267 linalg.solve takes no vectors, and its batches do not broadcast
    found = tf.linalg.solve(
        tf.broadcast_to(matrix, batch + matrix.shape[-2:]), tf.broadcast_to(columns, batch + columns.shape[-2:])
    )
    return found[..., 0] if right.ndim == 1 else found


@_checked
def least_squares(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """The x for which |matrix x - right| is least: (..., M, N) and (..., M, K) give (..., N, K), (M,) gives (..., N).

    Raises:
        ValueError: the columns depend on each other, so that x is not unique; so they do if M < N.
    """
    _check_axes(1, right)
    columns = _floating(right[:, None] if right.ndim == 1 else right)  # (..., M, K)
    q, r = qr(matrix)  # differs: D266 linalg.lstsq squares the condition, or has no gradient
    pivots = tf.abs(tf.linalg.diag_part(r))  # (..., N)
    rounding = max(matrix.shape[-2:]) * tf.experimental.numpy.finfo(r.dtype).eps
    if matrix.shape[-2] < matrix.shape[-1] or tf.reduce_any(
        pivots <= rounding * tf.reduce_max(pivots, axis=-1, keepdims=True)
    ):
        raise ValueError("the columns depend on each other: expected independent ones; pinv takes any matrix")
    found = tf.linalg.triangular_solve(r, tf.matmul(q, columns, transpose_a=True), lower=False)
    return found[..., 0] if right.ndim == 1 else found


@_checked
def pinv(x: tf.Tensor, cutoff: float | None = None) -> tf.Tensor:
    """The pseudoinverse of each matrix: (..., M, N) gives (..., N, M). Its gradient takes the rank as constant.

    Args:
        x: the matrices.
        cutoff: singular values up to this part of the greatest count as 0; by default max(M, N) roundings.

    Source:
        Golub, Pereyra 1973, The Differentiation of Pseudo-Inverses and Nonlinear Least Squares Problems.
    """
    x = _matrices(x)
    rounding = max(x.shape[-2:]) * tf.experimental.numpy.finfo(x.dtype).eps
    cutoff = rounding if cutoff is None else cutoff  # differs: D265 ten times that many

    @tf.custom_gradient
    def inverted(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        found = tf.linalg.pinv(x, rcond=cutoff)  # (..., N, M)

        def backward(upstream: tf.Tensor) -> tf.Tensor:
            # differs: X-pinv-gradient goes through the singular vectors, which may not be unique
            p, g = tf.linalg.matrix_transpose(found), tf.linalg.matrix_transpose(upstream)  # (..., M, N)
            rows = tf.eye(x.shape[-2], dtype=x.dtype) - x @ found  # (..., M, M)
            columns = tf.eye(x.shape[-1], dtype=x.dtype) - found @ x  # (..., N, N)
            return rows @ g @ found @ p + p @ found @ g @ columns - p @ upstream @ p

        return found, backward

    return inverted(x)


# --- decompositions -----------------------------------------------------------------------------------------


def _signs(vectors: tf.Tensor) -> tf.Tensor:
    # differs: D263 the signs are arbitrary; equal sizes are told apart by their place, not by rounding
    sizes = tf.abs(vectors)
    large = sizes > 0.99 * tf.reduce_max(sizes, axis=-2, keepdims=True)
    place = tf.argmax(tf.cast(large, tf.uint8), axis=-2)[..., None, :]
    first = ops.take_along_axis(vectors, place, axis=-2)  # (..., 1, K)
    return tf.where(first < 0, tf.constant(-1, vectors.dtype), 1)


@_checked
def cholesky(x: tf.Tensor) -> tf.Tensor:
    """Lower triangular L with positive diagonal, such that L L^T = (x + x^T) / 2, for x (..., F, F).

    Raises:
        ValueError: a matrix is not positive definite.
    """
    x = _matrices(x, square=True)
    lower = tf.linalg.cholesky((x + tf.linalg.matrix_transpose(x)) / 2)
    return tf.debugging.check_numerics(lower, "expected positive definite matrices")  # differs: D264 is NaN


@_checked
def qr(x: tf.Tensor) -> QR:
    """Orthonormal columns q and upper triangular r with positive diagonal, such that q r = x.

    (..., M, N) gives (..., M, K) and (..., K, N), K the lesser of M and N. The gradient needs independent columns.
    """
    q, r = tf.linalg.qr(_matrices(x))
    signs = tf.where(tf.linalg.diag_part(r) < 0, tf.constant(-1, r.dtype), 1)  # (..., K)  # differs: X-qr-signs
    return QR(q * signs[..., None, :], r * signs[..., None])


@_checked
def svd(x: tf.Tensor) -> SVD:
    """Singular values in descending order and their vectors, such that u diag(s) vh = x.

    (..., M, N) gives (..., M, K), (..., K) and (..., K, N), K the lesser of M and N. In each column of u, the first of
    the largest components (to 1 %) is positive. The gradient by the vectors needs different singular values.
    """
    s, u, v = tf.linalg.svd(_matrices(x))  # differs: D262 v is not transposed
    signs = _signs(u)  # (..., 1, K)
    return SVD(u * signs, s, tf.linalg.matrix_transpose(v * signs))


@_checked
def eigh(x: tf.Tensor) -> Eigh:
    """Eigenvalues in ascending order and eigenvectors of the symmetric part (x + x^T) / 2.

    (..., F, F) gives (..., F) and, as columns, (..., F, F). In each vector, the first of the largest components (to
    1 %) is positive. The gradient by the vectors needs different eigenvalues.
    """
    x = _matrices(x, square=True)
    values, vectors = tf.linalg.eigh((x + tf.linalg.matrix_transpose(x)) / 2)  # differs: X-eigh-gradient
    return Eigh(values, vectors * _signs(vectors))
