"""Reducing axes to one number each: sums, extremes, norms, moments and quantiles; order, comparing and counting."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "Unique"]


class Unique(NamedTuple):
    """The different elements in ascending order, and how often each occurs."""

    values: Any
    counts: Any


# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(5)
_LARGE = np.array([[1e6, 1e6 + 1, 1e6 - 1], [-1e4, -1e4 - 2, -1e4 + 1], [700.0, 710.0, 5.0]])
_CUBE = _RNG.normal(size=(2, 5, 3))
_MATRIX = _RNG.normal(size=(5, 7))
_INTEGERS = np.random.default_rng(6).integers(-9, 10, size=(5, 7))
_TIED = np.array([[2.0, -1.0, 2.0, 0.5], [3.0, 3.0, -7.0, 3.0], [-1.0, -2.5, -0.5, -2.5]])
_ZEROS = np.array([[2.0, 0.0, -3.0, 5.0], [0.0, 1.5, 0.0, 7.0], [1.5, -2.0, 3.0, 0.5]])
_WITH_NAN = np.array([[3.0, np.nan, np.inf, np.nan, 1.0], [3.0, -np.inf, np.inf, 2.0, 1.0]])
_ROUNDED = np.round(_RNG.normal(size=(3, 101)))  # many ties, some -0.0
_NO_ROWS = np.empty((0, 3))
_NONE = np.empty(0)
_MASK = np.random.default_rng(7).random((5, 7)) < 0.4
_AXES: tuple[tuple[str, Any, bool], ...] = (
    ("", 1, False),
    ("everything", None, False),
    ("everything_kept", None, True),
    ("two_axes", (0, 2), False),
    ("negative_axes_kept", (-1, -3), True),
)


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy calls the first argument `a`; the twins call it `x`."""
    return lambda x, **more: function(x, **more)


def _over_axes(function: str, oracle: Callable[..., Any], x: Array = _CUBE, **more: Any) -> tuple[Case, ...]:
    wrt = ("x",) if x.dtype == np.float64 else ()
    args = [(label, {"x": x, **more, "axis": axis, "keepdims": keepdims}) for label, axis, keepdims in _AXES]
    errors = (("axis_out_of_range", 3, IndexError), ("axis_below_range", -4, IndexError),
              ("axis_twice", (1, -2), ValueError), ("no_axis", (), ValueError))  # fmt: skip
    return (
        *(Case(function, values, _named(oracle), wrt=wrt, label=label) for label, values in args),
        *(Case(function, {"x": x, **more, "axis": a}, raises=error, label=label) for label, a, error in errors),
    )


def _simple(function: str, oracle: Callable[..., Any], *cases: tuple[str, Any], **more: Any) -> tuple[Case, ...]:
    return tuple(Case(function, {"x": x, **more}, _named(oracle), label=label) for label, x in cases)


def _empty_raises(function: str, **more: Any) -> Case:
    return Case(function, {"x": _NO_ROWS, **more, "axis": 0}, raises=ValueError, label="empty")


