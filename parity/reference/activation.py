"""Activation functions: elementwise, and the softmax."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import erf, expit

from parity.reference.kind import Array, Call, Kind, choose

__all__ = ["ELEMENTWISE", "KINDS", "log_softmax"]

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _exponential(x: Array, scale: float) -> Array:
    return np.expm1(np.minimum(x, 0) * scale)


def leaky_relu(call: Call, slope: float = 0.01) -> Array:
    """x, or slope * x below 0."""
    return np.where(call.x > 0, call.x, slope * call.x)


def elu(call: Call, alpha: float = 1.0) -> Array:
    """x, or alpha * (exp(x) - 1) below 0."""
    return np.where(call.x > 0, call.x, alpha * _exponential(call.x, 1.0))


def celu(call: Call, alpha: float = 1.0) -> Array:
    """x, or alpha * (exp(x / alpha) - 1) below 0."""
    return np.where(call.x > 0, call.x, alpha * _exponential(call.x, 1 / alpha))


def selu(call: Call) -> Array:
    """The self-normalising exponential unit (Klambauer et al. 2017)."""
    return SELU_SCALE * np.where(call.x > 0, call.x, SELU_ALPHA * _exponential(call.x, 1.0))


def gelu(call: Call, approximate: str = "none") -> Array:
    """X times the normal distribution function, or its approximation by tanh."""
    x = call.x
    cubic = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    inner = {"none": lambda: erf(x / np.sqrt(2)), "tanh": lambda: np.tanh(cubic)}
    return 0.5 * x * (1 + choose("approximate", approximate, inner)())


def hard_sigmoid(call: Call, form: str = "torch") -> Array:
    """A sigmoid of straight lines, of slope 1/6 or, before Keras 3, 0.2."""
    slope = choose("form", form, {"torch": 1 / 6, "old_keras": 0.2})
    return np.clip(slope * call.x + 0.5, 0, 1)


def hard_tanh(call: Call, low: float = -1.0, high: float = 1.0) -> Array:
    """x, clipped."""
    return np.clip(call.x, low, high)


def softplus(call: Call, beta: float = 1.0, threshold: float | None = 20.0) -> Array:
    """log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold."""
    smooth = np.logaddexp(0, beta * call.x) / beta
    return smooth if threshold is None else np.where(beta * call.x > threshold, call.x, smooth)


def threshold(call: Call, threshold: float = 0.0, value: float = 0.0) -> Array:
    """X above the threshold, `value` elsewhere."""
    return np.where(call.x > threshold, call.x, value)


def prelu(call: Call) -> Array:
    """x, or a learned slope times x below 0; one slope for all or one for each channel."""
    weight = call.parameters["weight"]
    if weight.size == 1:
        slope = weight.reshape(())
    else:
        slope = weight.reshape(-1, *(1,) * (call.x.ndim - 2)) if weight.ndim == 1 else weight
    return np.where(call.x > 0, call.x, slope * call.x)


def log_softmax(x: Array, axis: int) -> Array:
    """The logarithm of the softmax, safe from overflow."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _softmax(call: Call, axis: int = -1) -> Array:
    return np.exp(log_softmax(call.x, axis))


def _log_softmax(call: Call, axis: int = -1) -> Array:
    return log_softmax(call.x, axis)


ELEMENTWISE: Mapping[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": expit,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "old_hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "silu": lambda x: x * expit(x),
    "tanh": np.tanh,
    "relu6": lambda x: np.clip(x, 0, 6),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "tanh_shrink": lambda x: x - np.tanh(x),
}
"""The functions without a setting, for recurrent layers too."""


def _plain(name: str) -> Kind:
    def compute(call: Call) -> Array:
        return ELEMENTWISE[name](call.x)

    return Kind(compute)


KINDS = {
    **{name: _plain(name) for name in ELEMENTWISE if name not in ("linear", "hard_sigmoid", "old_hard_sigmoid")},
    "leaky_relu": Kind(leaky_relu),
    "elu": Kind(elu),
    "celu": Kind(celu),
    "selu": Kind(selu),
    "gelu": Kind(gelu),
    "hard_sigmoid": Kind(hard_sigmoid),
    "hard_tanh": Kind(hard_tanh),
    "softplus": Kind(softplus),
    "threshold": Kind(threshold),
    "softmax": Kind(_softmax),
    "log_softmax": Kind(_log_softmax),
    "prelu": Kind(prelu, "weight"),
}
