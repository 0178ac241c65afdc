"""Why two normalisations differ: epsilon, momentum, statistics, axes, scale and shift."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from parity.causes.cause import Cause, Generator, Hypothesis, assume, has, keyword, number, setting, without
from parity.layer import Fault, LayerRun

__all__ = ["CAUSES"]

BATCH, GROUP, LAYER = ("batch_norm",), ("group_norm",), ("layer_norm", "rms_norm")
ALL = (*BATCH, *GROUP, *LAYER)
EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0, 1e-4, 1e-2)
FORWARD = ("forward", "train")
BUFFERS = ("buffer",)


def _momentum_turned(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = (side.layer.settings.get("momentum", 0.1) for side in (fault.a, fault.b))
    turned = number(1 - mine)
    if turned != mine:
        specific = theirs is not None and abs(turned - theirs) < 1e-12
        yield assume(fault, mine, turned, specific=specific, settings={"momentum": 1 - mine})


def _momenta(fault: Fault) -> Sequence[float]:
    """The usual ones, and the one that the target's own buffers tell."""
    old, new = fault.a.layer.parameters.get("running_mean"), fault.b.buffers.get("running_mean")
    usual = [0.1, 0.01, 0.001]
    if old is None or new is None:
        return usual
    axis = fault.a.layer.settings.get("axis", 1)
    x = np.moveaxis(fault.a.inputs[0], axis, 0).reshape(len(old), -1)
    toward = x.mean(1) - old
    found = float((toward * (new - old)).sum() / (toward**2).sum())
    turned = 1 - fault.a.layer.settings.get("momentum", 0.1)
    return [value for value in (*usual, found) if min(abs(value - turned), abs(value)) > 1e-12]


def _parameters(now: str, then: str, **sources: str) -> Generator:
    """The base's parameters, exchanged: each name takes the values of another."""

    def hypotheses(fault: Fault) -> Iterable[Hypothesis]:
        held = fault.a.layer.parameters
        if has(fault, *sources, *sources.values()):
            yield assume(fault, now, then, parameters={name: held[source] for name, source in sources.items()})

    return hypotheses


def _statistics_mode(fault: Fault) -> Iterable[Hypothesis]:
    words = {True: "the batch's", False: "the running ones"}
    mine, theirs = (side.layer.settings.get("batch_statistics", side.train) for side in (fault.a, fault.b))
    mine = fault.a.train if mine is None else mine
    if has(fault, "running_mean", "running_var"):
        changed = {"batch_statistics": not mine}
        yield assume(fault, words[mine], words[not mine], specific=theirs is not mine, settings=changed)


def _frozen(fault: Fault) -> Iterable[Hypothesis]:
    if has(fault, "running_mean", "running_var"):
        yield assume(fault, "updated", "left as they were", train=False)


def _not_loaded(fault: Fault) -> Iterable[Hypothesis]:
    if has(fault, "running_mean", "running_var"):
        fresh = {"running_mean": 0.0, "running_var": 1.0}
        filled = {name: np.full_like(fault.a.layer.parameters[name], value) for name, value in fresh.items()}
        for names in (("running_mean", "running_var"), ("running_mean",), ("running_var",)):
            yield assume(fault, "loaded", "as made (0 and 1)", parameters={name: filled[name] for name in names})


def _as_deviation(fault: Fault) -> Iterable[Hypothesis]:
    if has(fault, "running_var"):
        variance = fault.a.layer.parameters["running_var"]
        yield assume(fault, "a variance", "its root", parameters={"running_var": np.sqrt(variance)})
        yield assume(fault, "a variance", "its square", parameters={"running_var": variance**2})


def _axes(fault: Fault) -> Iterable[Hypothesis]:
    rank = fault.a.inputs[0].ndim
    mine, theirs = (_normalised(side.layer.settings, rank) for side in (fault.a, fault.b))
    tried = [theirs, (1,), (rank - 1,), tuple(range(1, rank)), tuple(range(2, rank)), (0,), tuple(range(rank))]
    for new in dict.fromkeys(tried):
        if new and new != mine:
            yield assume(fault, mine, new, specific=new == theirs, settings={"axes": new})


def _normalised(settings: Mapping[str, Any], rank: int) -> tuple[int, ...]:
    axes = settings.get("axes")
    if axes is None:
        return tuple(range(rank - settings.get("dims", 1), rank))
    return tuple(sorted(axis % rank for axis in axes))


def _other_kind(fault: Fault) -> Iterable[Hypothesis]:
    words = {"layer_norm": "subtracts the mean", "rms_norm": "subtracts nothing"}
    mine = fault.a.layer.kind
    other = "rms_norm" if mine == "layer_norm" else "layer_norm"
    specific = fault.b.layer.kind == other
    yield assume(fault, words[mine], words[other], specific=specific, kind=other, settings=fault.a.layer.settings)


def _divisors(fault: Fault) -> Iterable[int]:
    channels = fault.a.inputs[0].shape[1]
    return (groups for groups in range(1, channels + 1) if channels % groups == 0)


def _unbiased_batch(fault: Fault) -> Iterable[Hypothesis]:
    """The batch's variance itself divided by n - 1: the normalised values shrink by a factor, but for epsilon."""
    x, settings = fault.a.inputs[0], fault.a.layer.settings
    if fault.a.train or settings.get("batch_statistics"):
        axis = settings.get("axis", 1) % x.ndim
        axes = tuple(i for i in range(x.ndim) if i != axis)
        running = {"running_mean": x.mean(axes), "running_var": x.var(axes, ddof=1)}
        yield assume(fault, "divided by n", "divided by n - 1", train=False, parameters=running)


