"""Activation functions: what bends a layer's output, with the gradient at every kink, bound and extreme."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "SELU_ALPHA", "SELU_SCALE"]

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
"""Klambauer et al. 2017, equation 14: with these two, mean 0 and variance 1 are a fixed point."""

# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a wrong sign cannot hide.
_RNG = np.random.default_rng(11)
_X = 2 * _RNG.normal(size=(5, 7))
_SLOPES = _RNG.uniform(0.1, 0.6, size=7)
_BLOCK = _RNG.normal(size=(3, 5, 2))
_HUGE = np.array([[1e3, -1e3, 998.7], [-3e30, -2e30, 5e30], [-1e3, -999.2, -1002.9]])
_MASKED = np.array([[-np.inf, 0.3, 1.7], [2.1, -np.inf, -np.inf]])
_UNDEFINED = np.array([[-np.inf, -np.inf, -np.inf], [0.3, np.inf, 1.7], [0.3, np.nan, 1.7]])
_FAR = np.array([-np.inf, -1e30, -1e3, 1e3, 1e30, np.inf])
_TAILS = np.array([-37.3, -20.5, 20.5, 37.3])  # PyTorch's softplus changes over at 20
_THIN = np.array([-37.3, -61.7])  # alone, so that the tail is judged by its own size

# --- the functions, by their definitions --------------------------------------------------------------------


def _log_softmax(x: Array, axis: int = -1) -> Any:
    return x - np.logaddexp.reduce(x, axis=axis, keepdims=True)


def _softmax(x: Array, axis: int = -1) -> Any:
    return np.exp(_log_softmax(x, axis))


def _sigmoid(x: Array) -> Any:
    return np.exp(-np.logaddexp(0, -x))


def _elu(x: Array, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _leaky(x: Array, negative_slope: Any) -> Any:
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


def _times(gate: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """The function x * gate(x), with its limit 0 at minus infinity."""
    return lambda x: np.where(x == -np.inf, 0.0, x * gate(x))


_normal = np.vectorize(lambda x: math.erfc(-x / math.sqrt(2)) / 2, otypes=[float])
_FUNCTIONS: dict[str, Callable[[Array], Any]] = {
    "sigmoid": _sigmoid,
    "tanh": lambda x: np.tanh(x),
    "softsign": lambda x: np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x))),
    "hard_sigmoid": lambda x: np.clip((x + 3) / 6, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: _leaky(x, 0.01),
    "elu": _elu,
    "selu": lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
    "celu": _elu,
    "softplus": lambda x: np.logaddexp(0, x),
    "gelu": _times(_normal),
    "gelu_tanh": _times(lambda x: (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2),
    "silu": _times(_sigmoid),
    "mish": _times(lambda x: np.tanh(np.logaddexp(0, x))),
    "hard_swish": _times(lambda x: np.clip((x + 3) / 6, 0, 1)),
}
_BOUNDED = ("sigmoid", "tanh", "softsign", "hard_sigmoid", "hard_tanh")


def _far_slopes(name: str) -> Any:
    left = 0.01 if name == "leaky_relu" else 0.0
    right = 0.0 if name in _BOUNDED else SELU_SCALE if name == "selu" else 1.0
    return np.repeat([left, right], 3)


_EVERYWHERE = [
    case
    for name, function in _FUNCTIONS.items()
    for case in (
        Case(name, {"x": _X}, function, wrt=("x",)),
        Case(name, {"x": _TAILS}, function, wrt=("x",), label="tails"),
        Case(
            name,
            {"x": _FAR if name != "softsign" else _FAR[[0, 5]]},
            function,
            wrt=("x",),
            label="far",
            smooth=False,  # no difference quotient at infinity
            gradients={"x": _far_slopes(name) if name != "softsign" else np.zeros(2)},
        ),
        Case(name, {"x": np.array([np.nan, -1.3])}, function, label="not_a_number"),
        Case(name, {"x": np.array(-0.7)}, function, wrt=("x",), label="scalar"),
        Case(name, {"x": np.empty((0, 3))}, function, wrt=("x",), label="empty"),
    )
]
_THIN_TAILS = [
    Case(name, {"x": _THIN}, _FUNCTIONS[name], wrt=("x",), label="thin_tail")
    for name in ("sigmoid", "softplus", "silu", "mish")
]
_AT_ZERO = [
    Case(
        name,
        {"x": np.array([0.0, -0.0])},
        _FUNCTIONS[name],
        wrt=("x",),
        label="zero",
        gradients={"x": np.full(2, slope)},
    )
    for name, slope in {
        "sigmoid": 0.25,
        "tanh": 1.0,
        "softsign": 1.0,
        "relu": 0.0,
        "leaky_relu": 0.01,
        "elu": 1.0,
        "selu": SELU_SCALE * SELU_ALPHA,
        "celu": 1.0,
        "softplus": 0.5,
        "gelu": 0.5,
        "gelu_tanh": 0.5,
        "silu": 0.5,
        "mish": 0.6,
    }.items()
]
_AT_BOUNDS = [
    Case(
        name,
        {"x": np.array([-bound, bound])},
        _FUNCTIONS[name],
        wrt=("x",),
        label="bounds",
        smooth=False,
        gradients={"x": np.array(slopes)},
    )
    for name, bound, slopes in (
        ("hard_sigmoid", 3.0, [0.0, 0.0]),
        ("hard_tanh", 1.0, [0.0, 0.0]),
        ("hard_swish", 3.0, [0.0, 1.0]),
    )
]
_ROWS = [
    case
    for name, function in (("softmax", _softmax), ("log_softmax", _log_softmax))
    for case in (
        Case(name, {"x": _X}, function, wrt=("x",)),
        Case(name, {"x": _X, "axis": 0}, function, wrt=("x",), label="columns"),
        Case(name, {"x": _BLOCK}, function, wrt=("x",), label="last_of_three"),
        Case(name, {"x": _BLOCK, "axis": 1}, function, wrt=("x",), label="middle"),
        Case(name, {"x": _BLOCK, "axis": -3}, function, wrt=("x",), label="first_from_the_end"),
        Case(name, {"x": _X[0]}, function, wrt=("x",), label="one_row"),
        Case(name, {"x": _X[:, :1]}, function, wrt=("x",), label="one_class"),
        Case(name, {"x": _X[:0]}, function, wrt=("x",), label="no_rows"),
        Case(name, {"x": np.empty((3, 0))}, lambda x: x, wrt=("x",), label="no_classes"),
        Case(name, {"x": _HUGE}, function, wrt=("x",), label="huge", smooth=False),
        Case(name, {"x": _MASKED}, function, wrt=("x",), label="masked", smooth=False),
        Case(name, {"x": _UNDEFINED}, lambda x: np.full((3, 3), np.nan), label="undefined"),
        Case(name, {"x": _X, "axis": 2}, raises=IndexError, label="no_such_axis"),
        Case(name, {"x": _X, "axis": -3}, raises=IndexError, label="no_such_axis_from_the_end"),
        Case(name, {"x": np.array(1.3)}, raises=IndexError, label="scalar"),
    )
]


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    x = np.linspace(-4.0, 4.0, 401)
    shown = []
    for title, names in (("bounded", _BOUNDED), ("unbounded", [name for name in _FUNCTIONS if name not in _BOUNDED])):
        values = {name: call(name, x=x)["value"] for name in names}
        slopes = {name: np.gradient(value, x) for name, value in values.items()}
        shown.append(Exhibit(f"{title} functions", "lines", {"x": x, **values}, x="x", y="value"))
        shown.append(Exhibit(f"their slopes, {title}", "lines", {"x": x, **slopes}, x="x", y="slope"))
    return tuple(shown)


CONCEPT = Concept(
    module=__name__,
    title="Activation functions and their gradients",
    kind="ops",
    summary="What bends a layer's output: without it, any number of layers is one linear map.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 5.1.2",
        "He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers, equation 1 (PReLU)",
        "Clevert, Unterthiner, Hochreiter 2016, Exponential Linear Units, equation 15 (ELU)",
        "Klambauer, Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural Networks, equation 2 (SELU)",
        "Barron 2017, Continuously Differentiable Exponential Linear Units, equation 2 (CELU)",
        "Hendrycks, Gimpel 2016, Gaussian Error Linear Units, section 2 (GELU, its approximation, SiLU)",
        "Misra 2020, Mish, equation 1; Howard et al. 2019, Searching for MobileNetV3, section 5.2 (hard swish)",
    ),
    differences=(
        Difference(
            "D188",
            "which GELU",
            tf="tf.nn.gelu and keras.activations.gelu: exact; keras.ops.gelu: the tanh approximation",
            torch="exact, unless approximate='tanh'",
            ours="two functions, each by its name",
        ),
        Difference(
            "D189",
            "slope of leaky ReLU",
            tf="0.2; the Keras layer 0.3",
            torch="0.01",
            ours="an argument; 0.01, as in Maas, Hannun, Ng 2013",
        ),
        Difference(
            "D190",
            "softplus of large numbers",
            tf="log(1 + exp(x)) everywhere",
            torch="x above a threshold of 20; without one, the gradient overflows to NaN",
            ours="log(1 + exp(x)) everywhere",
            demo=Demo(
                tf="tf.nn.softplus(tf.constant(25.0, tf.float64)) - 25.0",
                torch="torch.nn.functional.softplus(torch.tensor(25.0)) - 25.0",
            ),
        ),
        Difference(
            "D191",
            "hard sigmoid",
            tf="Keras 3 relu6(x + 3) / 6; Keras 2 clip(0.2 x + 0.5, 0, 1)",
            torch="relu6(x + 3) / 6",
            ours="relu6(x + 3) / 6, written out",
        ),
        Difference(
            "D192",
            "gradient of SELU at 0",
            tf="scale, from the right",
            torch="scale * alpha, from the left",
            ours="scale * alpha, as the gradient of ELU at 0 is alpha",
        ),
        Difference(
            "D193",
            "gradient of CELU at 0",
            tf="2 in Keras",
            torch="1",
            ours="1: CELU is smooth there",
        ),
        Difference(
            "D194",
            "gradient of PReLU at 0",
            tf="0 in Keras",
            torch="the slope",
            ours="the slope, as for leaky ReLU",
            demo=Demo(
                tf="keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25))(ties)",
                torch="torch.nn.functional.prelu(ties, torch.tensor([0.25]))",
            ),
        ),
        Difference(
            "D195",
            "gradient of hard tanh at its bounds",
            tf="1",
            torch="0",
            ours="0, as for ReLU and hard sigmoid at theirs",
        ),
        Difference(
            "D196",
            "axis of the softmax",
            tf="the last one",
            torch="must be given; nn.Softmax() guesses it from the rank",
            ours="the last one unless given",
        ),
        Difference(
            "D199",
            "constants inside GELU and leaky ReLU",
            tf="rounded to float32, also for float64 tensors",
            torch="double",
            ours="double: written out in TensorFlow",
        ),
        Difference(
            "X-axis-error",
            "softmax along an axis that is not there",
            tf="raises InvalidArgumentError",
            torch="raises IndexError; a scalar counts as one row",
            ours="IndexError, for a scalar too",
            demo=Demo(
                tf="tf.nn.softmax(x, axis=2)",
                torch="torch.softmax(x, dim=2)",
            ),
        ),
        Difference(
            "X-celu-float32",
            "gradient of CELU in float64",
            tf="double",
            torch="1 / alpha is rounded to float32",
            ours="double: alpha * elu(x / alpha)",
            demo=Demo(
                tf="keras.ops.celu(x, alpha=0.7)",
                torch="torch.nn.functional.celu(x, alpha=0.7)",
            ),
        ),
        Difference(
            "X-elu-alpha",
            "ELU with another alpha than 1",
            tf="tf.nn.elu has none",
            torch="an argument",
            ours="an argument",
            demo=Demo(
                tf="tf.nn.elu(x, alpha=2.0)",
                torch="torch.nn.functional.elu(x, alpha=2.0)",
            ),
        ),
        Difference(
            "X-hard-sigmoid-float32",
            "gradient of hard sigmoid in float64",
            tf="double",
            torch="hardsigmoid's 1/6 is rounded to float32",
            ours="double: relu6(x + 3) / 6",
            demo=Demo(
                tf="keras.ops.hard_sigmoid(x)",
                torch="torch.nn.functional.hardsigmoid(x)",
            ),
        ),
        Difference(
            "X-infinity-times-zero",
            "softsign and self-gated units at infinity",
            tf="NaN, and NaN gradients; softsign's gradient is 0",
            torch="NaN, and NaN gradients; hardswish's gradient is 0 or 1, float32 GELU of infinity NaN",
            ours="the limits, and gradients 0 or 1",
            demo=Demo(
                tf="""
                    far = tf.constant([-np.inf, np.inf])
                    with tf.GradientTape(persistent=True) as tape:
                        tape.watch(far)
                        units = tf.nn.softsign(far), keras.ops.hard_swish(far)
                    [tape.gradient(unit, far) for unit in units]
                """,
                torch="""
                    far = torch.tensor([-np.inf, np.inf], requires_grad=True)
                    units = torch.nn.functional.softsign(far), torch.nn.functional.hardswish(far)
                    [torch.autograd.grad(unit.sum(), far) for unit in units]
                """,
            ),
        ),
        Difference(
            "X-softmax-nan",
            "softmax of a row with NaN or plus infinity",
            tf="NaN there, but 0 for the other classes in float32 on a CPU",
            torch="NaN for all classes",
            ours="NaN for all classes: written out in TensorFlow",
            demo=Demo(
                tf="tf.nn.softmax(tf.constant([0.0, float('nan'), 1.0]))",
                torch="torch.softmax(torch.tensor([0.0, torch.nan, 1.0]), 0)",
            ),
        ),
    ),
    cases=(
        *_EVERYWHERE,
        *_THIN_TAILS,
        *_AT_ZERO,
        *_AT_BOUNDS,
        Case(
            "leaky_relu",
            {"x": _X, "negative_slope": 0.3},  # no binary fraction: rounding it to float32 shows
            _leaky,
            wrt=("x",),
            label="steep",
        ),
        Case(
            "leaky_relu",
            {"x": np.array([-1.3, 0.0, 1.7]), "negative_slope": 0.3},
            _leaky,
            wrt=("x",),
            label="kink",
            smooth=False,
            gradients={"x": np.array([0.3, 0.3, 1.0])},
        ),
        Case("prelu", {"x": _X, "negative_slope": _SLOPES}, _leaky, wrt=("x", "negative_slope")),
        Case(
            "prelu",
            {"x": np.array([[-np.inf, 0.0, np.inf], [-1.7, -0.0, 2.3]]), "negative_slope": np.array([0.1, 0.3, 0.7])},
            _leaky,
            wrt=("x", "negative_slope"),
            label="kink",
            smooth=False,
            gradients={
                "x": np.array([[0.1, 0.3, 1.0], [0.1, 0.3, 1.0]]),
                "negative_slope": np.array([-np.inf, 0.0, 0.0]),
            },
        ),
        Case("prelu", {"x": _X[:0], "negative_slope": _SLOPES}, _leaky, wrt=("x", "negative_slope"), label="no_rows"),
        *(
            Case("prelu", {"x": x, "negative_slope": slopes}, raises=ValueError, label=label)
            for label, x, slopes in (
                ("too_few_slopes", _X, _SLOPES[:5]),
                ("one_slope", _X, _SLOPES[:1]),
                ("no_columns", _X[0], _SLOPES),
            )
        ),
        *(
            Case(name, {"x": _X, "alpha": 0.7}, oracle, wrt=("x",), label="alpha")
            for name, oracle in (("elu", _elu), ("celu", lambda x, alpha: alpha * _elu(x / alpha)))
        ),
        *(
            Case(
                name,
                {"x": np.array([-0.0, 0.0]), "alpha": 0.7},
                oracle,
                wrt=("x",),
                label="alpha_zero",
                smooth=False,
                gradients={"x": np.array([slope, slope])},
            )
            for name, oracle, slope in (("elu", _elu, 0.7), ("celu", _elu, 1.0))
        ),
        *_ROWS,
    ),
    study=_study,
)
