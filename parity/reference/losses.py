"""Losses of (prediction, target); classes stand on axis 1.

Reductions: "mean" over every value, "sum", "none", "batch_mean" (the sum over the number of samples), and Keras'
"last_mean" and "last_mean_sum" (the mean over the last axis, then nothing or the sum).
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, xlogy

from parity.reference.activation import log_softmax
from parity.reference.kind import Array, Call, Kind, choose

__all__ = ["KINDS"]

REDUCTIONS = {
    "none": lambda values: values,
    "mean": np.mean,
    "sum": np.sum,
    "batch_mean": lambda values: values.sum() / len(values),
    "last_mean": lambda values: values.mean(-1),
    "last_mean_sum": lambda values: values.mean(-1).sum(),
}


def _reduced(values: Array, reduction: str) -> Array:
    return np.asarray(choose("reduction", reduction, REDUCTIONS)(values))


def _probabilities(p: Array, clip: float | None, normalise: str | None) -> Array:
    choose("normalise", normalise, dict.fromkeys((None, "before", "after")))
    p = p / p.sum(1, keepdims=True) if normalise == "before" else p
    p = p if clip is None else p.clip(clip, 1 - clip)
    return p / p.sum(1, keepdims=True) if normalise == "after" else p


def cross_entropy(
    call: Call,
    reduction: str = "mean",
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    weights: Sequence[float] | None = None,
    ignore_index: int | None = -100,
    clip: float | None = None,
    normalise: str | None = None,
    divisor: str = "weights",
    smooth_over: str = "all",
    log_base: float = np.e,
) -> Array:
    """-sum of target * log probability; targets are classes or probabilities.

    From probabilities: `clip` keeps them in [clip, 1 - clip], and `normalise` divides them by their sum "before" that,
    as Keras does, or "after" it, as Keras does for sparse targets. The mean divides
    by the sum of the class weights that took part, or by the number of "samples". Smoothing spreads over "all"
    classes, or over the "others".
    """
    prediction, target = call.inputs
    classes = prediction.shape[1]
    log_p = log_softmax(prediction, 1) if from_logits else np.log(_probabilities(prediction, clip, normalise))
    log_p = np.moveaxis(log_p, 1, -1) / np.log(log_base)
    if target.ndim == prediction.ndim:
        q = np.moveaxis(target, 1, -1)
        taking_part = np.ones(q.shape[:-1])
        class_weight = np.ones(q.shape[:-1])
    else:
        labels = target.astype(int)
        ignored = labels == ignore_index
        taking_part = 1.0 - ignored
        labels = np.where(ignored, 0, labels)
        q = np.eye(classes)[labels]
        class_weight = np.ones(labels.shape) if weights is None else np.asarray(weights, float)[labels]
    if choose("smooth_over", smooth_over, {"all": True, "others": False}):
        q = (1 - label_smoothing) * q + label_smoothing / classes
    else:
        q = (1 - label_smoothing) * q + label_smoothing / (classes - 1) * (1 - q)
    terms = -q * log_p
    if weights is not None:
        terms = terms * np.asarray(weights, float)
    values = terms.sum(-1) * taking_part
    if reduction == "mean":
        by_weight = choose("divisor", divisor, {"weights": True, "samples": False})
        return np.asarray(values.sum() / ((taking_part * class_weight).sum() if by_weight else values.size))
    return _reduced(values, reduction)


def nll(
    call: Call,
    reduction: str = "mean",
    weights: Sequence[float] | None = None,
    ignore_index: int | None = -100,
    divisor: str = "weights",
) -> Array:
    """Minus the log probability, which is the prediction, of the target class."""
    probabilities = Call((np.exp(call.x), call.inputs[1]), {}, call.train)
    return cross_entropy(
        probabilities, reduction, from_logits=False, weights=weights, ignore_index=ignore_index, divisor=divisor
    )


def binary_cross_entropy(
    call: Call,
    reduction: str = "mean",
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    clip: float | None = None,
    pos_weight: float | Sequence[float] = 1.0,
) -> Array:
    """-(y log p + (1 - y) log(1 - p)); smoothing pulls the targets towards 1/2, `clip` keeps p in [clip, 1 - clip]."""
    x, target = call.inputs
    y = target * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits and clip is None:
        log_p, log_rest = -np.logaddexp(0, -x), -np.logaddexp(0, x)
    else:
        p = expit(x) if from_logits else x
        p = p if clip is None else p.clip(clip, 1 - clip)
        log_p, log_rest = np.log(p), np.log1p(-p)
    return _reduced(-(np.asarray(pos_weight) * y * log_p + (1 - y) * log_rest), reduction)


def mse(call: Call, reduction: str = "mean") -> Array:
    """The squared error."""
    return _reduced((call.x - call.inputs[1]) ** 2, reduction)


def l1(call: Call, reduction: str = "mean") -> Array:
    """The absolute error."""
    return _reduced(np.abs(call.x - call.inputs[1]), reduction)


def huber(call: Call, delta: float = 1.0, reduction: str = "mean") -> Array:
    """Half the squared error up to delta, a line of slope delta beyond."""
    error = np.abs(call.x - call.inputs[1])
    return _reduced(np.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta)), reduction)


def smooth_l1(call: Call, beta: float = 1.0, reduction: str = "mean") -> Array:
    """The Huber loss of delta = beta, divided by beta: the line has slope 1."""
    error = np.abs(call.x - call.inputs[1])
    return _reduced(np.where(error < beta, 0.5 * error**2 / beta, error - 0.5 * beta), reduction)


def kl_div(
    call: Call,
    reduction: str = "mean",
    log_input: bool = True,
    log_target: bool = False,
    clip: float | None = None,
    swapped: bool = False,
) -> Array:
    """Target * (log target - log prediction); `swapped` takes the prediction for the target."""
    p, q = call.inputs[::-1] if not swapped else call.inputs
    log_q = q if log_input else np.log(q if clip is None else q.clip(clip, 1))
    if log_target:
        return _reduced(np.exp(p) * (p - log_q), reduction)
    p = p if clip is None else p.clip(clip, 1)
    return _reduced(xlogy(p, p) - p * log_q, reduction)


def hinge(call: Call, reduction: str = "mean", margin: float = 1.0, squared: bool = False) -> Array:
    """max(0, margin - y * prediction) for targets y of -1 and 1."""
    values = np.maximum(margin - call.x * call.inputs[1], 0)
    return _reduced(values**2 if squared else values, reduction)


KINDS = {
    loss.__name__: Kind(loss, inputs=(2, 2))
    for loss in (cross_entropy, nll, binary_cross_entropy, mse, l1, huber, smooth_l1, kl_div, hinge)
}