def _affine(value: str, run: LayerRun) -> str:
    argument = "elementwise_affine" if run.layer.kind in LAYER else "affine"
    return keyword(argument, lambda held: held in ("weight", "bias", "weight and bias"))(value, run)


def _copies(target: str) -> tuple[str, str]:
    return f"copy the {target} {{}} into the module", f"assign the {target} {{}} to the layer"


CAUSES = (
    Cause("norm.epsilon", ALL, "the epsilons differ: 1e-5 in PyTorch, 1e-3 in Keras, if nothing is said",
          setting("eps", 1e-5, EPSILONS), "epsilon {}", keyword("eps"), keyword("epsilon"), FORWARD),
    Cause("norm.epsilon_place", ALL, "one side adds epsilon to the variance, the other to its root",
          setting("eps_inside", True, (False, True)), "epsilon inside the root: {}",
          "(x - mean) / torch.sqrt(var + eps), inside the root: {}", "(x - mean) / ops.sqrt(var + eps): {}", FORWARD),
    Cause("batch_norm.momentum_convention", BATCH,
          "momentum is the share of the new value in PyTorch, of the old one in Keras", _momentum_turned,
          "share of the new value {}", keyword("momentum"), keyword("momentum", lambda v: number(1 - v)),
          BUFFERS),
    Cause("batch_norm.momentum", BATCH, "the momenta differ", setting("momentum", 0.1, _momenta),
          "share of the new value {}", keyword("momentum"), keyword("momentum", lambda v: number(1 - v)),
          BUFFERS),
    Cause("batch_norm.running_variance", BATCH,
          "the running variance is unbiased (n - 1) in PyTorch, biased (n) in Keras",
          setting("unbiased", True, (False, True)), "unbiased: {}",
          "running_var computed with unbiased={}", "moving_variance times n / (n - 1) where unbiased: {}", BUFFERS),
    Cause("batch_norm.not_updated", BATCH, "one side does not update its running statistics", _frozen,
          "running statistics {}", "module.train(): {}", "layer(x, training=True), layer.trainable: {}", BUFFERS),
    Cause("batch_norm.batch_variance", BATCH, "one side divides the batch's variance by n - 1", _unbiased_batch,
          "variance {}", "x.var(dim, correction=...): {}", "ops.var(x, axis): {}", FORWARD),
    Cause("norm.unbiased_variance", (*LAYER[:1], *GROUP), "one side divides the variance by n - 1",
          setting("unbiased", False, (True, False)), "unbiased: {}",
          "x.var(dim, unbiased={})", "ops.var divides by n; times n / (n - 1) where unbiased: {}", FORWARD),
    Cause("batch_norm.mode", BATCH, "one side normalises by the batch's statistics, the other by the running ones",
          _statistics_mode, "statistics: {}", "module.train(...) so that it uses {}",
          "layer(x, training=...) so that it uses {}", FORWARD),
    Cause("batch_norm.axis", BATCH, "another axis is taken for the channels", setting("axis", 1, (1, -1, 2)),
          "axis {}", "x.movedim({}, 1) before the module", keyword("axis"), FORWARD),
    Cause("norm.weight_missing", ALL, "one side has no scale (gamma)", without("weight", fill=1.0), "{}",
          _affine,
          keyword("scale", lambda value: value == "weight"), FORWARD),
    Cause("norm.bias_missing", ALL, "one side has no shift (beta)", without("bias", fill=0.0), "{}",
          _affine,
          keyword("center", lambda value: value == "bias"), FORWARD),
    Cause("norm.affine_missing", ALL, "one side has neither scale nor shift",
          lambda fault: [assume(fault, "weight and bias", "neither", parameters={"weight": None, "bias": None})],
          "{}", _affine,
          "keras.layers.BatchNormalization(scale=..., center=...): {}", FORWARD),
    Cause("norm.swapped", ALL, "scale and shift are exchanged",
          _parameters("gamma, beta", "beta, gamma", weight="bias", bias="weight"), "scale and shift from {}",
          *_copies("scale and shift from"), FORWARD),
    Cause("batch_norm.statistics_not_loaded", BATCH, "the running statistics were not loaded", _not_loaded,
          "running statistics {}", *_copies("running statistics"), FORWARD),
    Cause("batch_norm.statistics_swapped", BATCH, "running mean and variance are exchanged",
          _parameters("mean, variance", "variance, mean", running_mean="running_var", running_var="running_mean"),
          "running statistics from {}", *_copies("statistics"), FORWARD),
    Cause("batch_norm.variance_as_deviation", BATCH, "a standard deviation was taken for the variance", _as_deviation,
          "running variance is {}", *_copies("running variance:"), FORWARD),
    Cause("group_norm.groups", GROUP, "the numbers of groups differ", setting("groups", 1, _divisors), "{} groups",
          keyword("num_groups"), keyword("groups"), FORWARD),
    Cause("group_norm.interleaved", GROUP, "the groups take every n-th channel instead of neighbours",
          setting("interleaved", False, (True, False)), "interleaved: {}",
          "x.reshape(N, groups, C // groups, ...) where interleaved: {}",
          "ops.reshape(x, (N, ..., groups, C // groups)) where interleaved: {}", FORWARD),
    Cause("layer_norm.kind", LAYER, "one side divides by the root mean square without subtracting the mean",
          _other_kind, "{}", "nn.LayerNorm or nn.RMSNorm: what {}",
          "keras.layers.LayerNormalization or RMSNormalization: what {}", FORWARD),
    Cause("layer_norm.axes", LAYER, "other axes are normalised", _axes, "axes {}",
          "nn.LayerNorm(normalized_shape=the shape of axes {})",
          keyword("axis"), FORWARD),
)  # fmt: skip
