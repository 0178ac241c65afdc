"""Derivatives: the limit of a quotient, the four layouts, the chain rule, directions and tangents."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "ChainRule"]


class ChainRule(NamedTuple):
    """The factors dy/du (M,) and du/dx (M, N), their product (N,), and the gradient found at once (N,)."""

    outer: Any
    inner: Any
    product: Any
    whole: Any


# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a missing transposition cannot hide.
_RNG = np.random.default_rng(23)
_X = _RNG.normal(size=5)
_TABLE = _RNG.normal(size=(3, 5))
_SQUARE = _RNG.normal(size=(5, 5))
_DIRECTION = _RNG.normal(size=5)
_RATES = _RNG.normal(size=7)
_HALVES = 0.5 ** np.arange(1, 10)  # powers of 2: the quotients are exact in float32 too


def _chain_rule(x: Array, matrix: Array) -> ChainRule:
    outer = np.cos(matrix @ x)
    return ChainRule(outer, matrix, matrix.T @ outer, matrix.T @ outer)


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    x, at = np.linspace(-0.5, 2.5, 61), 1.0
    steps = 0.5 ** np.arange(1, 21)
    tangent = {
        "x": x,
        "3 x^2 - 4 x": 3 * x**2 - 4 * x,
        "tangent at 1": call("tangent_line", x=x, at=np.array(at))["value"],
        "slope": call("derivative", x=x)["value"],
    }
    quotients = call("numerical_limit", x=np.array(at), steps=steps)["value"]
    limit = {"x": np.log2(steps), "quotient - derivative": quotients - call("derivative", x=np.array(at))["value"]}
    return (
        Exhibit("a function, its tangent, its slope", "lines", tangent, x="x", y="f(x)"),
        Exhibit("the limit", "lines", limit, x="log2 of the step", y="error", scale="log"),
    )


CONCEPT = Concept(
    module=__name__,
    title="Derivatives: limits, layouts, chain rule, directions and tangents",
    kind="ops",
    summary="A derivative is how fast outputs change with inputs; its shape is that of both, one after the other.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.4 and appendix 22.4",),
    differences=(
        Difference(
            "D213",
            "gradient of an output that is no scalar",
            tf="the gradient of its sum",
            torch="grad raises RuntimeError",
            ours="the gradient of its sum, written out in PyTorch",
        ),
        Difference(
            "X-forward-mode",
            "derivative along one direction",
            tf="a ForwardAccumulator records, and gives the derivative of each output",
            torch="torch.func.jvp calls a function, and gives value and derivative",
            ours="the derivative",
            demo=Demo(
                tf="""
                    at = tf.constant(3.0)
                    with tf.autodiff.ForwardAccumulator(at, tf.constant(1.0)) as along:
                        power = at**2
                    along.jvp(power)
                """,
                torch="torch.func.jvp(lambda at: at**2, (torch.tensor(3.0),), (torch.tensor(1.0),))",
            ),
        ),
    ),
    cases=(
        Case(
            "numerical_limit",
            {"x": np.array(1.0), "steps": np.concatenate([_HALVES, -_HALVES])},
            lambda x, steps: 6 * x - 4 + 3 * steps,
        ),
        Case(
            "numerical_limit",
            {"x": np.array(0.7), "steps": np.array([0.5, -0.25, 0.3])},
            lambda x, steps: 6 * x - 4 + 3 * steps,
            wrt=("x", "steps"),
            label="wide",
        ),
        Case(
            "numerical_limit",
            {"x": np.array(1.0), "steps": np.array([2.0**-60, -(2.0**-70)])},
            lambda x, steps: np.zeros(2),  # 1 + h is 1, and the quotient is 0 instead of 2
            label="below_precision",
        ),
        Case("numerical_limit", {"x": np.array(1.0), "steps": np.empty(0)}, lambda x, steps: steps, label="no_steps"),
        Case("numerical_limit", {"x": np.array(1.0), "steps": np.array([0.5, 0.0])}, raises=ValueError, label="zero"),
        *(
            Case("derivative", {"x": x}, lambda x: 6 * x - 4, wrt=("x",), label=label)
            for label, x in (
                ("", _TABLE),
                ("scalar", np.array(1.0)),
                ("zero", np.zeros(2)),
                ("empty", np.empty((0, 3))),
            )
        ),
        Case("tangent_line", {"x": _X, "at": np.array(1.0)}, lambda x, at: 2 * x - 3, wrt=("x",), label="d2l"),
        Case(
            "tangent_line",
            {"x": _X, "at": np.array(-0.7)},
            lambda x, at: (6 * at - 4) * x - 3 * at**2,
            wrt=("x", "at"),
        ),
        Case("tangent_line", {"x": np.empty(0), "at": np.array(1.0)}, lambda x, at: x, label="empty"),
        *(
            Case("scalar_by_scalar", {"x": np.array(x)}, lambda x: 2 * x * np.cos(x * x), wrt=("x",), label=label)
            for label, x in (("", 1.3), ("zero", 0.0), ("negative", -2.1))
        ),
        Case(
            "scalar_by_vector",
            {"x": _X, "matrix": _SQUARE},
            lambda x, matrix: (matrix + matrix.T) @ x,
            wrt=("x", "matrix"),
        ),
        Case(
            "vector_by_scalar",
            {"t": np.array(0.7), "rates": _RATES},
            lambda t, rates: rates * np.exp(t * rates),
            wrt=("t", "rates"),
        ),
        Case(
            "vector_by_vector",
            {"x": _X, "matrix": _TABLE},
            lambda x, matrix: 2 * matrix * x,
            wrt=("x", "matrix"),
        ),
        Case(
            "vector_by_vector",
            {"x": _X, "matrix": _TABLE[:1]},
            lambda x, matrix: 2 * matrix * x,
            wrt=("x", "matrix"),
            label="one_output",
        ),
        Case("chain_rule", {"x": _X, "matrix": _TABLE}, _chain_rule, wrt=("x", "matrix")),
        Case(
            "directional_derivative",
            {"x": _X, "direction": _DIRECTION},
            lambda x, direction: (3 * x**2) @ direction,
            wrt=("x", "direction"),
        ),
        Case(
            "directional_derivative",
            {"x": _X, "direction": np.array([0.0, 1.0, 0.0, 0.0, 0.0])},
            lambda x, direction: (3 * x**2) @ direction,
            label="along_an_axis",
        ),
        Case(
            "directional_derivative",
            {"x": _X, "direction": np.zeros(5)},
            lambda x, direction: 0.0,
            label="nowhere",
        ),
    ),
    study=_study,
)
