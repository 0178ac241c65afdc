"""Who is at fault: from one run of a and one run of b that was forced to what a recorded.

In the forced run every layer of b works on a's inputs and a's cotangents, so what it makes of them is its own doing;
and what lies between two layers works on a's outputs and a's input gradients, so what arrives is the glue's doing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dualnet.interface import Array
from parity.layer import Fault, Layer, LayerRun, apart
from parity.pair import common, packed
from parity.report import Culprit, Diagnosis
from parity.side import Call, Pass
from parity.tolerance import FLOAT64_LIMIT, distance, largest

__all__ = ["culprits", "known_settings", "tied"]

Pairs = Sequence[tuple[Call, Call]]
Buffers = Mapping[str, Mapping[str, Array]]
LIMIT = 1e-10
"""Own errors of a layer above this are faults: ten times the verdict's limit, as inner scales vary more."""


def culprits(
    pairs: Pairs,
    one: Pass,
    forced: Pass,
    buffers_a: Buffers,
    buffers_b: Buffers,
    *,
    frameworks: tuple[str, str],
    train: bool,
    targets: Array | None = None,
) -> list[Culprit]:
    """Every layer and every piece of glue with an error of its own.

    Args:
        pairs: the calls of a, and those of the forced run of b.
        one, forced: what came out of both runs.
        buffers_a, buffers_b: the buffers after them.
        frameworks: of both sides.
        train: the mode of both runs.
        targets: what a loss was given.
    """
    found: list[Culprit] = []
    calls = Counter(a.layer.name for a, _ in pairs)
    for place, (a, b) in enumerate(pairs):
        before = pairs[place - 1] if place else None
        arrived = _worst(zip(_data(a), _data(b), strict=False))
        if arrived > LIMIT and not any(_same_arrives((a, b), other) for other in pairs[:place]):
            where = f"between {_name(before) if before else 'the input'} and {_name((a, b))}"
            found.append(Culprit(where, "glue", "forward", arrived, (), _glue(a.received[0], b.received[0])))
        own = _worst(zip(a.outputs, b.outputs, strict=False))
        if own > LIMIT:
            found.append(_diagnosed(a, b, "forward", own, frameworks, train, one, forced))
            continue
        through = _input_error(a, b)
        back = max(through, _parameter_error(a, b, one, forced))
        if back > LIMIT and tied(a, b):
            continue
        if back > LIMIT:  # of a layer that is called again, no call's share in the parameters' gradients is known
            passes = (Pass([]), Pass([])) if through > LIMIT and calls[a.layer.name] > 1 else (one, forced)
            found.append(_diagnosed(a, b, "backward", back, frameworks, train, *passes))
        if train and (moved := _buffer_error(a, b, buffers_a, buffers_b)) > LIMIT:
            found.append(_diagnosed(a, b, "buffer", moved, frameworks, train, one, forced, (buffers_a, buffers_b)))
    ends = {i: _worst([both]) for i, both in enumerate(zip(one.outputs, forced.outputs, strict=False))}
    worst = max(ends, key=ends.__getitem__)
    if ends[worst] > LIMIT:
        where = f"between {_name(pairs[-1] if pairs else None)} and the output"
        text = _glue(one.outputs[worst], forced.outputs[worst])
        found.append(Culprit(where, "glue", "forward", ends[worst], (), text))
    elif one.loss is not None and forced.loss is not None and distance(one.loss, forced.loss).error > LIMIT:
        found.append(_loss(one, forced, targets, frameworks))
        pairs = pairs[:-1]  # what comes back from the loss differs, too
    found += _backward_glue(pairs, {culprit.where for culprit in found})
    return found


def _data(call: Call) -> list[Array]:
    """What arrives: no masks, as a wrong one is its layer's fault, and whole numbers whatever their width."""
    arrived, _ = apart(call.received)
    return [array if np.issubdtype(array.dtype, np.floating) else array.astype(np.int64) for array in arrived]


