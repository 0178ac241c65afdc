"""Why two losses differ: reductions, logits, smoothing, weights."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from parity.causes.cause import Array, Cause, Hypothesis, assume, keyword, scaled, setting
from parity.layer import Fault

__all__ = ["CAUSES"]

CROSS, NLL, BINARY, KL = ("cross_entropy",), ("nll",), ("binary_cross_entropy",), ("kl_div",)
ERRORS, HUBER = ("mse", "l1", "huber", "smooth_l1"), ("huber", "smooth_l1")
ALL = (*CROSS, *NLL, *BINARY, *KL, *ERRORS, "hinge")
CLIPS = (1e-7, 1e-8, 1e-12, 1e-6, 1e-10)


def _scaled(fault: Fault) -> Iterable[Hypothesis]:
    for then, factor in (("0.5", 0.5), ("2", 2.0), ("-1", -1.0)):
        yield assume(fault, "1", then, outputs=scaled(factor))


def _from_logits(fault: Fault) -> Iterable[Hypothesis]:
    """Also as Keras takes probabilities: normalised and clipped."""
    mine, theirs = (side.layer.settings.get("from_logits", True) for side in (fault.a, fault.b))
    words = {True: "logits", False: "probabilities"}
    plain: dict[str, Any] = {"from_logits": not mine}
    choices = [plain]
    if mine and fault.a.layer.kind == "cross_entropy":
        choices += [{**plain, "clip": 1e-7, "normalise": order} for order in ("before", "after", None)]
    elif mine:
        choices += [{**plain, "clip": 1e-7}]
    for changed in choices:
        yield assume(fault, words[mine], words[not mine], specific=mine != theirs, settings=changed)


def _doubled_softmax(fault: Fault) -> Iterable[Hypothesis]:
    """Probabilities given to a loss of logits: a second softmax."""
    if fault.a.layer.settings.get("from_logits", True):
        x = fault.a.inputs[0]
        shifted = x - x.max(1, keepdims=True)
        yield assume(fault, "of the layer's output", "of its softmax",
                     inputs=(_softmax(shifted), *fault.a.inputs[1:]))  # fmt: skip


def _softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def _weights(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = (side.layer.settings.get("weights") for side in (fault.a, fault.b))
    if mine is not None:
        yield assume(fault, mine, None, specific=theirs is None, settings={"weights": None})
    if theirs is not None and (mine is None or list(mine) != list(theirs)):
        yield assume(fault, mine, theirs, specific=True, settings={"weights": theirs})


def _ignored(fault: Fault) -> Iterable[int | None]:
    return (None, -100, -1, 0, 255, fault.a.inputs[0].shape[1] - 1)


def _huber_form(fault: Fault) -> Iterable[Hypothesis]:
    """smooth_l1(beta) = huber(delta = beta) / beta."""
    mine = fault.a.layer
    other, name, old = ("smooth_l1", "beta", "delta") if mine.kind == "huber" else ("huber", "delta", "beta")
    kept = {key: value for key, value in mine.settings.items() if key != old}
    settings = {**kept, name: mine.settings.get(old, 1.0)}
    yield assume(fault, mine.kind, other, specific=fault.b.layer.kind == other, kind=other, settings=settings)


def _other_error(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = fault.a.layer, fault.b.layer
    shared = {key: value for key, value in mine.settings.items() if key == "reduction"}
    for kind in ERRORS:
        if kind != mine.kind and {kind, mine.kind} != set(HUBER):
            settings = theirs.settings if theirs.kind == kind else shared
            yield assume(fault, mine.kind, kind, specific=theirs.kind == kind, kind=kind, settings=settings)


def _widths(fault: Fault) -> Iterable[Hypothesis]:
    name = "delta" if fault.a.layer.kind == "huber" else "beta"
    return setting(name, 1.0, (1.0, 0.5, 1 / 9, 2.0))(fault)


REDUCTIONS = ("mean", "sum", "none", "batch_mean", "last_mean", "last_mean_sum")


def _in_torch(reduction: str) -> str:
    return {"batch_mean": "batchmean"}.get(reduction, reduction)


def _in_keras(reduction: str) -> str:
    return {"mean": "sum_over_batch_size", "last_mean": "none", "last_mean_sum": "sum"}.get(reduction, reduction)


CAUSES = (
    Cause("loss.weight_divisor", (*CROSS, *NLL),
          "the mean divides by the sum of the weights (PyTorch) or by the number of samples (Keras)",
          setting("divisor", "weights", ("samples", "weights")), "divided by the {}",
          "F.cross_entropy(reduction='sum') / the {}", "reduction='sum', then divide by the {}"),
    Cause("loss.reduction", ALL, "the losses are reduced in other ways", setting("reduction", "mean", REDUCTIONS),
          "reduction {}", keyword("reduction", _in_torch), keyword("reduction", _in_keras)),
    Cause("loss.from_logits", (*CROSS, *BINARY), "one side takes logits, the other probabilities", _from_logits,
          "prediction: {}", "F.cross_entropy takes logits, F.nll_loss log probabilities: {}",
          keyword("from_logits", lambda word: word == "logits")),
    Cause("loss.double_softmax", CROSS, "a softmax stands before a loss that applies one itself", _doubled_softmax,
          "cross entropy {}", "F.cross_entropy of the logits: {}", "from_logits=True of the logits: {}"),
    Cause("loss.clip", (*CROSS, *BINARY, *KL), "one side clips the probabilities",
          setting("clip", None, (*CLIPS, None)),
          "clipped at {}", "p.clamp(clip, 1 - clip) with clip {}", "from_logits=True clips nothing: {}"),
    Cause("loss.normalise", CROSS, "one side divides the probabilities by their sum",
          setting("normalise", None, ("before", "after", None)), "normalised: {}", "p / p.sum(1): {}",
          "categorical_crossentropy divides: {}"),
    Cause("loss.label_smoothing", (*CROSS, *BINARY), "the label smoothings differ",
          setting("label_smoothing", 0.0, (0.0, 0.1, 0.05, 0.2)), "label smoothing {}",
          keyword("label_smoothing"), keyword("label_smoothing")),
    Cause("loss.smoothing_spread", CROSS, "the smoothing is spread over all classes or over the others only",
          setting("smooth_over", "all", ("others", "all")), "spread over {}", "label_smoothing spreads over {}",
          "label_smoothing spreads over {}"),
    Cause("loss.class_weights", (*CROSS, *NLL), "the class weights differ", _weights, "class weights {}",
          keyword("weight"), "model.fit(class_weight={})"),
    Cause("loss.ignore_index", (*CROSS, *NLL), "another label is ignored", setting("ignore_index", -100, _ignored),
          "ignored label {}", keyword("ignore_index"),
          keyword("ignore_class")),
    Cause("loss.log_base", CROSS, "the logarithm has another base",
          setting("log_base", 2.718281828459045, (2.0, 10.0)), "base {}", "divide by math.log({})",
          "divide by math.log({})"),
    Cause("loss.pos_weight", BINARY, "the weights of the positive class differ",
          setting("pos_weight", 1.0, (1.0,)), "weight {}",
          keyword("pos_weight"),
          "tf.nn.weighted_cross_entropy_with_logits(pos_weight={})"),
    Cause("loss.huber_form", HUBER, "smooth L1 is the Huber loss divided by its width", _huber_form, "{}",
          "F.{}_loss", "keras.losses.Huber: times or over its width for {}"),
    Cause("loss.huber_width", HUBER, "the widths of the quadratic part differ", _widths, "width {}",
          keyword("delta"), keyword("delta")),
    Cause("loss.error", ERRORS, "the errors are of other kinds", _other_error, "{}", "the loss {}", "the loss {}"),
    Cause("loss.kl_swapped", KL, "target and prediction are exchanged", setting("swapped", False, (True, False)),
          "exchanged: {}", "F.kl_div(log prediction, target): exchanged {}",
          "KLDivergence()(target, prediction): exchanged {}"),
    Cause("loss.kl_log_input", KL, "one side takes the logarithm of the prediction",
          setting("log_input", True, (False, True)), "logarithms given: {}", "F.kl_div(q.log(), p): {}",
          "KLDivergence()(p, q): {}"),
    Cause("loss.kl_log_target", KL, "one side takes the logarithm of the target",
          setting("log_target", False, (False, True)), "logarithms given: {}", keyword("log_target"),
          "KLDivergence()(ops.exp(target), q): {}"),
    Cause("loss.hinge_squared", ("hinge",), "one side squares the hinge", setting("squared", False, (True, False)),
          "squared {}", "clamp(1 - y * x, min=0), squared {}", "keras.losses.SquaredHinge or Hinge: squared {}"),
    Cause("loss.factor", ALL, "a constant factor of 1/2, 2 or -1", _scaled, "factor {}", "loss times {}",
          "loss times {}"),
)  # fmt: skip