def _norm(x: Array, p: float, axis: Any = None, keepdims: bool = False) -> Any:
    axis = tuple(range(x.ndim)) if axis is None else axis
    if p == np.inf:
        return np.abs(x).max(axis, keepdims=keepdims)
    return (np.abs(x).astype(np.float64) ** p).sum(axis, keepdims=keepdims) ** (1 / p)


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    x = x.astype(np.float64)
    largest = np.max(x, axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    total = np.log(np.sum(np.exp(x - shift), axis, keepdims=True)) + shift
    return total if keepdims else np.squeeze(total, axis if axis is not None else tuple(range(x.ndim)))


def _softmax(x: Array) -> Any:
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _cumulative(function: Any, first: int, x: Array, axis: int, exclusive: bool, reverse: bool) -> Any:
    rows = np.moveaxis(x, axis, 0)[:: -1 if reverse else 1]
    if exclusive:
        rows = np.concatenate((np.full_like(rows[:1], first), rows[:-1]))
    return np.moveaxis(function(rows, axis=0)[:: -1 if reverse else 1], 0, axis)


def _cumulative_sum(x: Array, axis: int, exclusive: bool = False, reverse: bool = False) -> Any:
    return _cumulative(np.cumsum, 0, x, axis, exclusive, reverse)


def _cumulative_product(x: Array, axis: int, exclusive: bool = False, reverse: bool = False) -> Any:
    return _cumulative(np.cumprod, 1, x, axis, exclusive, reverse)


def _argsort(x: Array, axis: int = -1, descending: bool = False) -> Any:
    if not descending:
        return np.argsort(x, axis, kind="stable")
    turned = np.argsort(np.flip(x, axis), axis, kind="stable")  # stable from behind, then read from behind
    return x.shape[axis] - 1 - np.flip(turned, axis)


def _sort(x: Array, axis: int = -1, descending: bool = False) -> Any:
    return np.take_along_axis(x, _argsort(x, axis, descending), axis)


def _unique(x: Array) -> Any:
    return Unique(*np.unique(x, return_counts=True, equal_nan=False))


def _equal(x: Array, y: Array) -> Any:
    return x == y


def _all_close(x: Array, y: Array, relative: float, absolute: float) -> Any:
    return np.allclose(x, y, relative, absolute)


def _histogram(x: Array, bins: int, low: float, high: float) -> Any:
    return np.histogram(x[~np.isnan(x)], bins, (low, high))[0]


def _bincount(x: Array, minimum_length: int = 0) -> Any:
    return np.bincount(x, minlength=minimum_length)


def _at_ties(function: str, oracle: Callable[..., Any], gradient: Any, x: Array = _TIED, **more: Any) -> Case:
    args = {"x": x, "axis": 1, **more}
    return Case(
        function,
        args,
        _named(oracle),
        wrt=("x",),
        label="ties",
        smooth=False,
        gradients={"x": np.array(gradient, float)},
    )


def _at_zero(function: str, oracle: Callable[..., Any], gradient: Any, **more: Any) -> Case:
    args = {"x": np.array([[0.0, 0.0], [-3.0, 4.0], [0.0, -2.0]]), "axis": 1, **more}
    return Case(
        function,
        args,
        _named(oracle),
        wrt=("x",),
        label="zeros",
        smooth=False,
        gradients={"x": np.array(gradient, float)},
    )


CONCEPT = Concept(
    module=__name__,
    title="Reductions, norms, arg-extrema, order, equality and counting",
    kind="ops",
    summary="Many elements become one number: a sum, an extreme, a norm, a quantile or a count.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.3",),
    differences=(
        Difference(
            "D204",
            "gradient of the maximum over an axis with ties",
            tf="reduce_max splits it evenly",
            torch="amax splits it evenly; max(dim) gives all of it to one element",
            ours="split evenly",
        ),
        Difference(
            "D205",
            "gradient of a norm at the zero vector",
            tf="NaN",
            torch="0",
            ours="0",
        ),
        Difference(
            "D206",
            "gradient of the standard deviation of a constant",
            tf="NaN",
            torch="0",
            ours="0",
        ),
        Difference(
            "D209",
            "gradient of a cumulative product with zeros",
            tf="wrong: it divides by the elements and drops what it cannot",
            torch="right",
            ours="right: TensorFlow multiplies runs of doubling length instead",
        ),
        Difference(
            "D225",
            "comparing two types",
            tf="raises InvalidArgumentError",
            torch="promotes",
            ours="TypeError: a silent promotion doubles the memory and hides a mistake",
        ),
        Difference(
            "D229",
            "sum of int32",
            tf="int32, and wraps",
            torch="int64",
            ours="int64, as for products and cumulative sums",
        ),
        Difference(
            "D230",
            "mean of integers",
            tf="an integer: the mean of 1 and 2 is 1",
            torch="raises RuntimeError",
            ours="float64, as in NumPy",
        ),
        Difference(
            "D231",
            "sum and mean of float16",
            tf="added up in float16: 70,000 twos have the mean NaN",
            torch="added up in float32",
            ours="added up in float32",
        ),
        Difference(
            "D233",
            "sum of booleans",
            tf="raises",
            torch="counts them",
            ours="counts them: int64",
            demo=Demo(
                tf="tf.reduce_sum(mask)",
                torch="torch.sum(mask)",
            ),
        ),
        Difference(
            "D234",
            "type of indices and counts",
            tf="argsort and bincount give int32",
            torch="int64",
            ours="int64",
        ),
        Difference(
            "D237",
            "variance and standard deviation",
            tf="of the population: divided by M",
            torch="of a sample: divided by M - 1",
            ours="an argument, `correction`; 0 by default, as in NumPy",
        ),
        Difference(
            "D238",
            "median of an even number of elements",
            tf="keras.ops.median: the mean of the two in the middle",
            torch="the lower of the two",
            ours="the mean of the two",
        ),
        Difference(
            "D239",
            "quantile",
            tf="keras.ops.quantile takes several axes, and keeps q in Keras' floatx: float32 by default",
            torch="torch.quantile takes one axis and at most 16 million elements, and any of equal ones",
            ours="sorted and interpolated by hand on both",
            demo=Demo(
                tf="keras.ops.quantile(cube, 0.25, axis=(0, 2))",
                torch="torch.quantile(cube, 0.25, dim=(0, 2))",
            ),
        ),
        Difference(
            "D240",
            "argmax of values with NaN",
            tf="passes NaN over",
            torch="the first NaN",
            ours="the first NaN, as in NumPy",
        ),
        Difference(
            "D242",
            "order of equal elements after sorting",
            tf="kept",
            torch="lost unless stable=True",
            ours="kept",
            demo=Demo(
                tf="tf.argsort(tf.constant([0.0, 1.0] * 10))",
                torch="torch.argsort(torch.tensor([0.0, 1.0] * 10)).int()",
            ),
        ),
        Difference(
            "D243",
            "order of the different elements",
            tf="of appearance",
            torch="ascending",
            ours="ascending",
        ),
        Difference(
            "D245",
            "norm of a matrix with p = 1 or 2",
            tf="tf.norm takes it as one vector",
            torch="linalg.norm takes it as a matrix",
            ours="as one vector; the norms of matrices are in linear_algebra_ops",
        ),
        Difference(
            "D246",
            "running sums without the element itself, or from the end",
            tf="options of cumsum",
            torch="not available",
            ours="options",
        ),
        Difference(
            "D252",
            "histogram of values outside its range",
            tf="histogram_fixed_width counts them in the outer bins",
            torch="histc drops them, and gives floats",
            ours="dropped; int64",
        ),
        Difference(
            "D253",
            "bin of a value on an edge",
            tf="searchsorted has a side",
            torch="bucketize(right=False) takes the bin below",
            ours="the bin above; the last edge belongs to the last bin",
        ),
        Difference(
            "X-all-close",
            "whether all elements are close",
            tf="keras.ops.allclose, which gives a tensor, and isclose; none in tf",
            torch="allclose, which gives Python's own boolean, and isclose",
            ours="NumPy's rule; a tensor",
            demo=Demo(
                tf="type(keras.ops.allclose(x, x)).__name__",
                torch="type(torch.allclose(x, x)).__name__",
            ),
        ),
        Difference(
            "X-all-equal",
            "whether two tensors are equal as a whole",
            tf="no such function: tf.equal compares elements; x == y is a plain False if the shapes do not broadcast",
            torch="torch.equal gives Python's own boolean",
            ours="a tensor",
            demo=Demo(
                tf="tf.equal(tf.ones(3), tf.ones(3))",
                torch="torch.equal(torch.ones(3), torch.ones(3))",
            ),
        ),
        Difference(
            "X-axis-error",
            "an axis that does not exist, is named twice, or none at all",
            tf="InvalidArgumentError for the first two; axis=() changes nothing",
            torch="IndexError, RuntimeError; dim=() reduces all axes",
            ours="IndexError, ValueError, ValueError",
        ),
        Difference(
            "X-bincount",
            "counting negative numbers or several axes",
            tf="InvalidArgumentError; flattens",
            torch="RuntimeError for both",
            ours="ValueError for both",
            demo=Demo(
                tf="tf.math.bincount([[1, 1, 0], [3, 0, 1]])",
                torch="torch.bincount(torch.tensor([[1, 1, 0], [3, 0, 1]]))",
            ),
        ),
        Difference(
            "X-count-keepdims",
            "keeping the reduced axes of a count",
            tf="count_nonzero has keepdims",
            torch="count_nonzero has none",
            ours="an argument",
            demo=Demo(
                tf="tf.math.count_nonzero(ties, axis=1, keepdims=True)",
                torch="torch.count_nonzero(ties, dim=1, keepdim=True)",
            ),
        ),
        Difference(
            "X-empty-maximum",
            "greatest element of none",
            tf="reduce_max gives -inf, argmax raises InvalidArgumentError",
            torch="raises IndexError",
            ours="ValueError, as in NumPy; for quantiles and too small samples, too",
            demo=Demo(
                tf="tf.reduce_max(tf.zeros(0), axis=0)",
                torch="torch.amax(torch.zeros(0), dim=0)",
            ),
        ),
        Difference(
            "X-logsumexp-gradient",
            "gradient of logsumexp of large values",
            tf="exp(x - max) over its sum: exact",
            torch="exp(x - result): 1e-12 off at 10,000, 1e-10 at 1,000,000, in float64",
            ours="exact",
            demo=Demo(
                tf="tf.reduce_logsumexp(x + 1e6, axis=1)",
                torch="torch.logsumexp(x + 1e6, dim=1)",
            ),
        ),
        Difference(
            "X-one-axis",
            "product over several axes",
            tf="reduce_prod takes several",
            torch="prod takes one",
            ours="several",
            demo=Demo(
                tf="tf.reduce_prod(cube, axis=(0, 2))",
                torch="torch.prod(cube, dim=(0, 2))",
            ),
        ),
        Difference(
            "X-shape-error",
            "shapes that do not broadcast",
            tf="raises InvalidArgumentError",
            torch="raises RuntimeError",
            ours="ValueError",
        ),
        Difference(
            "X-sort-nan",
            "sorting values with NaN",
            tf="an order that is none, for the other values too",
            torch="NaN counts as greatest",
            ours="NaN counts as greatest: last in ascending order, as in NumPy",
            demo=Demo(
                tf="tf.sort(tf.constant([3.0, np.nan, 1.0, 2.0]))",
                torch="torch.sort(torch.tensor([3.0, np.nan, 1.0, 2.0])).values",
            ),
        ),
        Difference(
            "X-truth",
            "any and all of numbers",
            tf="raises InvalidArgumentError",
            torch="true if not 0",
            ours="true if not 0",
            demo=Demo(
                tf="tf.reduce_any(tf.constant([0.0, 0.5]))",
                torch="torch.any(torch.tensor([0.0, 0.5]))",
            ),
        ),
    ),
    cases=(
        *_over_axes("reduce_sum", np.sum),
        *_simple(
            "reduce_sum",
            np.sum,
            ("int32", np.array([2**31 - 1, 2**31 - 1, 5], np.int32)),
            ("booleans", _MASK),
            ("scalar", np.array(2.5)),
            ("infinite", np.array([np.inf, 1.0, -np.inf])),
            ("empty", _NONE),
        ),
        *_simple("reduce_sum", lambda x: np.array(16384, np.float16), ("float16", np.full(2**16, 0.25, np.float16))),
        *_over_axes("reduce_mean", np.mean),
        *_simple(
            "reduce_mean",
            np.mean,
            ("integers", _INTEGERS),
            ("int32", np.array([1, 2, 2**31 - 1], np.int32)),
            ("booleans", _MASK),
            ("float16", np.full(70_001, 2, np.float16)),
            ("scalar", np.array(2.5)),
        ),
        *_simple("reduce_mean", lambda x: np.array(np.nan), ("empty", _NONE)),
        *_over_axes("reduce_product", np.prod),
        *_simple(
            "reduce_product",
            _named(np.prod),
            ("int32", np.array([2**16, 2**17, -3], np.int32)),
            ("scalar_int32", np.array(7, np.int32)),
            ("empty", _NONE),
        ),
        *_simple(
            "reduce_product", lambda x: np.array(0.375, np.float16), ("float16", np.array([1.5, 0.25], np.float16))
        ),
        Case(
            "reduce_product",
            {"x": _ZEROS, "axis": 1},
            _named(np.prod),
            wrt=("x",),
            label="zeros",
            gradients={"x": np.array([[0, -30, 0, 0], [0, 0, 0, 0], [-3.0, 2.25, -1.5, -9.0]], np.float64)},
        ),
        Case("reduce_product", {"x": _ZEROS}, _named(np.prod), wrt=("x",), label="zeros_in_all"),
        *_over_axes("logsumexp", _logsumexp),
        *_simple(
            "logsumexp",
            _logsumexp,
            ("infinite", np.array([1.0, np.inf, np.inf])),
            ("minus_infinite", np.array([-np.inf, -np.inf])),
            ("nan", np.array([1.0, np.nan, np.inf])),
            ("integers", _INTEGERS),
            ("scalar", np.array(-2.5)),
            ("empty", _NONE),
        ),
        Case(
            "logsumexp",
            {"x": _LARGE, "axis": 1},
            _logsumexp,
            wrt=("x",),
            label="large",
            gradients={"x": _softmax(_LARGE)},
        ),
        Case(
            "logsumexp",
            {"x": np.array([1.0, -np.inf, 2.0])},
            _logsumexp,
            wrt=("x",),
            label="one_minus_infinite",
            gradients={"x": np.exp([1.0, -np.inf, 2.0]) / (np.e + np.e**2)},
        ),
        *_over_axes("reduce_max", np.max),
        *_over_axes("reduce_min", np.min),
        _at_ties("reduce_max", np.max, [[0.5, 0, 0.5, 0], [1 / 3, 1 / 3, 0, 1 / 3], [0, 0, 1, 0]]),
        _at_ties("reduce_min", np.min, [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0.5, 0, 0.5]]),
        *(
            case
            for name, oracle in (("reduce_max", np.max), ("reduce_min", np.min))
            for case in (
                *_simple(name, oracle, ("nan", _WITH_NAN), axis=1),
                *_simple(name, oracle, ("integers", _INTEGERS), ("scalar", np.array(2.5))),
                Case(name, {"x": _NO_ROWS, "axis": 1}, _named(oracle), label="no_rows"),
                _empty_raises(name),
            )
        ),
        *(
            case
            for name, oracle in (("argmax", np.argmax), ("argmin", np.argmin))
            for case in (
                Case(name, {"x": _CUBE, "axis": 1}, _named(oracle)),
                Case(name, {"x": _CUBE}, _named(oracle), label="everything"),
                Case(name, {"x": _CUBE, "keepdims": True}, _named(oracle), label="everything_kept"),
                Case(name, {"x": _CUBE, "axis": -2, "keepdims": True}, _named(oracle), label="negative_axis_kept"),
                *_simple(name, oracle, ("ties", _TIED), ("nan", _WITH_NAN), ("integers", _INTEGERS), axis=1),
                *_simple(name, oracle, ("zeros", np.array([-0.0, 0.0, -0.0])), ("scalar", np.array(2.5))),
                *_simple(name, oracle, ("infinite", np.array([-np.inf, np.inf, -np.inf, np.inf]))),
                Case(name, {"x": _NO_ROWS, "axis": 1}, _named(oracle), label="no_rows"),
                Case(name, {"x": _CUBE, "axis": 3}, raises=IndexError, label="axis_out_of_range"),
                _empty_raises(name),
            )
        ),
        *(
            case
            for name, p, more in (
                ("norm_l1", 1, {}),
                ("norm_l2", 2, {}),
                ("norm_p", 3, {"p": 3.0}),
                ("norm_p", 1.5, {"p": 1.5}),
                ("norm_p", np.inf, {"p": np.inf}),
            )
            for case in (
                Case(
                    name,
                    {"x": _CUBE, "axis": axis, "keepdims": keepdims, **more},
                    lambda x, axis, keepdims, p=p: _norm(x, p, axis, keepdims),
                    wrt=("x",),
                    label="_".join(part for part in (f"p{p}" if more else "", label) if part),
                )
                for label, axis, keepdims in _AXES
            )
        ),
        *(
            Case(name, {"x": _CUBE, "axis": 3, **more}, raises=IndexError, label="axis_out_of_range")
            for name, more in (("norm_l1", {}), ("norm_l2", {}), ("norm_p", {"p": 3.0}))
        ),
        *_simple(
            "norm_l1", lambda x: _norm(x, 1), ("integers", _INTEGERS), ("scalar", np.array(-3.0)), ("empty", _NONE)
        ),
        *_simple(
            "norm_l2", lambda x: _norm(x, 2), ("integers", _INTEGERS), ("scalar", np.array(-3.0)), ("empty", _NONE)
        ),
        *_simple("norm_p", _norm, ("integers", _INTEGERS), ("scalar", np.array(-3.0)), ("empty", _NONE), p=3.0),
        _at_zero("norm_l1", lambda x, axis: _norm(x, 1, axis), [[0.0, 0.0], [-1.0, 1.0], [0.0, -1.0]]),
        _at_zero("norm_l2", lambda x, axis: _norm(x, 2, axis), [[0.0, 0.0], [-0.6, 0.8], [0.0, -1.0]]),
        _at_zero("norm_p", _norm, [[0.0, 0.0], [-9 / 91 ** (2 / 3), 16 / 91 ** (2 / 3)], [0.0, -1.0]], p=3.0),
        Case(
            "norm_p",
            {"x": np.array([[0.0, 0.0], [-3.0, 3.0], [1.0, -2.0]]), "p": np.inf, "axis": 1},
            _norm,
            wrt=("x",),
            label="infinite_ties",
            smooth=False,
            gradients={"x": np.array([[0.0, 0.0], [-0.5, 0.5], [0.0, -1.0]])},
        ),
        Case("norm_p", {"x": _MATRIX, "p": 0.5}, raises=ValueError, label="below_one"),
        Case("norm_p", {"x": _MATRIX, "p": np.nan}, raises=ValueError, label="p_nan"),
        Case("norm_p", {"x": _NONE, "p": np.inf}, raises=ValueError, label="infinite_empty"),
        *(
            case
            for name, function in (("variance", np.var), ("standard_deviation", np.std))
            for case in (
                *_over_axes(name, lambda x, axis, keepdims, f=function: f(x, axis, ddof=0, keepdims=keepdims)),
                Case(
                    name,
                    {"x": _CUBE, "axis": (0, 1), "correction": 1},
                    lambda x, axis, correction, f=function: f(x, axis, ddof=correction),
                    wrt=("x",),
                    label="sample",
                ),
                *_simple(name, function, ("integers", _INTEGERS), ("scalar", np.array(2.5)), ("nan", _WITH_NAN)),
                Case(name, {"x": np.array([2.5]), "correction": 1}, raises=ValueError, label="sample_of_one"),
                _empty_raises(name),
            )
        ),
        Case(
            "standard_deviation",
            {"x": np.array([[2.0, 2.0], [1.0, 3.0]]), "axis": 1},
            _named(np.std),
            wrt=("x",),
            label="constant",
            smooth=False,
            gradients={"x": np.array([[0.0, 0.0], [-0.5, 0.5]])},
        ),
        *_over_axes("median", np.median),
        *_over_axes("quantile", np.quantile, q=0.3),
        *_simple("median", np.median, ("integers", _INTEGERS[:4]), ("scalar", np.array(2.5))),
        *_simple("median", lambda x, axis: np.array([np.nan, 2.0]), ("nan", _WITH_NAN), axis=1),
        _at_ties("median", np.median, [[0.5, 0, 0, 0.5], [0.5, 0.5, 0, 0], [0.5, 0, 0, 0.5]]),
        _at_ties("quantile", np.quantile, [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]], q=1.0),
        *_simple("quantile", lambda x, axis, q: np.array([np.nan, 2.5]), ("nan", _WITH_NAN), axis=1, q=0.625),
        *_simple("quantile", lambda x, q: np.array(np.inf), ("infinite", np.array([np.inf, 1.0, np.inf])), q=0.75),
        *_simple("quantile", lambda x, q: np.array(1.0), ("beside_infinite", np.array([np.inf, 1, -np.inf])), q=0.5),
        *(
            Case("quantile", {"x": _MATRIX, "q": q, "axis": 0}, _named(np.quantile), wrt=("x",), label=label)
            for label, q in (("least", 0.0), ("greatest", 1.0), ("exact", 0.75), ("tenth", 0.1))
        ),
        Case("quantile", {"x": _MATRIX, "q": 1.1}, raises=ValueError, label="q_out_of_range"),
        Case("quantile", {"x": _MATRIX, "q": np.nan}, raises=ValueError, label="q_nan"),
        _empty_raises("median"),
        _empty_raises("quantile", q=0.3),
        *(
            case
            for name, oracle in (("cumulative_sum", _cumulative_sum), ("cumulative_product", _cumulative_product))
            for case in (
                *(
                    Case(
                        name,
                        {"x": _CUBE, "axis": axis, "exclusive": exclusive, "reverse": reverse},
                        oracle,
                        wrt=("x",),
                        label=label,
                    )
                    for label, axis, exclusive, reverse in (
                        ("", 1, False, False),
                        ("exclusive", -2, True, False),
                        ("reverse", 0, False, True),
                        ("exclusive_reverse", 1, True, True),
                    )
                ),
                *(
                    Case(name, {"x": x, "axis": 0, "exclusive": True, "reverse": True}, _named(oracle), label=label)
                    for label, x in (
                        ("int32", np.array([2**30, 3, 2**30, 5], np.int32)),
                        ("one", np.array([2.5])),
                        ("empty", _NO_ROWS),
                    )
                ),
                Case(name, {"x": _CUBE, "axis": 3}, raises=IndexError, label="axis_out_of_range"),
                Case(name, {"x": np.array(2.5), "axis": 0}, raises=IndexError, label="scalar"),
            )
        ),
        Case("cumulative_product", {"x": _ZEROS, "axis": 1}, _cumulative_product, wrt=("x",), label="zeros"),
        Case(
            "cumulative_product",
            {"x": np.array([1.0, 0.0, 2.0]), "axis": 0},
            _cumulative_product,
            wrt=("x",),
            label="one_zero",
            gradients={"x": np.array([1.0, 3.0, 0.0])},
        ),
        *(
            case
            for name, oracle, wrt in (("sort", _sort, ("x",)), ("argsort", _argsort, ()))
            for case in (
                *(
                    Case(name, {"x": _CUBE, "axis": axis, "descending": down}, _named(oracle), wrt=wrt, label=label)
                    for label, axis, down in (("", 1, False), ("last_axis", -1, False), ("descending", 0, True))
                ),
                *(
                    Case(
                        name,
                        {"x": x, "descending": down},
                        _named(oracle),
                        label=label + ("_descending" if down else ""),
                    )
                    for label, x in (
                        ("ties", _ROUNDED),
                        ("nan", _WITH_NAN),
                        ("integers", np.array([3, 1, 3, -(2**63), 2**63 - 1, 1])),
                        ("one", np.array([2.5])),
                        ("empty", np.empty((3, 0))),
                    )
                    for down in (False, True)
                ),
                Case(name, {"x": _NO_ROWS, "axis": 0}, _named(oracle), label="no_rows"),
                Case(name, {"x": _CUBE, "axis": 3}, raises=IndexError, label="axis_out_of_range"),
                Case(name, {"x": np.array(2.5)}, raises=IndexError, label="scalar"),
            )
        ),
        Case(
            "sort",
            {"x": np.array([2.0, 1.0, 2.0, np.nan, 1.0])},
            _sort,
            wrt=("x",),
            label="gradient_with_nan",
            smooth=False,
            gradients={"x": np.ones(5)},
        ),
        Case("sort", {"x": _ROUNDED}, _sort, wrt=("x",), label="gradient_with_ties", smooth=False),
        Case("equal", {"x": _ROUNDED, "y": _ROUNDED[1]}, _equal),
        Case("equal", {"x": _INTEGERS, "y": _INTEGERS[:, :1]}, _equal, label="integers"),
        Case(
            "equal",
            {"x": np.array([np.nan, 0.0, np.inf]), "y": np.array([np.nan, -0.0, np.inf])},
            _equal,
            label="nan",
        ),
        Case("equal", {"x": _NO_ROWS, "y": _CUBE[0, 0]}, _equal, label="empty"),
        Case("equal", {"x": _MATRIX, "y": _MATRIX[:, :5]}, raises=ValueError, label="shapes"),
        Case("equal", {"x": _MATRIX, "y": _INTEGERS}, raises=TypeError, label="types"),
        *(
            Case("all_equal", {"x": x, "y": y}, lambda x, y: np.array_equal(x, y), label=label)
            for label, x, y in (
                ("", _MATRIX, _MATRIX.copy()),
                ("not", _MATRIX, _MATRIX + np.eye(5, 7)),
                ("shapes", _MATRIX, _MATRIX[:, :5]),
                ("one_row", np.full((5, 7), 2.5), np.full((1, 7), 2.5)),
                ("nan", _WITH_NAN, _WITH_NAN),
                ("booleans", _MASK, _MASK),
                ("empty", _NONE, _NONE),
            )
        ),
        Case("all_equal", {"x": _MATRIX, "y": _INTEGERS}, raises=TypeError, label="types"),
        *(
            Case("all_close", {"x": x, "y": y, "relative": relative, "absolute": absolute}, _all_close, label=label)
            for label, x, y, relative, absolute in (
                ("", _MATRIX, _MATRIX * (1 + 1e-3), 2e-3, 0.0),
                ("not", _MATRIX, _MATRIX * (1 + 1e-3), 5e-4, 0.0),
                ("relative_to_y", np.array([100.0]), np.array([111.0]), 0.1, 0.0),
                ("absolute", _MATRIX, _MATRIX[0], 0.0, 9.0),
                ("infinite", np.array([np.inf, -np.inf]), np.array([np.inf, -np.inf]), 0.0, 0.0),
                ("one_infinite", np.array([1.0]), np.array([np.inf]), 0.1, 0.0),
                ("nan", _WITH_NAN, _WITH_NAN, 1.0, 1.0),
                ("integers", _INTEGERS, _INTEGERS + 1, 0.0, 1.0),
                ("empty", _NONE, _NONE, 0.0, 0.0),
            )
        ),
        Case(
            "all_close",
            {"x": _MATRIX, "y": _MATRIX[:, :5], "relative": 0.0, "absolute": 0.0},
            raises=ValueError,
            label="shapes",
        ),
        *(
            Case("unique", {"x": x}, _unique, label=label)
            for label, x in (
                ("", _ROUNDED),
                ("integers", _INTEGERS),
                ("nan", _WITH_NAN),
                ("scalar", np.array(2.5)),
                ("empty", _NONE),
            )
        ),
        *(
            case
            for name, oracle in (("reduce_any", np.any), ("reduce_all", np.all), ("count_nonzero", np.count_nonzero))
            for case in (
                *_over_axes(name, oracle, np.random.default_rng(8).random((5, 7, 3)) < 0.9),
                Case(name, {"x": _ZEROS, "axis": 1}, _named(oracle), label="numbers"),
                Case(name, {"x": _INTEGERS, "axis": 1}, _named(oracle), label="integers"),
                *_simple(
                    name, oracle, ("nan", np.array([np.nan, -0.0])), ("small", np.array([0.25])), ("empty", _NONE)
                ),
            )
        ),
        *(
            Case("bincount", {"x": x, "minimum_length": least}, _bincount, label=label)
            for label, x, least in (
                ("", np.array([3, 1, 3, 7, 0, 3]), 0),
                ("longer", np.array([3, 1, 3]), 11),
                ("shorter", np.array([3, 1, 3], np.int32), 2),
                ("empty", np.empty(0, np.int64), 0),
                ("empty_longer", np.empty(0, np.int64), 3),
            )
        ),
        Case("bincount", {"x": np.array([2, -1])}, raises=ValueError, label="negative"),
        Case("bincount", {"x": np.array([[2, 1]])}, raises=ValueError, label="matrix"),
        *(
            Case("histogram", {"x": x, "bins": bins, "low": low, "high": high}, _histogram, label=label)
            for label, x, bins, low, high in (
                ("", _CUBE, 11, -1.37, 1.61),
                ("edges", np.array([-1.0, -0.75, 0.0, 0.25, 1.0, 1.0, 1.25, -1.25]), 8, -1.0, 1.0),
                ("nan", _WITH_NAN, 3, 0.5, 3.5),
                ("one_bin", _MATRIX, 1, -0.5, 0.5),
                ("empty", _NONE, 3, 0.0, 1.0),
            )
        ),
        Case("histogram", {"x": _MATRIX, "bins": 0, "low": 0.0, "high": 1.0}, raises=ValueError, label="no_bin"),
        Case("histogram", {"x": _MATRIX, "bins": 3, "low": 1.0, "high": 1.0}, raises=ValueError, label="no_range"),
    ),
)