def _loss(one: Pass, forced: Pass, targets: Array | None, frameworks: tuple[str, str]) -> Culprit:
    """Losses that differ on equal outputs: explained where one of them is a known one of prediction and targets."""
    from parity.causes import diagnose
    from parity.reference import KINDS, run
    from parity.reference.losses import KINDS as LOSSES

    a, b = (np.asarray(passed.loss, np.float64) for passed in (one, forced))
    ratio = f"{float(b) / float(a):.6g} times as large" if float(a) else "not 0 in b"
    text = f"the outputs are equal, the loss is {ratio} in b: {float(b):.6g} against {float(a):.6g}"
    diagnoses: tuple[Diagnosis, ...] = ()
    if targets is not None and len(one.outputs) == 1:
        given = one.outputs[0], np.asarray(targets)
        for kind in LOSSES:
            settings = {"from_logits": False} if (given[0] >= 0).all() and "from_logits" in KINDS[kind].settings else {}
            try:
                known = run(kind, settings, {}, given).outputs[0]
            except (ValueError, IndexError):
                continue
            if min(distance(known, a).error, distance(known, b).error) <= LIMIT:
                layer = Layer("the loss", kind, settings)
                left, right = (LayerRun(layer, side, given, (x,)) for side, x in zip(frameworks, (a, b), strict=True))
                diagnoses = diagnose(Fault(left, right))
                break
    return Culprit("the loss", "loss", "forward", distance(a, b).error, diagnoses, text)


def _backward_glue(pairs: Pairs, blamed: set[str]) -> Iterator[Culprit]:
    """A cotangent that does not arrive as it does in a, while values do: a branch detached, doubled or scaled."""
    for place, (a, b) in enumerate(pairs):
        last = place + 1 == len(pairs)
        shared = a.cotangents.keys() & b.cotangents.keys()
        error = _worst((a.cotangents[i], b.cotangents[i]) for i in shared)
        if error > LIMIT:
            where = f"between {_name((a, b))} and {'the output' if last else _name(pairs[place + 1])}"
            if where not in blamed:
                sides = [largest(call.cotangents[0]) for call in (a, b)]
                text = _glue(a.cotangents[0], b.cotangents[0]) if all(sides) else "no gradient arrives on one side"
                yield Culprit(where, "glue", "backward", error, (), text)


def _same_arrives(pair: tuple[Call, Call], other: tuple[Call, Call]) -> bool:
    """Whether two calls get the very same, so that one word about it is enough."""
    return all(
        len(x.received) == len(y.received) and all(map(np.array_equal, x.received, y.received))
        for x, y in zip(pair, other, strict=True)
    )


def tied(a: Call, b: Call) -> bool:
    """Whether the two differ only in which of several equal greatest values of a window gets the gradient."""
    if {a.layer.kind, b.layer.kind} != {"max_pool"} or not a.input_gradients.keys() & b.input_gradients.keys():
        return False
    x, left, right = a.received[0], a.input_gradients[0], b.input_gradients[0]
    if left.shape != right.shape or distance(a.cotangents[0], b.cotangents[0]).error > LIMIT:
        return False
    there = ~np.isclose(left, right, rtol=LIMIT, atol=LIMIT * largest(left, right))
    if not there.any():
        return False
    values, counts = np.unique(x, return_counts=True)
    several = values[counts > 1]
    padded = any(sum(pair) for call in (a, b) for pair in call.layer.settings["padding"])
    return bool((np.isin(x[there], several) | (padded & (x[there] == 0))).all())


