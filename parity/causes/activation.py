"""Why two activations differ, or a layer that should have one."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from parity.causes.cause import Array, Cause, Hypothesis, assume, first, keyword, number, setting
from parity.layer import Fault

__all__ = ["CAUSES"]

PLAIN = (
    "relu", "sigmoid", "tanh", "silu", "gelu", "leaky_relu", "elu", "selu", "hard_sigmoid", "hard_swish", "relu6",
    "softplus", "softsign", "mish", "softmax", "log_softmax", "tanh_shrink", "celu", "hard_tanh",
)  # fmt: skip
FUSED = ("dense", "conv", "conv_transpose", "batch_norm", "add", "layer_norm")


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu (0.01)": lambda x: np.where(x > 0, x, 0.01 * x),
    "leaky_relu (0.2)": lambda x: np.where(x > 0, x, 0.2 * x),
    "leaky_relu (0.3)": lambda x: np.where(x > 0, x, 0.3 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu (tanh)": _gelu,
    "softmax over the last axis": lambda x: _softmax(x, -1),
    "softmax over axis 1": lambda x: _softmax(x, 1),
}


def _softmax(x: Array, axis: int) -> Array:
    shifted = np.exp(x - x.max(axis, keepdims=True))
    return shifted / shifted.sum(axis, keepdims=True)


def _wrong(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = fault.a.layer, fault.b.layer
    if theirs.kind != mine.kind and theirs.kind in PLAIN:
        yield assume(fault, mine.kind, theirs.kind, specific=True, kind=theirs.kind, settings=theirs.settings)
    for kind in PLAIN:
        if kind != mine.kind and {mine.kind, kind} != {"softmax", "log_softmax"}:
            yield assume(fault, mine.kind, kind, kind=kind)


def _missing(fault: Fault) -> Iterable[Hypothesis]:
    yield assume(fault, fault.a.layer.kind, "nothing", kind="identity", specific=fault.b.layer.kind == "identity")


def _doubled(fault: Fault) -> Iterable[Hypothesis]:
    """Applying the function to its own result, which is the base's output."""
    yield assume(fault, "once", "twice", inputs=fault.a.outputs)


def _fused(fault: Fault) -> Iterable[Hypothesis]:
    for then, function in FUNCTIONS.items():
        yield assume(fault, "none", then, outputs=first(function))


def _negative_slope(fault: Fault) -> Iterable[float]:
    """The usual ones, and what the target's own values tell."""
    x, y = fault.a.inputs[0], fault.b.outputs[0]
    below = x < 0
    measured = [number((x * y)[below].sum() / (x**2)[below].sum())] if x.shape == y.shape and below.any() else []
    return (0.01, 0.2, 0.3, 0.1, *measured)


def _axes(fault: Fault) -> Iterable[int]:
    return (-1, *range(fault.a.inputs[0].ndim))


def _softmax_kind(fault: Fault) -> Iterable[Hypothesis]:
    mine = fault.a.layer
    other = "log_softmax" if mine.kind == "softmax" else "softmax"
    specific = fault.b.layer.kind == other
    yield assume(fault, mine.kind, other, specific=specific, kind=other, settings=mine.settings)


ELUS, SOFTMAX, SOFTPLUS = ("elu", "celu"), ("softmax", "log_softmax"), ("softplus",)

CAUSES = (
    Cause("activation.gelu_form", ("gelu",), "GELU is exact on one side and approximated by tanh on the other",
          setting("approximate", "none", ("tanh", "none")), "approximation {}", keyword("approximate"),
          keyword("approximate", lambda form: form == "tanh")),
    Cause("activation.slope", ("leaky_relu",), "the slopes below 0 differ", setting("slope", 0.01, _negative_slope),
          "slope {}", keyword("negative_slope"), keyword("negative_slope")),
    Cause("activation.alpha", ELUS, "the alphas differ", setting("alpha", 1.0, (1.0, 0.5, 0.1, 0.3)), "alpha {}",
          keyword("alpha"), keyword("alpha")),
    Cause("activation.softmax_log", SOFTMAX, "one side gives logarithms of the probabilities", _softmax_kind, "{}",
          "the function {}", "keras.ops.{}"),
    Cause("activation.softmax_axis", SOFTMAX, "the softmax runs along other axes", setting("axis", -1, _axes),
          "axis {}", keyword("dim"), keyword("axis")),
    Cause("activation.hard_sigmoid_form", ("hard_sigmoid",),
          "the hard sigmoid has slope 1/6 on one side, 0.2 (before Keras 3) on the other",
          setting("form", "torch", ("old_keras", "torch")), "form {}", "nn.Hardsigmoid() for torch: {}",
          "keras.activations.hard_sigmoid for torch: {}"),
    Cause("activation.softplus_beta", SOFTPLUS, "the betas differ", setting("beta", 1.0, (1.0, 2.0, 0.5, 10.0)),
          "beta {}", keyword("beta"), "keras.ops.softplus(beta * x) / beta with beta {}"),
    Cause("activation.softplus_threshold", SOFTPLUS, "PyTorch's softplus is linear above a threshold",
          setting("threshold", 20.0, (20.0, None)), "threshold {}", keyword("threshold"),
          "keras.ops.where(beta * x > threshold, x, ...) with threshold {}"),
    Cause("activation.lower_bound", ("hard_tanh",), "the lower bounds differ",
          setting("low", -1.0, (-1.0, 0.0)), "lower bound {}", keyword("min_val"),
          "keras.ops.clip(x, {}, ...)"),
    Cause("activation.upper_bound", ("hard_tanh",), "the upper bounds differ",
          setting("high", 1.0, (1.0, 6.0)), "upper bound {}", keyword("max_val"),
          "keras.ops.clip(x, ..., {})"),
    Cause("activation.missing", PLAIN, "one side has no activation here", _missing, "{}", "apply {}", "apply {}"),
    Cause("activation.doubled", PLAIN, "one side applies the activation twice", _doubled, "applied {}",
          "apply it {}", "apply it {}: not in the layer before as well"),
    Cause("activation.wrong", PLAIN, "the activations differ", _wrong, "{}", "the function {}", "activation='{}'"),
    Cause("activation.fused", FUSED, "one side ends in an activation, the other does not", _fused,
          "activation: {}", "apply the activation afterwards: {}", "the layer's activation=...: {}"),
)  # fmt: skip
