"""Automatic differentiation: gradients, Jacobians, higher orders, and where there is no gradient."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "ReusedRecording", "UnusedInput"]


class ReusedRecording(NamedTuple):
    """The gradients of y and of z by the same input."""

    y: Any
    z: Any


class UnusedInput(NamedTuple):
    """The gradients by the input that is used and by the one that is not."""

    x: Any
    unused: Any


# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten term cannot hide.
_RNG = np.random.default_rng(3)
_X = _RNG.normal(size=7)
_TABLE = _RNG.normal(size=(5, 3))
_BATCH = _RNG.normal(size=(5, 7))
_TARGETS = _RNG.normal(size=5)
_WEIGHT = _RNG.normal(size=(3, 7))
_READOUT = _RNG.normal(size=3)
_TANGENT = _RNG.normal(size=7)
_SQUARE = _RNG.normal(size=(7, 7)) / 3
_INVERTIBLE = _RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3)
_NO_ROWS = np.empty((0, 7))


# --- the derivatives, by hand -------------------------------------------------------------------------------


def _slope_of_control_flow(a: Array) -> Any:
    # The first power >= 1 with 2^power |a| >= 1000; NaN is not below 1000, so that it ends the loop at once.
    power = 1 - np.fmin(np.floor(np.log2(np.abs(a) / 500)), 0)
    return np.exp2(power) * np.where(a > 0, 1.0, 100.0)


def _jacobian(weight: Array, x: Array) -> Any:
    return (1 - np.tanh(weight @ x) ** 2)[:, None] * weight


def _hessian(x: Array) -> Any:
    left = x[:-1]
    result = np.diag(-400 * left, 1) + np.diag(-400 * left, -1)
    result[range(len(left)), range(len(left))] += 1200 * left**2 - 400 * x[1:] + 2
    result[range(1, len(x)), range(1, len(x))] += 200
    return result


def _gradient_penalty(x: Array, weight: Array, readout: Array) -> Any:
    slopes = ((1 - np.tanh(x @ weight.T) ** 2) * readout) @ weight
    return np.mean((np.sqrt((slopes**2).sum(1)) - 1) ** 2)


def _double_where(x: Array) -> Any:
    return np.where(x > 0, 0.5 / np.sqrt(np.where(x > 0, x, 1)), 0.0)


def _checkpointed(x: Array, weight: Array) -> Any:
    hidden = np.tanh(weight @ x)
    outer = 1 - np.tanh(weight @ hidden) ** 2
    return np.outer(outer, hidden) + np.outer((1 - hidden**2) * (weight.T @ outer), x)


def _trace_of_inverse(matrix: Array) -> Any:
    inverse = np.linalg.inv(matrix)
    return -np.swapaxes(inverse @ inverse, -1, -2)


CONCEPT = Concept(
    module=__name__,
    title="Automatic differentiation",
    kind="ops",
    summary="Derivatives come from the program itself: in reverse or forward mode, of any order.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.5",
        "Baydin, Pearlmutter, Radul, Siskind 2018, Automatic Differentiation in Machine Learning: a Survey",
    ),
    differences=(
        Difference(
            "D175",
            "several backward passes",
            tf="tape.gradient returns a fresh gradient each time",
            torch="backward adds to .grad until it is reset",
            ours="the sum, written out in TensorFlow",
            demo=Demo(
                tf="""
                    at = tf.Variable(2.0)
                    for _ in range(3):
                        with tf.GradientTape() as tape:
                            loss = at**2
                        gradient = tape.gradient(loss, at)
                    gradient
                """,
                torch="""
                    at = torch.tensor(2.0, requires_grad=True)
                    for _ in range(3):
                        loss = at**2
                        loss.backward()
                    at.grad
                """,
            ),
        ),
        Difference(
            "D205",
            "gradient of the 2-norm of the zero vector",
            tf="NaN",
            torch="0",
            ours="0: TensorFlow takes the root of a safe value",
        ),
        Difference(
            "D211",
            "gradient of round, floor and ceil",
            tf="none is registered: None",
            torch="zeros",
            ours="zeros",
        ),
        Difference(
            "D212",
            "gradient by what takes no part",
            tf="None",
            torch=".grad stays None; torch.autograd.grad raises RuntimeError",
            ours="zeros of the input's shape and type",
        ),
        Difference(
            "D213",
            "gradient of an output that is no scalar",
            tf="the gradient of its sum",
            torch="backward raises RuntimeError",
            ours="the gradient of its sum, written out in PyTorch",
        ),
        Difference(
            "D214",
            "a second gradient from one recording",
            tf="raises unless the tape is persistent",
            torch="raises unless the graph is retained",
            ours="the recording is kept",
        ),
        Difference(
            "D215",
            "gradient by integers",
            tf="None, and a line in the log",
            torch="requires_grad raises RuntimeError",
            ours="TypeError",
            demo=Demo(
                tf="""
                    whole = tf.constant(3)
                    with tf.GradientTape() as tape:
                        tape.watch(whole)
                        power = whole**2
                    str(tape.gradient(power, whole))
                """,
                torch="""
                    whole = torch.tensor(3, requires_grad=True)
                    power = whole**2
                    str(torch.autograd.grad(power, whole))
                """,
            ),
        ),
        Difference(
            "X-create-graph",
            "differentiating a gradient",
            tf="an outer tape records what the inner tape computes",
            torch="torch.autograd.grad records only with create_graph=True",
            ours="recorded",
            demo=Demo(
                tf="""
                    at = tf.constant(2.0)
                    with tf.GradientTape() as outer:
                        outer.watch(at)
                        with tf.GradientTape() as inner:
                            inner.watch(at)
                            power = at**3
                        slope = inner.gradient(power, at)
                    outer.gradient(slope, at)
                """,
                torch="""
                    at = torch.tensor(2.0, requires_grad=True)
                    (slope,) = torch.autograd.grad(at**3, at)
                    torch.autograd.grad(slope, at)
                """,
            ),
        ),
        Difference(
            "X-retain-grad",
            "gradient by a tensor between input and output",
            tf="the tape gives it as any other",
            torch="not kept unless retain_grad was called",
            ours="kept",
            demo=Demo(
                tf="""
                    at = tf.constant(2.0)
                    with tf.GradientTape() as tape:
                        tape.watch(at)
                        between = at**2
                        end = between**3
                    tape.gradient(end, between) is None
                """,
                torch="""
                    at = torch.tensor(2.0, requires_grad=True)
                    between = at**2
                    end = between**3
                    end.backward()
                    between.grad is None
                """,
            ),
        ),
        Difference(
            "X-singular-inverse",
            "inverse of a matrix that is singular or holds NaN",
            tf="raises InvalidArgumentError, for NaN as the first element too; for NaN elsewhere, NaN",
            torch="raises LinAlgError; for NaN, NaN",
            ours="ValueError, for NaN too",
            demo=Demo(
                tf="tf.linalg.inv([[np.nan, 1.0], [2.0, 3.0]])",
                torch="torch.linalg.inv(torch.tensor([[np.nan, 1.0], [2.0, 3.0]]))",
            ),
        ),
        Difference(
            "X-vmap-empty",
            "mapping a function over no example",
            tf="tf.vectorized_map returns an empty tensor",
            torch="torch.func.vmap raises IndexError if it adds or multiplies a scalar and a number",
            ours="an empty tensor",
            demo=Demo(
                tf="tf.vectorized_map(lambda one: one - 1.0, tf.zeros(0))",
                torch="torch.func.vmap(lambda one: one - 1.0)(torch.zeros(0))",
            ),
        ),
    ),
    cases=(
        Case("scalar_backward", {"x": np.arange(4.0)}, lambda x: 4 * x, label="d2l"),
        Case("scalar_backward", {"x": _X}, lambda x: 4 * x),
        Case("scalar_backward", {"x": np.empty(0)}, lambda x: 4 * x, label="empty"),
        Case("gradient_of_vector_output", {"x": _TABLE}, lambda x: 2 * x),
        Case("gradient_of_vector_output", {"x": np.array(-1.7)}, lambda x: 2 * x, label="scalar"),
        Case("gradient_of_vector_output", {"x": _NO_ROWS}, lambda x: 2 * x, label="empty"),
        Case("accumulated", {"x": _TABLE, "passes": 3}, lambda x, passes: passes * (passes + 1) * x),
        Case("accumulated", {"x": _X, "passes": 1}, lambda x, passes: passes * (passes + 1) * x, label="once"),
        Case("accumulated", {"x": _X, "passes": 0}, lambda x, passes: 0 * x, label="no_pass"),
        Case("gradient_of_intermediate", {"x": _TABLE}, lambda x: np.cos(x * x)),
        Case("gradient_of_intermediate", {"x": np.array([0.0, -1.3])}, lambda x: np.cos(x * x), label="zero"),
        Case("reused_recording", {"x": _TABLE}, lambda x: ReusedRecording(2 * x, 4 * x**3), wrt=("x",)),
        Case("detached", {"x": _TABLE}, lambda x: x * x),
        Case("detached", {"x": np.array([0.0, -1.3])}, lambda x: x * x, label="zero"),
        *(
            Case("control_flow", {"a": np.array(a)}, _slope_of_control_flow, label=label)
            for label, a in (
                ("", 3.7),
                ("negative", -0.61),
                ("small", -1.9e-5),
                ("boundary", 125.0),  # 8 a is 1000 exactly: not doubled again
                ("no_loop", 1234.5),
                ("no_loop_negative", -1234.5),
                ("infinite", -np.inf),
                ("nan", np.nan),
            )
        ),
        Case("control_flow", {"a": np.array(0.0)}, raises=ValueError, label="zero"),
        Case(
            "vector_jacobian_product",
            {"weight": _WEIGHT, "x": _X, "cotangent": _READOUT},
            lambda weight, x, cotangent: cotangent @ _jacobian(weight, x),
            wrt=("weight", "x", "cotangent"),
        ),
        Case(
            "jacobian_vector_product",
            {"weight": _WEIGHT, "x": _X, "tangent": _TANGENT},
            lambda weight, x, tangent: _jacobian(weight, x) @ tangent,
            wrt=("weight", "x", "tangent"),
        ),
        Case("jacobian", {"weight": _WEIGHT, "x": _X}, _jacobian, wrt=("weight", "x")),
        Case("jacobian", {"weight": _WEIGHT[:1], "x": _X}, _jacobian, wrt=("weight", "x"), label="one_output"),
        Case("jacobian", {"weight": _NO_ROWS, "x": _X}, _jacobian, label="no_output"),
        Case("hessian", {"x": _X}, _hessian, wrt=("x",)),
        Case("hessian", {"x": np.ones(5)}, _hessian, wrt=("x",), label="minimum"),
        Case("hessian", {"x": np.array([0.7])}, _hessian, label="constant"),
        Case(
            "hessian_vector_product",
            {"x": _X, "vector": _TANGENT},
            lambda x, vector: _hessian(x) @ vector,
            wrt=("x", "vector"),
        ),
        Case("second_order", {"x": _TABLE}, lambda x: 2 * np.cos(x) - x * np.sin(x), wrt=("x",)),
        Case("second_order", {"x": np.array(0.0)}, lambda x: 2 * np.cos(x), wrt=("x",), label="zero"),
        *(
            Case(
                "nth_derivative",
                {"x": _TABLE, "order": order},
                lambda x, order: (x + order) * np.exp(x),
                wrt=("x",),
                label=f"order_{order}",
            )
            for order in range(5)
        ),
        Case("nth_derivative", {"x": _X, "order": -1}, raises=ValueError, label="negative_order"),
        Case(
            "gradient_penalty",
            {"x": _BATCH, "weight": _WEIGHT, "readout": _READOUT},
            _gradient_penalty,
            wrt=("x", "weight", "readout"),
        ),
        Case(
            "gradient_penalty",
            {"x": _BATCH, "weight": _WEIGHT, "readout": np.zeros(3)},
            _gradient_penalty,
            wrt=("x", "weight", "readout"),
            label="flat",
            smooth=False,
            gradients={"x": np.zeros((5, 7)), "weight": np.zeros((3, 7)), "readout": np.zeros(3)},
        ),
        Case(
            "unused_input",
            {"x": _TABLE, "unused": _X},
            lambda x, unused: UnusedInput(2 * x, 0 * unused),
            wrt=("x", "unused"),
        ),
        Case("integer_input", {"x": _TABLE}, lambda x: 2 * x),
        Case("integer_input", {"x": np.array([2, 3, 5])}, raises=TypeError, label="integers"),
        Case("integer_input", {"x": np.array([True, False])}, raises=TypeError, label="booleans"),
        Case("rounding", {"x": _TABLE}, lambda x: 0 * x),
        Case("rounding", {"x": np.array([0.5, -1.5, 2.0])}, lambda x: 0 * x, label="at_jumps"),
        Case(
            "straight_through",
            {"x": 3 * _TABLE},
            lambda x: 2 * np.round(x),
            wrt=("x",),
            smooth=False,  # by design its derivative is not that of its values
            gradients={"x": np.full((5, 3), 2.0)},
        ),
        Case(
            "straight_through",
            {"x": np.array([0.5, 1.5, -0.5, -2.5, 3.5])},
            lambda x: 2 * np.round(x),
            wrt=("x",),
            label="halves",
            smooth=False,
            gradients={"x": np.full(5, 2.0)},
        ),
        Case("double_where", {"x": _TABLE}, _double_where, wrt=("x",)),
        Case(
            "double_where",
            {"x": np.array([0.0, 0.25, -3.0])},
            _double_where,
            wrt=("x",),
            label="zero",
            smooth=False,
            gradients={"x": np.array([0.0, -2.0, 0.0])},
        ),
        Case("log1p_exp", {"x": 3 * _TABLE}, lambda x: np.logaddexp(0, x), wrt=("x",)),
        Case(
            "log1p_exp",
            {"x": np.array([-1000.0, -50.0, 0.0, 50.0, 1000.0])},
            lambda x: np.logaddexp(0, x),
            wrt=("x",),
            label="far",
        ),
        Case(
            "log1p_exp",
            {"x": np.array([-np.inf, np.inf])},
            lambda x: np.logaddexp(0, x),
            wrt=("x",),
            label="infinite",
            smooth=False,
            gradients={"x": np.array([0.0, 1.0])},
        ),
        Case(
            "gradient_reversal",
            {"x": _TABLE, "strength": 0.3},
            lambda x, strength: x,
            wrt=("x",),
            smooth=False,  # by design its derivative is not that of its values
            gradients={"x": np.full((5, 3), -0.3)},
        ),
        Case("checkpointed", {"x": _X, "weight": _SQUARE}, _checkpointed),
        Case(
            "per_example_gradients",
            {"x": _BATCH, "targets": _TARGETS, "weight": _X},
            lambda x, targets, weight: (x @ weight - targets)[:, None] * x,
            wrt=("x", "targets", "weight"),
        ),
        Case(
            "per_example_gradients",
            {"x": _BATCH[:1], "targets": _TARGETS[:1], "weight": _X},
            lambda x, targets, weight: (x @ weight - targets)[:, None] * x,
            wrt=("x", "targets", "weight"),
            label="one_example",
        ),
        Case(
            "per_example_gradients",
            {"x": _NO_ROWS, "targets": np.empty(0), "weight": _X},
            lambda x, targets, weight: x,
            label="no_example",
        ),
        Case("trace_of_inverse", {"matrix": _INVERTIBLE[0]}, _trace_of_inverse, wrt=("matrix",)),
        Case("trace_of_inverse", {"matrix": _INVERTIBLE}, _trace_of_inverse, wrt=("matrix",), label="batch"),
        Case("trace_of_inverse", {"matrix": np.empty((0, 3, 3))}, lambda matrix: matrix, label="empty"),
        Case(
            "trace_of_inverse",
            {"matrix": np.array([[1.0, 2.0], [2.0, 4.0]])},
            raises=ValueError,
            label="singular",
        ),
        Case(
            "trace_of_inverse",
            {"matrix": np.array([[1.0, 2.0], [3.0, np.nan]])},
            raises=ValueError,
            label="nan",
        ),
    ),
)