def _diagnosed(
    a: Call,
    b: Call,
    phase: str,
    error: float,
    frameworks: tuple[str, str],
    train: bool,
    one: Pass,
    forced: Pass,
    buffers: tuple[Buffers, Buffers] | None = None,
) -> Culprit:
    from parity.causes import diagnose, measured

    runs = [
        LayerRun(
            known_settings(call.layer),
            framework, _given(a, call), tuple(call.outputs), train,
            dict((buffers[i] if buffers else {}).get(call.layer.name, {})),
            tuple(a.cotangents.values()),
            tuple(call.input_gradients.get(i, np.zeros_like(a.received[i])) for i in sorted(a.input_gradients)),
            common(call.layer.kind, passed.parameter_gradients.get(call.layer.name, {}), gradients=True),
        )
        for i, (call, framework, passed) in enumerate(zip((a, b), frameworks, (one, forced), strict=True))
    ]  # fmt: skip
    fault = Fault(runs[0], runs[1], phase)
    return Culprit(_name((a, b)), a.layer.kind, phase, error, diagnose(fault), measured(fault))


def _given(a: Call, call: Call) -> tuple[Array, ...]:
    """What a call worked on: the data of a, and its own masks and noise."""
    data, masks = apart(a.received)[0], apart(call.received)[1]
    return (*data, *masks, *([] if call.noise is None else [call.noise]))


def known_settings(layer: Layer) -> Layer:
    """The layer without what only its adapter needs to know, as whether a PyTorch sequence has the batch first."""
    from parity.reference import KINDS

    known = KINDS[layer.kind].settings if layer.kind in KINDS else layer.settings
    settings = {name: value for name, value in layer.settings.items() if name in known}
    return replace(layer, settings=settings, parameters=packed(layer.kind, layer.parameters))


def _input_error(a: Call, b: Call) -> float:
    """What the layers make of equal cotangents; other shapes are the fault of the glue before them."""
    shared = a.input_gradients.keys() & b.input_gradients.keys()
    gradients = [(a.input_gradients[i], b.input_gradients[i]) for i in shared]
    return max((distance(x, y).error for x, y in gradients if x.shape == y.shape), default=0.0)


def _parameter_error(a: Call, b: Call, one: Pass, forced: Pass) -> float:
    left = common(a.layer.kind, one.parameter_gradients.get(a.layer.name, {}), gradients=True)
    right = common(b.layer.kind, forced.parameter_gradients.get(b.layer.name, {}), gradients=True)
    scale = max((largest(g) for g in (*left.values(), *right.values())), default=0.0)
    if not (a.real and b.real and scale):
        return 0.0
    return max((distance(left[n], right[n], scale=scale).error for n in left.keys() & right.keys()), default=0.0)


def _buffer_error(a: Call, b: Call, buffers_a: Buffers, buffers_b: Buffers) -> float:
    left, right = buffers_a.get(a.layer.name, {}), buffers_b.get(b.layer.name, {})
    return _worst((left[n], right[n]) for n in left.keys() & right.keys())


def _worst(pairs: object) -> float:
    return max((distance(x, y).error for x, y in pairs if x.size or y.size), default=0.0)  # type: ignore[attr-defined]


def _name(calls: tuple[Call, Call] | None) -> str:
    if calls is None:
        return "the input"
    return " | ".join(call.layer.name or call.layer.kind for call in calls)


def _glue(a: Array, b: Array) -> str:
    """What can be seen of two arrays that should be one."""
    if a.shape != b.shape:
        return f"shape {a.shape} arrives in one, {b.shape} in the other"
    x, y = a.ravel(), b.ravel()
    if np.allclose(np.sort(x), np.sort(y), rtol=1e-9, atol=0):
        return "the same values arrive in another order: a transposition or reshape of another layout"
    norm = float(x @ x)
    factor = float(x @ y) / norm if norm else 0.0
    if np.allclose(y, factor * x, rtol=1e-9, atol=FLOAT64_LIMIT * largest(y)):
        return f"what arrives is {factor:.6g} times as large"
    gap = y - x
    share = np.linalg.norm(gap) / max(float(np.linalg.norm(x)), 1e-300)
    return f"what arrives differs in {np.count_nonzero(gap)} of {gap.size} elements, by {share:.2e} of its norm"
