"""Arithmetic at each element, products of vectors and matrices, and matrix decompositions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "QR", "SVD", "Eigh"]


class QR(NamedTuple):
    """Orthonormal columns, and an upper triangle with positive diagonal."""

    q: Any
    r: Any


class SVD(NamedTuple):
    """Left vectors as columns, singular values in descending order, right vectors as rows."""

    u: Any
    s: Any
    vh: Any


class Eigh(NamedTuple):
    """Eigenvalues in ascending order, and their vectors as columns."""

    values: Any
    vectors: Any


# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(11)
_MATRIX = _RNG.normal(size=(5, 7))
_OTHER = _RNG.normal(size=(5, 7))
_ROW = _RNG.normal(size=7)
_COLUMN = _RNG.normal(size=(5, 1))
_POSITIVE = _RNG.uniform(0.3, 3.0, size=(5, 7))
_VECTOR = _RNG.normal(size=3)
_FIVE = _RNG.normal(size=5)
_TALL = _RNG.normal(size=(2, 5, 3))
_WIDE = _RNG.normal(size=(3, 5))
_SQUARE = _RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3)
_RIGHT = _RNG.normal(size=(3, 5))
_HALF = _RNG.normal(size=(2, 5, 3))
_DEFINITE = np.swapaxes(_HALF, -1, -2) @ _HALF + np.eye(3)
_INTEGERS = np.array([7, -7, 7, -7, 1, -1, 6, -6])
_DIVISORS = np.array([3, 3, -3, -3, 5, 5, -3, -3])
_FLOATS = np.array([7.5, -7.5, 7.5, -7.5, 0.7, -0.7, 1.0, 0.3, -1.0])
_FLOAT_DIVISORS = np.array([2.3, 2.3, -2.3, -2.3, 5.0, 5.0, 0.1, 0.1, 0.1])
_EDGES = np.array([1.0, -1.0, 0.0, 1.0, -1.0, np.inf, 2.0, np.nan])
_EDGE_DIVISORS = np.array([0.0, 0.0, 0.0, np.inf, np.inf, 2.0, -np.inf, 1.0])
_SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
_RANK_TWO = np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 3.0]])
_MIRRORED = np.diag(np.full(7, 2.0)) - np.eye(7, k=1) - np.eye(7, k=-1)  # its eigenvectors have equal sizes in pairs
_WHOLE = np.array([[7, -2, 3], [1, 5, -4], [2, 3, 11]])
_WITH_NAN = np.array([[1.0, np.nan], [2.0, 3.0]])
_NO_ROWS = np.empty((0, 7))
_AT_ZERO = np.array([0.0, -2.0, 0.5])


def _pair(function: str, oracle: Callable[..., Any], x: Array = _MATRIX, y: Array = _OTHER) -> tuple[Case, ...]:
    """The cases that all functions of two operands at each element have in common."""
    cases = (("", x, y), ("row", x, y[2]), ("column", x[:, 3:4], y), ("empty", _NO_ROWS, y[2]))
    integers = {"x": _INTEGERS, "y": _DIVISORS}
    errors = (
        ("float32_and_float16", x.astype(np.float32), y.astype(np.float16), TypeError),
        ("float64_and_integers", x, np.arange(1, 8), TypeError),
        ("booleans", x > 0, y > 0, TypeError),
        ("shapes", x, y[:, :5], ValueError),
    )
    return (
        *(Case(function, {"x": a, "y": b}, oracle, wrt=("x", "y"), label=label) for label, a, b in cases),
        *([] if function == "power" else [Case(function, integers, oracle, label="integers")]),
        *(Case(function, {"x": a, "y": b}, raises=error, label=label) for label, a, b, error in errors),
    )


def _one(function: str, oracle: Callable[[Array], Any], x: Array, edges: Array) -> tuple[Case, ...]:
    """The cases that all functions of one operand have in common."""
    return (
        Case(function, {"x": x}, oracle, wrt=("x",)),
        Case(function, {"x": edges}, oracle, label="edges"),
        Case(function, {"x": np.array([1, 8, 100])}, oracle, label="integers"),
        Case(function, {"x": np.array(2.5)}, oracle, wrt=("x",), label="scalar"),
        Case(function, {"x": _NO_ROWS}, oracle, wrt=("x",), label="empty"),
    )


def _decomposed(function: str, oracle: Callable[[Array], Any], square: bool = True) -> tuple[Case, ...]:
    """The cases that all functions of one matrix have in common."""
    return (
        Case(function, {"x": _WHOLE @ _WHOLE.T}, oracle, label="integers"),
        Case(function, {"x": _WITH_NAN}, raises=ValueError, label="nan"),
        Case(function, {"x": _VECTOR}, raises=ValueError, label="vector"),
        *([Case(function, {"x": _WIDE}, raises=ValueError, label="not_square")] if square else []),
    )


def _at(function: str, label: str, oracle: Callable[..., Any], args: Any, **gradients: Any) -> Case:
    """A kink, tie or singular point, with the gradients that are meant."""
    expected = {name: np.array(value, float) for name, value in gradients.items()}
    return Case(function, args, oracle, wrt=tuple(expected), label=label, smooth=False, gradients=expected)


def _floor_divide(x: Array, y: Array) -> Any:
    return np.floor_divide(x, y)


def _clip(x: Array, low: float, high: float) -> Any:
    return np.clip(x, low, high)


def _cross(x: Array, y: Array) -> Any:
    return np.cross(x, y)


def _matrix_vector(matrix: Array, vector: Array) -> Any:
    return (matrix @ vector[..., None])[..., 0]


def _trace(x: Array) -> Any:
    return np.trace(x, axis1=-2, axis2=-1)


def _frobenius(x: Array) -> Any:
    return np.sqrt((x.astype(np.float64) ** 2).sum((-2, -1)))


def _solve(matrix: Array, right: Array) -> Any:
    return np.linalg.solve(matrix, right)


def _least_squares(matrix: Array, right: Array) -> Any:
    return np.linalg.pinv(matrix) @ right


def _pinv(x: Array, cutoff: Any = None) -> Any:
    return np.linalg.pinv(x.astype(np.float64), rtol=cutoff)


def _symmetric(x: Array) -> Array:
    return (x + np.swapaxes(x, -1, -2)) / 2


def _cholesky(x: Array) -> Any:
    return np.linalg.cholesky(_symmetric(x))


def _qr(x: Array) -> Any:
    q, r = np.linalg.qr(x)
    signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return QR(q * signs[..., None, :], r * signs[..., None])


def _signs(vectors: Array) -> Array:
    sizes = np.abs(vectors)
    place = (sizes > 0.99 * sizes.max(-2, keepdims=True)).argmax(-2)
    return np.where(np.take_along_axis(vectors, place[..., None, :], -2) < 0, -1.0, 1.0)


def _svd(x: Array) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return SVD(u * _signs(u), s, vh * np.swapaxes(_signs(u), -1, -2))


def _eigh(x: Array) -> Any:
    values, vectors = np.linalg.eigh(_symmetric(x))
    return Eigh(values, vectors * _signs(vectors))


def _power_cases() -> tuple[Case, ...]:
    return (
        *_pair("power", lambda x, y: np.power(x, y), _POSITIVE),
        Case("power", {"x": _INTEGERS, "y": np.arange(8)}, lambda x, y: np.power(x, y), label="integers"),
        Case("power", {"x": _INTEGERS, "y": -_INTEGERS}, raises=ValueError, label="negative_integers"),
        Case(
            "power",
            {"x": np.array([0.0, -1.5, -1.5, 0.0, np.inf]), "y": np.array([0.0, 2.0, 2.5, -1.0, 0.0])},
            lambda x, y: np.power(x, y),
            label="edges",
        ),
        _at(
            "power",
            "zeros",
            lambda x, y: np.power(x, y),
            {"x": np.array([0.0, 0.0, 0.0, 0.0, 2.0]), "y": np.array([0.0, 1.0, 2.0, 3.5, 0.0])},
            x=[0.0, 1.0, 0.0, 0.0, 0.0],
            y=[0.0, 0.0, 0.0, 0.0, np.log(2.0)],
        ),
        _at(
            "power",
            "negative",
            lambda x, y: np.power(x, y),
            {"x": np.array([-1.5, -0.5, -1.5]), "y": np.array([2.0, 0.0, 2.5])},
            x=[-3.0, 0.0, np.nan],
            y=[np.nan, np.nan, np.nan],
        ),
    )


CONCEPT = Concept(
    module=__name__,
    title="Elementwise arithmetic, products and matrix algebra",
    kind="ops",
    summary="Numbers are added, multiplied and taken apart: at each element, as vectors, and as matrices.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 2.1 and 2.3",
        "Golub, Van Loan, Matrix Computations, 4th edition, sections 2.4, 4.2, 5.2 and 8.1",
    ),
    differences=(
        Difference(
            "D201",
            "gradient of clip at its bounds",
            tf="1",
            torch="0 since 2.15, 1 before",
            ours="1: a value on the bound has not been changed",
        ),
        Difference(
            "D203",
            "gradient of the greater of two equal values",
            tf="all of it to the first",
            torch="half to each",
            ours="half to each",
        ),
        Difference(
            "D205",
            "gradient of the Frobenius norm at the zero matrix",
            tf="NaN",
            torch="0",
            ours="0",
        ),
        Difference(
            "D207",
            "gradients of x ** y at the edges",
            tf="by x NaN at 0 ** 0; by y 0 where x is negative",
            torch="by x 0 at 0 ** 0; by y NaN where x is negative",
            ours="PyTorch's: x ** 0 is constant, and x ** y is nothing real beside a negative x and a whole y",
            demo=Demo(
                tf="""
                    base, exponent = tf.constant([0.0, -2.0]), tf.constant([0.0, 3.0])
                    with tf.GradientTape() as tape:
                        tape.watch([base, exponent])
                        power = base**exponent
                    tape.gradient(power, [base, exponent])
                """,
                torch="""
                    base = torch.tensor([0.0, -2.0], requires_grad=True)
                    exponent = torch.tensor([0.0, 3.0], requires_grad=True)
                    power = base**exponent
                    torch.autograd.grad(power.sum(), [base, exponent])
                """,
            ),
        ),
        Difference(
            "D210",
            "gradient of the determinant of a singular matrix",
            tf="raises InvalidArgumentError",
            torch="0, without a word",
            ours="the cofactors, from the singular value decomposition",
            demo=Demo(
                tf="""
                    singular = tf.constant([[1.0, 2.0], [2.0, 4.0]])
                    with tf.GradientTape() as tape:
                        tape.watch(singular)
                        volume = tf.linalg.det(singular)
                    tape.gradient(volume, singular)
                """,
                torch="""
                    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
                    volume = torch.linalg.det(singular)
                    torch.autograd.grad(volume, singular)
                """,
            ),
        ),
        Difference(
            "D211",
            "gradient of the floor of a quotient",
            tf="None",
            torch="floor_divide raises RuntimeError; div with rounding_mode has zeros",
            ours="zeros",
        ),
        Difference(
            "D225",
            "operands of two types",
            tf="raises InvalidArgumentError",
            torch="promotes for operators, raises RuntimeError for products of matrices",
            ours="TypeError",
        ),
        Difference(
            "D226",
            "integers divided",
            tf="float64",
            torch="float32",
            ours="float64, as in NumPy",
            demo=Demo(
                tf="(tf.constant(1) / tf.constant(3)).dtype.name",
                torch="""
                    torch.set_default_dtype(torch.float32)
                    third = torch.tensor(1) / torch.tensor(3)
                    torch.set_default_dtype(torch.float64)
                    str(third.dtype).removeprefix("torch.")
                """,
            ),
        ),
        Difference(
            "D233",
            "arithmetic with booleans",
            tf="raises InvalidArgumentError",
            torch="True + True is True",
            ours="TypeError",
            demo=Demo(
                tf="tf.constant([True, False]) + tf.constant([True, True])",
                torch="torch.tensor([True, False]) + torch.tensor([True, True])",
            ),
        ),
        Difference(
            "D244",
            "division with remainder of negative numbers",
            tf="// and % round down; truncatediv and truncatemod towards 0",
            torch="// and % round down; fmod towards 0",
            ours="rounds down: the remainder has the divisor's sign, as in NumPy",
        ),
        Difference(
            "D256",
            "transposing more than a matrix",
            tf="tf.transpose reverses all axes",
            torch=".T is deprecated for it, .mT swaps the last two",
            ours="the last two",
        ),
        Difference(
            "D262",
            "singular value decomposition",
            tf="s, u, v; reduced",
            torch="u, s, v transposed; full",
            ours="u, s, v transposed; reduced",
        ),
        Difference(
            "D263",
            "signs of singular vectors and eigenvectors",
            tf="arbitrary",
            torch="arbitrary",
            ours="the first of the largest components is positive",
            demo=Demo(
                tf="tf.sign(tf.linalg.svd(tall)[1][0])",
                torch="torch.sign(torch.linalg.svd(tall)[0][0, :5])",
            ),
        ),
        Difference(
            "D264",
            "Cholesky decomposition of a matrix that is not positive definite",
            tf="NaN, without a word",
            torch="raises LinAlgError",
            ours="ValueError",
            demo=Demo(
                tf="tf.linalg.cholesky([[-4.0]])",
                torch="torch.linalg.cholesky(torch.tensor([[-4.0]]))",
            ),
        ),
        Difference(
            "D265",
            "which singular values the pseudoinverse takes for 0",
            tf="up to 10 max(M, N) roundings of the greatest",
            torch="up to max(M, N) roundings",
            ours="up to max(M, N) roundings; an argument",
            demo=Demo(
                tf="tf.linalg.diag_part(tf.linalg.pinv(np.diag([1.0, 2e-15])))",
                torch="torch.linalg.pinv(torch.diag(torch.tensor([1.0, 2e-15]))).diagonal()",
            ),
        ),
        Difference(
            "D266",
            "least squares",
            tf="the normal equations, which square the condition; without them no gradient",
            torch="QR",
            ours="QR",
            demo=Demo(
                tf="""
                    nearly_equal = tf.constant([[1.0, 1.0], [1e-7, 0.0], [0.0, 1e-7]], tf.float64)
                    tf.linalg.lstsq(nearly_equal, tf.constant([[2.0], [1e-7], [1e-7]], tf.float64))
                """,
                torch="""
                    nearly_equal = torch.tensor([[1.0, 1.0], [1e-7, 0.0], [0.0, 1e-7]])
                    torch.linalg.lstsq(nearly_equal, torch.tensor([[2.0], [1e-7], [1e-7]])).solution
                """,
            ),
        ),
        Difference(
            "D267",
            "vectors beside matrices",
            tf="refused by matmul and solve; matvec takes them",
            torch="taken, and several vectors may be taken for a matrix and the reverse",
            ours="a vector has one axis, except in matrix_vector",
        ),
        Difference(
            "D268",
            "axis of the vector product",
            tf="the last; shapes must be equal",
            torch="torch.cross: the first of size 3; linalg.cross: the last",
            ours="the last; shapes broadcast",
        ),
        Difference(
            "X-clip-integers",
            "integers clipped to fractions",
            tf="raises TypeError",
            torch="promotes to floats",
            ours="TypeError",
            demo=Demo(
                tf="tf.clip_by_value(tf.constant([-1, 1, 4]), 0, 2.5)",
                torch="torch.clamp(torch.tensor([-1, 1, 4]), 0, 2.5)",
            ),
        ),
        Difference(
            "X-clip-order",
            "a lower bound above the upper one",
            tf="the lower bound everywhere",
            torch="the upper bound everywhere",
            ours="ValueError",
            demo=Demo(
                tf="tf.clip_by_value(tf.constant([-2.0, 0.0, 2.0]), 1.0, -1.0)",
                torch="torch.clamp(torch.tensor([-2.0, 0.0, 2.0]), 1.0, -1.0)",
            ),
        ),
        Difference(
            "X-eigh-gradient",
            "gradient of the eigenvalues by the matrix",
            tf="a lower triangle",
            torch="symmetric",
            ours="symmetric: both take (x + x^T) / 2 first",
            demo=Demo(
                tf="tf.linalg.eigvalsh(spd)",
                torch="torch.linalg.eigvalsh(spd)",
            ),
        ),
        Difference(
            "X-einsum-one",
            "a letter that stands for size 1 here and for another there",
            tf="raises InvalidArgumentError",
            torch="broadcasts",
            ours="ValueError",
            demo=Demo(
                tf='tf.einsum("i,i->", tf.constant([2.0]), tf.constant([1.0, 3.0]))',
                torch='torch.einsum("i,i->", torch.tensor([2.0]), torch.tensor([1.0, 3.0]))',
            ),
        ),
        Difference(
            "X-floor-divide",
            "floor of a floating quotient",
            tf="the rounded quotient is floored: 1 // 0.1 is 10, -1 // inf is 0",
            torch="9 and -1: exact before it is floored",
            ours="exact, as in NumPy",
            demo=Demo(
                tf="tf.constant([1.0, -1.0]) // tf.constant([0.1, np.inf])",
                torch="torch.tensor([1.0, -1.0]) // torch.tensor([0.1, np.inf])",
            ),
        ),
        Difference(
            "X-integer-functions",
            "roots, exponentials and logarithms of integers",
            tf="raise InvalidArgumentError",
            torch="float32",
            ours="float64, as in NumPy",
            demo=Demo(
                tf="tf.sqrt(tf.constant([4, 9]))",
                torch="torch.sqrt(torch.tensor([4, 9]))",
            ),
        ),
        Difference(
            "X-integer-power",
            "integers raised to negative powers",
            tf="raises InvalidArgumentError",
            torch="0, or 1 and -1",
            ours="ValueError, as in NumPy",
            demo=Demo(
                tf="tf.constant([1, 2, -1]) ** tf.constant(-1)",
                torch="torch.tensor([1, 2, -1]) ** torch.tensor(-1)",
            ),
        ),
        Difference(
            "X-kronecker",
            "Kronecker product",
            tf="keras.ops.kron; none in tf",
            torch="torch.kron",
            ours="one function",
            demo=Demo(
                tf='hasattr(tf, "kron")',
                torch='hasattr(torch, "kron")',
            ),
        ),
        Difference(
            "X-pinv-gradient",
            "gradient of the pseudoinverse",
            tf="through the singular vectors: wrong if two singular values are equal",
            torch="Golub and Pereyra's formula",
            ours="Golub and Pereyra's formula",
            demo=Demo(
                tf="""
                    same_sizes = tf.eye(2)
                    with tf.GradientTape() as tape:
                        tape.watch(same_sizes)
                        inverse = tf.linalg.pinv(same_sizes)
                    tape.gradient(inverse, same_sizes)
                """,
                torch="""
                    same_sizes = torch.eye(2, requires_grad=True)
                    inverse = torch.linalg.pinv(same_sizes)
                    torch.autograd.grad(inverse.sum(), same_sizes)
                """,
            ),
        ),
        Difference(
            "X-qr-signs",
            "signs of a QR decomposition",
            tf="the library's: turned unless the squares below the diagonal underflow",
            torch="the library's: turned unless all below the diagonal is 0",
            ours="the diagonal of r is positive",
            demo=Demo(
                tf="tf.linalg.qr(tf.constant([[3.0], [1e-200]], tf.float64)).r",
                torch="torch.linalg.qr(torch.tensor([[3.0], [1e-200]])).R",
            ),
        ),
        Difference(
            "X-shape-error",
            "shapes that do not fit",
            tf="raises InvalidArgumentError",
            torch="raises RuntimeError",
            ours="ValueError",
            demo=Demo(
                tf="tf.ones(3) + tf.ones(4)",
                torch="torch.ones(3) + torch.ones(4)",
            ),
        ),
        Difference(
            "X-sign-nan",
            "sign of NaN",
            tf="NaN",
            torch="0",
            ours="NaN, as in NumPy",
            demo=Demo(
                tf="tf.sign(tf.constant([-2.0, np.nan]))",
                torch="torch.sign(torch.tensor([-2.0, np.nan]))",
            ),
        ),
        Difference(
            "X-singular",
            "matrices that are singular or hold NaN",
            tf="raises InvalidArgumentError for singular ones and if the first element is NaN, else gives NaN for NaN",
            torch="raises LinAlgError for singular ones, gives NaN for NaN",
            ours="ValueError for both",
            demo=Demo(
                tf="""
                    nan_first = tf.constant([[np.nan, 1.0], [2.0, 3.0]])
                    tf.linalg.solve(nan_first, tf.eye(2))
                """,
                torch="""
                    nan_first = torch.tensor([[np.nan, 1.0], [2.0, 3.0]])
                    torch.linalg.solve(nan_first, torch.eye(2))
                """,
            ),
        ),
        Difference(
            "X-trace",
            "trace of several matrices",
            tf="linalg.trace takes several",
            torch="torch.trace takes one",
            ours="several",
            demo=Demo(
                tf="tf.linalg.trace(tf.ones((2, 3, 3)))",
                torch="torch.trace(torch.ones(2, 3, 3))",
            ),
        ),
        Difference(
            "X-zero-division",
            "integers divided by 0, rounded down",
            tf="raises InvalidArgumentError",
            torch="raises RuntimeError",
            ours="ZeroDivisionError",
            demo=Demo(
                tf="tf.constant(7) // tf.constant(0)",
                torch="torch.tensor(7) // torch.tensor(0)",
            ),
        ),
    ),
    cases=(
        *_pair("add", lambda x, y: x + y),
        *_pair("subtract", lambda x, y: x - y),
        *_pair("multiply", lambda x, y: x * y),
        *_pair("divide", lambda x, y: x / y),
        Case("divide", {"x": _EDGES, "y": _EDGE_DIVISORS}, lambda x, y: x / y, label="edges"),
        Case("divide", {"x": _INTEGERS, "y": 0 * _INTEGERS}, lambda x, y: x / y, label="integers_by_zero"),
        Case(
            "divide",
            {"x": _INTEGERS.astype(np.int32), "y": _DIVISORS.astype(np.int32)},
            lambda x, y: x / y,
            label="int32",
        ),
        *(
            case
            for name, oracle in (("floor_divide", _floor_divide), ("modulo", lambda x, y: x % y))
            for case in (
                *_pair(name, oracle),
                Case(name, {"x": _FLOATS, "y": _FLOAT_DIVISORS}, oracle, label="floats"),
                Case(name, {"x": _FLOATS, "y": np.array(2.3)}, oracle, label="scalar"),
                Case(name, {"x": _EDGES, "y": _EDGE_DIVISORS}, oracle, label="edges"),
                Case(name, {"x": np.array([-6.0, 6.0, 5.0]), "y": np.array([3.0, -3.0, 2.5])}, oracle, label="exact"),
                Case(name, {"x": _INTEGERS, "y": 0 * _INTEGERS}, raises=ZeroDivisionError, label="by_zero"),
            )
        ),
        _at(
            "floor_divide",
            "gradient",
            _floor_divide,
            {"x": np.array([1.0, 0.0, 7.0, -6.0]), "y": np.array([0.0, 0.0, 2.0, 3.0])},
            x=[0.0, 0.0, 0.0, 0.0],
            y=[0.0, 0.0, 0.0, 0.0],
        ),
        *_power_cases(),
        *_pair("maximum", lambda x, y: np.maximum(x, y)),
        *_pair("minimum", lambda x, y: np.minimum(x, y)),
        *(
            case
            for name, oracle, more, less in (
                ("maximum", lambda x, y: np.maximum(x, y), 1.0, 0.0),
                ("minimum", lambda x, y: np.minimum(x, y), 0.0, 1.0),
            )
            for case in (
                Case(name, {"x": _EDGES, "y": _EDGE_DIVISORS}, oracle, label="edges"),
                _at(
                    name,
                    "ties",
                    oracle,
                    {"x": np.array([2.0, 3.0, -1.0, 0.0, 3e38]), "y": np.array([2.0, 1.0, 5.0, -0.0, 3e38])},
                    x=[0.5, more, less, 0.5, 0.5],
                    y=[0.5, less, more, 0.5, 0.5],
                ),
            )
        ),
        *_one("square_root", lambda x: np.sqrt(x), _POSITIVE, np.array([0.0, -1.0, np.inf, np.nan])),
        _at("square_root", "zero", lambda x: np.sqrt(x), {"x": np.array([0.0, 4.0])}, x=[np.inf, 0.25]),
        *_one("exponential", lambda x: np.exp(x), _MATRIX, np.array([0.0, 1000.0, -1000.0, -np.inf, np.nan])),
        *_one("logarithm", lambda x: np.log(x), _POSITIVE, np.array([0.0, -1.0, np.inf, np.nan])),
        *_one("binary_logarithm", lambda x: np.log2(x), _POSITIVE, np.array([0.0, -1.0, np.inf, np.nan, 1e-30])),
        *_one("decimal_logarithm", lambda x: np.log10(x), _POSITIVE, np.array([0.0, -1.0, np.inf, np.nan, 1e-30])),
        *_one("absolute", lambda x: np.abs(x), _MATRIX, np.array([-0.0, -np.inf, np.nan])),
        _at("absolute", "zero", lambda x: np.abs(x), {"x": _AT_ZERO}, x=[0.0, -1.0, 1.0]),
        *_one("sign", lambda x: np.sign(x), _MATRIX, np.array([0.0, -np.inf, np.nan])),
        _at("sign", "zero", lambda x: np.sign(x), {"x": np.append(_AT_ZERO, np.nan)}, x=[0.0, 0.0, 0.0, 0.0]),
        Case("clip", {"x": _MATRIX, "low": -0.7, "high": 0.4}, _clip, wrt=("x",)),
        Case("clip", {"x": _INTEGERS, "low": -3, "high": 2}, _clip, label="integers"),
        Case("clip", {"x": _EDGES, "low": -0.5, "high": np.inf}, _clip, label="edges"),
        Case("clip", {"x": _MATRIX, "low": 0.1, "high": 0.1}, _clip, label="one_value"),
        Case("clip", {"x": _NO_ROWS, "low": -0.7, "high": 0.4}, _clip, wrt=("x",), label="empty"),
        _at(
            "clip",
            "bounds",
            _clip,
            {"x": np.array([-3.0, -2.0, 0.5, 1.5, 4.0]), "low": -2.0, "high": 1.5},
            x=[0.0, 1.0, 1.0, 1.0, 0.0],
        ),
        Case("clip", {"x": _INTEGERS, "low": -3, "high": 2.5}, raises=TypeError, label="integers_to_fractions"),
        Case("clip", {"x": _MATRIX, "low": 1.0, "high": -1.0}, raises=ValueError, label="bounds_exchanged"),
        Case("clip", {"x": _MATRIX, "low": np.nan, "high": 1.0}, raises=ValueError, label="bound_nan"),
        Case("dot", {"x": _ROW, "y": _MATRIX[1]}, lambda x, y: x @ y, wrt=("x", "y")),
        Case("dot", {"x": _INTEGERS, "y": _DIVISORS}, lambda x, y: x @ y, label="integers"),
        Case("dot", {"x": np.empty(0), "y": np.empty(0)}, lambda x, y: x @ y, label="empty"),
        Case("dot", {"x": _ROW, "y": _VECTOR}, raises=ValueError, label="sizes"),
        Case("dot", {"x": _MATRIX, "y": _ROW}, raises=ValueError, label="matrix"),
        Case("dot", {"x": _ROW.astype(np.float32), "y": _ROW.astype(np.float16)}, raises=TypeError, label="types"),
        Case("outer", {"x": _FIVE, "y": _VECTOR}, lambda x, y: np.multiply.outer(x, y), wrt=("x", "y")),
        Case("outer", {"x": _INTEGERS, "y": _DIVISORS}, lambda x, y: np.multiply.outer(x, y), label="integers"),
        Case("outer", {"x": np.empty(0), "y": _ROW}, lambda x, y: np.multiply.outer(x, y), label="empty"),
        Case("outer", {"x": _MATRIX, "y": _ROW}, raises=ValueError, label="matrix"),
        Case("cross", {"x": _TALL, "y": np.flip(_HALF, 0).copy()}, _cross, wrt=("x", "y")),
        Case("cross", {"x": _TALL, "y": _VECTOR}, _cross, wrt=("x", "y"), label="broadcast"),
        Case("cross", {"x": _SQUARE[0], "y": _SQUARE[1]}, _cross, wrt=("x", "y"), label="three_rows"),
        Case("cross", {"x": _TALL[..., :2], "y": _HALF[..., :2]}, raises=ValueError, label="two_elements"),
        Case("cross", {"x": _TALL, "y": _HALF[:, :3]}, raises=ValueError, label="shapes"),
        Case("matrix_vector", {"matrix": _MATRIX, "vector": _ROW}, _matrix_vector, wrt=("matrix", "vector")),
        *(
            Case("matrix_vector", {"matrix": a, "vector": b}, _matrix_vector, wrt=("matrix", "vector"), label=label)
            for label, a, b in (
                ("batch", _TALL, _RNG.normal(size=(2, 3))),
                ("one_vector", _TALL, _VECTOR),
                ("vectors_like_a_matrix", _SQUARE[:, :2, :2], _SQUARE[:, 2, :2]),
            )
        ),
        Case("matrix_vector", {"matrix": _MATRIX, "vector": _VECTOR}, raises=ValueError, label="sizes"),
        Case("matrix_vector", {"matrix": _ROW, "vector": _ROW}, raises=ValueError, label="no_matrix"),
        *(
            Case("matmul", {"x": a, "y": b}, lambda x, y: x @ y, wrt=("x", "y"), label=label)
            for label, a, b in (
                ("", _MATRIX, _RNG.normal(size=(7, 3))),
                ("batch", _TALL, _RNG.normal(size=(2, 3, 7))),
                ("broadcast", _TALL[:, None], _RNG.normal(size=(3, 3, 2))),
                ("one_matrix", _TALL, _SQUARE[0]),
                ("empty", np.empty((2, 0)), np.empty((0, 3))),
            )
        ),
        Case(
            "matmul",
            {"x": np.outer(_INTEGERS, _DIVISORS), "y": np.arange(24).reshape(8, 3)},
            lambda x, y: x @ y,
            label="integers",
        ),
        Case("matmul", {"x": _MATRIX, "y": _OTHER}, raises=ValueError, label="sizes"),
        Case("matmul", {"x": _MATRIX, "y": _ROW}, raises=ValueError, label="vector"),
        Case("matmul", {"x": _TALL, "y": _RNG.normal(size=(5, 3, 2))}, raises=ValueError, label="batches"),
        Case(
            "matmul", {"x": _WIDE.astype(np.float32), "y": _WIDE.T.astype(np.float16)}, raises=TypeError, label="types"
        ),
        *(
            Case(
                "einsum",
                {"equation": equation, "x": a, "y": b},
                lambda equation, x, y: np.einsum(equation, x, y),
                wrt=("x", "y"),
                label=label,
            )
            for label, equation, a, b in (
                ("", "bij,bkj->bik", _TALL, _HALF),
                ("scalar", "ij,ij->", _MATRIX, _OTHER),
                ("several_axes", "...ij, jk -> ...ki", _TALL, _WIDE),
                ("diagonal", "bii,i->b", _SQUARE, _VECTOR),
                ("implicit", "ij,j", _MATRIX, _ROW),
            )
        ),
        Case("einsum", {"equation": "ij,jk->ik", "x": _MATRIX, "y": _OTHER}, raises=ValueError, label="sizes"),
        Case("einsum", {"equation": "ij,jk->ik", "x": _COLUMN, "y": _WIDE}, raises=ValueError, label="size_one"),
        Case("einsum", {"equation": "ij,jkl->ik", "x": _MATRIX, "y": _OTHER}, raises=ValueError, label="axes"),
        Case(
            "einsum", {"equation": "...j,jk->...k", "x": _COLUMN, "y": _WIDE}, raises=ValueError, label="size_one_last"
        ),
        Case("kronecker", {"x": _WIDE, "y": _RNG.normal(size=(2, 7))}, lambda x, y: np.kron(x, y), wrt=("x", "y")),
        Case(
            "kronecker",
            {"x": np.array([[1, -2], [3, 5]]), "y": np.array([[2, 7, -3]])},
            lambda x, y: np.kron(x, y),
            label="integers",
        ),
        Case("kronecker", {"x": _WIDE, "y": _VECTOR}, raises=ValueError, label="vector"),
        Case("transpose", {"x": _TALL}, lambda x: np.swapaxes(x, -1, -2), wrt=("x",)),
        Case("transpose", {"x": _MATRIX > 0}, lambda x: x.T, label="booleans"),
        Case("transpose", {"x": _NO_ROWS}, lambda x: x.T, label="empty"),
        Case("transpose", {"x": _VECTOR}, raises=ValueError, label="vector"),
        Case("trace", {"x": _TALL}, _trace, wrt=("x",)),
        Case("trace", {"x": np.outer(_INTEGERS, _DIVISORS)}, _trace, label="integers"),
        Case("trace", {"x": np.eye(3, 5, dtype=np.int32)}, lambda x: np.array(3, np.int32), label="int32"),
        Case("trace", {"x": _NO_ROWS}, _trace, label="empty"),
        Case("trace", {"x": _VECTOR}, raises=ValueError, label="vector"),
        Case("frobenius_norm", {"x": _TALL}, _frobenius, wrt=("x",)),
        Case("frobenius_norm", {"x": np.outer(_INTEGERS, _DIVISORS)}, _frobenius, label="integers"),
        Case("frobenius_norm", {"x": _NO_ROWS}, _frobenius, label="empty"),
        _at(
            "frobenius_norm",
            "zeros",
            _frobenius,
            {"x": np.array([[[0.0, 0.0], [0.0, 0.0]], [[0.0, -3.0], [4.0, 0.0]]])},
            x=[[[0.0, 0.0], [0.0, 0.0]], [[0.0, -0.6], [0.8, 0.0]]],
        ),
        Case("frobenius_norm", {"x": _VECTOR}, raises=ValueError, label="vector"),
        Case("determinant", {"x": _SQUARE}, lambda x: np.linalg.det(x), wrt=("x",)),
        Case("determinant", {"x": np.array([[-2.5]])}, lambda x: np.linalg.det(x), wrt=("x",), label="one"),
        _at("determinant", "singular", lambda x: np.linalg.det(x), {"x": _SINGULAR}, x=[[4.0, -2.0], [-2.0, 1.0]]),
        _at(
            "determinant",
            "singular_batch",
            lambda x: np.linalg.det(x),
            {"x": np.stack([_RANK_TWO, np.diag([2.0, 3.0, 5.0]), np.zeros((3, 3)), np.diag([0.0, 7.0, 0.0])])},
            x=[
                [[12.0, -6.0, 0.0], [-6.0, 3.0, 0.0], [0.0, 0.0, 0.0]],
                np.diag([15.0, 10.0, 6.0]),
                np.zeros((3, 3)),
                np.zeros((3, 3)),
            ],
        ),
        *_decomposed("determinant", lambda x: np.linalg.det(x)),
        Case("inverse", {"x": _SQUARE}, lambda x: np.linalg.inv(x), wrt=("x",)),
        Case("inverse", {"x": _SINGULAR}, raises=ValueError, label="singular"),
        Case("inverse", {"x": np.stack([np.eye(2), _SINGULAR])}, raises=ValueError, label="one_singular"),
        *_decomposed("inverse", lambda x: np.linalg.inv(x)),
        *(
            Case("solve", {"matrix": a, "right": b}, _solve, wrt=("matrix", "right"), label=label)
            for label, a, b in (
                ("", _SQUARE, _RNG.normal(size=(2, 3, 5))),
                ("vector", _SQUARE[0], _VECTOR),
                ("batch_and_vector", _SQUARE, _VECTOR),
                ("batch_and_matrix", _SQUARE, _RIGHT),
                ("matrix_like_vectors", _SQUARE[:, :2, :2], _SQUARE[0, :2, :2]),
                ("matrix_and_batch", _SQUARE[1], _RNG.normal(size=(2, 3, 5))),
            )
        ),
        Case("solve", {"matrix": _WHOLE, "right": _WHOLE[0]}, _solve, label="integers"),
        Case("solve", {"matrix": _SINGULAR, "right": _SINGULAR}, raises=ValueError, label="singular"),
        Case("solve", {"matrix": _WITH_NAN, "right": _SINGULAR}, raises=ValueError, label="nan"),
        Case("solve", {"matrix": _SQUARE, "right": _FIVE}, raises=ValueError, label="sizes"),
        Case("solve", {"matrix": _MATRIX, "right": _MATRIX}, raises=ValueError, label="not_square"),
        *(
            Case("least_squares", {"matrix": a, "right": b}, _least_squares, wrt=("matrix", "right"), label=label)
            for label, a, b in (
                ("", _TALL, _RNG.normal(size=(2, 5, 7))),
                ("vector", _TALL[0], _FIVE),
                ("batch_and_vector", _TALL, _FIVE),
                ("square", _SQUARE, _RIGHT),
            )
        ),
        Case(
            "least_squares",
            {"matrix": np.vander(np.linspace(0.1, 1.0, 11), 7), "right": np.linspace(-1.0, 2.0, 11) ** 3},
            lambda matrix, right: np.array([0.0, 0.0, 0.0, 1000.0, -1200.0, 480.0, -64.0]) / 27,
            label="ill_conditioned",
        ),
        Case("least_squares", {"matrix": _WHOLE[:, :2], "right": _WHOLE[2]}, _least_squares, label="integers"),
        Case("least_squares", {"matrix": _TALL[..., [0, 1, 0]], "right": _FIVE}, raises=ValueError, label="dependent"),
        Case("least_squares", {"matrix": _WIDE, "right": _VECTOR}, raises=ValueError, label="wide"),
        Case("least_squares", {"matrix": _TALL, "right": _VECTOR}, raises=ValueError, label="sizes"),
        Case("pinv", {"x": _TALL}, _pinv, wrt=("x",)),
        Case("pinv", {"x": _WIDE}, _pinv, wrt=("x",), label="wide"),
        Case("pinv", {"x": np.eye(3, 5)}, _pinv, wrt=("x",), label="equal_singular_values"),
        Case("pinv", {"x": _WIDE.T @ _WIDE, "cutoff": 1e-4}, _pinv, wrt=("x",), smooth=False, label="rank_deficient"),
        Case("pinv", {"x": np.diag([1.0, 3e-15]), "cutoff": None}, _pinv, label="above_the_cutoff"),
        Case("pinv", {"x": np.diag([2.0, 3.0, 1e-3]), "cutoff": 1e-3}, _pinv, label="below_the_cutoff"),
        Case("pinv", {"x": np.zeros((2, 3))}, _pinv, label="zeros"),
        *_decomposed("pinv", _pinv, square=False),
        Case("cholesky", {"x": _DEFINITE}, _cholesky, wrt=("x",)),
        Case(
            "cholesky",
            {"x": _DEFINITE + np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 0]])},
            _cholesky,
            wrt=("x",),
            label="not_symmetric",
        ),
        Case("cholesky", {"x": -_DEFINITE}, raises=ValueError, label="negative_definite"),
        Case("cholesky", {"x": np.array([[1.0, 2.0], [2.0, 1.0]])}, raises=ValueError, label="indefinite"),
        Case("cholesky", {"x": _SINGULAR}, raises=ValueError, label="semidefinite"),
        Case("cholesky", {"x": np.stack([np.eye(2), _SINGULAR])}, raises=ValueError, label="one_semidefinite"),
        *_decomposed("cholesky", _cholesky),
        Case("qr", {"x": _TALL}, _qr, wrt=("x",)),
        Case("qr", {"x": _SQUARE}, _qr, wrt=("x",), label="square"),
        Case("qr", {"x": _WIDE}, _qr, label="wide"),
        *_decomposed("qr", _qr, square=False),
        Case("svd", {"x": _TALL}, _svd, wrt=("x",)),
        Case("svd", {"x": _WIDE}, _svd, wrt=("x",), label="wide"),
        Case("svd", {"x": np.array([[3.0, 1.0], [1.0, 3.0]])}, _svd, wrt=("x",), label="equal_sizes"),
        *_decomposed("svd", _svd, square=False),
        Case("eigh", {"x": _DEFINITE}, _eigh, wrt=("x",)),
        Case("eigh", {"x": _SQUARE}, _eigh, wrt=("x",), label="not_symmetric"),
        Case("eigh", {"x": np.array([[2.0, -1.0], [-1.0, 2.0]])}, _eigh, wrt=("x",), label="equal_sizes"),
        Case("eigh", {"x": _MIRRORED}, _eigh, wrt=("x",), label="mirrored"),
        *_decomposed("eigh", _eigh),
    ),
)
