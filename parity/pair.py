"""Which layer of one model is which layer of the other: by order of execution, kind and shapes, never by name.

Where both sides call the same layers in the same order, the order decides.  Where they do not (branches of a graph
may run in any order), layers of the same kind and shapes are told apart by what reaches them, from before and
from behind: both models are given weights that depend on nothing but the shapes, so that equal places see equal
numbers, and what becomes of them tells places apart that see the same.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from dualnet.interface import Array, Arrays, ConfigError
from parity.side import Call, Form, Forms, Layouts, Side

__all__ = [
    "Pairing", "adopt", "batch_told", "channels_told", "common", "likened", "packed", "pair", "parameters_told",
    "uncommon",
]  # fmt: skip

FAMILIES = (
    {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus",
     "softsign", "hard_swish", "hard_sigmoid", "hard_tanh", "softmax", "log_softmax", "prelu", "identity",
     "log_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink", "exponential"},
    {"max_pool", "avg_pool"},
    {"global_avg_pool", "global_max_pool", "adaptive_avg_pool"},
    {"layer_norm", "rms_norm", "group_norm", "batch_norm"},
    {"rnn", "lstm", "gru"},
)  # fmt: skip
"""Kinds that one may have taken for another: they are paired where nothing fits better, and then differ."""
Turned = Callable[[tuple[int, ...], bool], tuple[int, ...]]
"""Another shape of an array, whose axes may have been moved."""
OWN = ("unknown", "parameter")
"""Kinds whose parameters may have any name and any order of axes."""
ROLES = {
    **dict.fromkeys(("w", "kernel", "gamma", "scale", "g"), "weight"),
    **dict.fromkeys(("b", "beta", "shift", "offset"), "bias"),
    "mean": "running_mean", "moving_mean": "running_mean", "var": "running_var", "moving_variance": "running_var",
}  # fmt: skip
"""What parameters are called where nobody says it, by the names of `parity.layer`."""
TRANSPARENT = 1e-3
"""How much a place further in the order counts against a pair of equal inputs."""


@dataclass
class Pairing:
    """Pairs of calls by index, and the calls of layers without a partner."""

    pairs: list[tuple[Call, Call]] = field(default_factory=list)
    alone_a: list[Call] = field(default_factory=list)
    alone_b: list[Call] = field(default_factory=list)
    layouts: tuple[Layouts, Layouts] = (Layouts(), Layouts())

    @property
    def names(self) -> list[tuple[str, str]]:
        """The names of the pairs."""
        return [(a.layer.name, b.layer.name) for a, b in self.pairs]


def pair(
    calls_a: Sequence[Call],
    calls_b: Sequence[Call],
    hints: Mapping[str, str],
    fingerprints: Callable[[], tuple[Sequence[Call], Sequence[Call]]],
    *,
    trust_order: bool = True,
) -> Pairing:
    """Pair the calls of two runs.

    Args:
        calls_a, calls_b: in order of execution.
        hints: layers paired by hand, from the name on one side to the name on the other.
        fingerprints: the calls of both sides again, with weights that depend on the shapes alone; asked for only
            where the order does not decide.
        trust_order: take the order's word where both sides call the same kinds and shapes in the same order.

    Raises:
        ConfigError: a hint names a layer that is never called.
    """
    left, right = _by_hand(calls_a, calls_b, hints)
    pairs = list(zip(left, right, strict=True))
    rest_a = [call for call in calls_a if call not in left and call.layer.kind != "reshape"]
    rest_b = [call for call in calls_b if call not in right and call.layer.kind != "reshape"]
    owned_a, owned_b = ([c for c in rest if c.layer.parameters] for rest in (rest_a, rest_b))
    on_both = {_key(c) for c in owned_a} & {_key(c) for c in owned_b}
    known_a, known_b = ([c for c in owned if _key(c) in on_both] for owned in (owned_a, owned_b))
    if trust_order and [_key(c) for c in known_a] == [_key(c) for c in known_b]:
        pairs += zip(known_a, known_b, strict=True)
    else:
        marked = fingerprints()
        free_a, free_b = ([c for c in rest if not c.layer.parameters] for rest in (rest_a, rest_b))
        pairs += _by_fingerprint(owned_a, owned_b, *marked)
        pairs += _by_fingerprint(free_a, free_b, *marked, least=0.5)
    pairs += _aligned(_without(owned_a, pairs, 0), _without(owned_b, pairs, 1))
    rest_a, rest_b = _without(rest_a, pairs, 0), _without(rest_b, pairs, 1)
    pairs += _between(rest_a, rest_b, sorted(pairs, key=lambda p: p[0].index))
    pairs.sort(key=lambda p: p[0].index)
    return Pairing(pairs, _without(calls_a, pairs, 0), _without(calls_b, pairs, 1))


def channels_told(
    pairs: Sequence[tuple[Call, Call]], ends: Sequence[Array], own: Sequence[Array], moved: Sequence[bool]
) -> Layouts:  # fmt: skip
    """The layouts of the second of each pair in which its shapes are those of the first.

    Args:
        pairs: of calls.
        ends, own: the outputs of the first model, and of the second.
        moved: which of the second's have had their channels moved.
    """
    outputs = enumerate(zip(ends, own, moved, strict=False))
    return Layouts(
        _told(pairs, _channels), {i: not mine for i, (x, y, mine) in outputs if _fits(x, y, mine, _channels)}
    )


def batch_told(pairs: Sequence[tuple[Call, Call]]) -> Layouts:
    """The same for sequences: which calls of the second have time first."""
    return Layouts(_told(pairs, lambda shape, moved: (shape[1], shape[0], shape[2]) if len(shape) == 3 else shape))


def parameters_told(pairs: Sequence[tuple[Call, Call]], frameworks: tuple[str, str]) -> tuple[Forms, Forms]:
    """How layers of no known kind hold the parameters of their partners; of two such layers, the second one."""
    found: tuple[dict[str, Mapping[str, Form]], dict[str, Mapping[str, Form]]] = ({}, {})
    for one, other in pairs:
        for which, mine, theirs in ((1, other.layer, one.layer), (0, one.layer, other.layer)):
            if mine.kind in OWN and mine.parameters and theirs.parameters:
                forward = theirs.kind not in OWN and (frameworks[which] == "tf" or "weight" not in mine.parameters)
                forms = _matched(mine.parameters, common(theirs.kind, theirs.parameters), forward)
                if any(form != Form(n, (*range(len(x)),), x, x) for n, form in forms.items() for x in [form.own_shape]):
                    found[which][mine.name] = forms
                break
    return found


def adopt(model: Side, calls: Iterable[Call], forms: Forms) -> None:
    """Let a side hold the parameters of its layers in these forms, and show them so in its calls."""
    model.layouts = replace(model.layouts, parameters=forms)
    for call in calls:
        if call.layer.name in forms:
            call.layer = replace(call.layer, parameters=model.get(call.layer.name))


def _matched(own: Arrays, theirs: Arrays, forward: bool) -> dict[str, Form]:
    """Each own parameter with the one of theirs that it is: by shape, with its axes in another order, and by name.

    Args:
        own, theirs: the parameters.
        forward: inputs come before outputs, as in x @ W, also where the shape does not tell.
    """

    def likeness(name: str, x: Array, other: str, y: Array) -> float:
        if _axes(x.shape, y.shape, forward) is None:
            return 0.0
        return 1.0 + (x.shape == y.shape) + 2.0 * (ROLES.get(name.lower(), name) == ROLES.get(other.lower(), other))

    scores = np.array([[likeness(n, x, m, y) for m, y in theirs.items()] for n, x in own.items()])
    names, others, found = list(own), list(theirs), {}
    for i, j in zip(*linear_sum_assignment(-scores), strict=True):
        x, y = own[names[i]].shape, theirs[others[j]].shape
        if scores[i, j] and (axes := _axes(x, y, forward)) is not None:
            found[names[i]] = Form(others[j], axes, y, x)
    return found


def _axes(own: tuple[int, ...], theirs: tuple[int, ...], forward: bool) -> tuple[int, ...] | None:
    """The order in which own axes are theirs: as they are, or (..., in, out) as (out, in, ...), or the reverse."""
    plain = (*range(len(own)),)
    orders = [plain]
    if len(own) > 1:
        *window, before, last = plain
        orders += [(last, before, *window), (*plain[2:], 1, 0)]
    fitting = [axes for axes in orders if _bare(tuple(own[axis] for axis in axes)) == _bare(theirs)]
    return next(iter(fitting[1:] if forward and len(fitting) > 1 else fitting), None)


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without axes that only make it fit."""
    return tuple(length for length in shape if length != 1)


def _told(pairs: Sequence[tuple[Call, Call]], turned: Turned) -> dict[int, bool]:
    both = [(one, other) for one, other in pairs if one.received and other.received]
    return {
        other.index: not other.moved
        for one, other in both
        if _fits(one.received[0], other.received[0], other.moved, turned)
    }


def _fits(one: Array, other: Array, moved: bool, turned: Turned) -> bool:
    """Whether the other has the shape of the one only if its axes are turned."""
    return one.shape != other.shape and other.ndim > 2 and one.shape == turned(other.shape, moved)


def _channels(shape: tuple[int, ...], moved: bool) -> tuple[int, ...]:
    """The shape with the channels at the other end."""
    n, *rest = shape
    return (n, *rest[1:], *rest[:1]) if moved else (n, *rest[-1:], *rest[:-1])


def _by_hand(
    calls_a: Sequence[Call], calls_b: Sequence[Call], hints: Mapping[str, str]
) -> tuple[list[Call], list[Call]]:
    left, right = [], []
    for name_a, name_b in hints.items():
        found = [[c for c in calls if c.layer.name == n] for calls, n in ((calls_a, name_a), (calls_b, name_b))]
        for calls, name, every in ((found[0], name_a, calls_a), (found[1], name_b, calls_b)):
            if not calls:
                known = ", ".join(dict.fromkeys(c.layer.name for c in every if c.layer.name))
                raise ConfigError(f"pairs: no layer {name!r} is called; the layers of that side are {known}")
        for one, other in zip(*found, strict=False):
            left.append(one)
            right.append(other)
    return left, right


def _key(call: Call) -> Hashable:
    arrays = common(call.layer.kind, call.layer.parameters)
    if call.layer.kind.endswith("_norm"):  # either side may lack scale, shift or statistics
        return call.layer.kind, max((array.size for array in arrays.values()), default=0)
    return call.layer.kind, tuple(sorted((name, a.shape) for name, a in arrays.items() if "bias" not in name))


def _without(calls: Sequence[Call], pairs: Sequence[tuple[Call, Call]], side: int) -> list[Call]:
    taken = {pair[side].index for pair in pairs}
    return [call for call in calls if call.index not in taken]


def _by_fingerprint(
    calls_a: Sequence[Call],
    calls_b: Sequence[Call],
    marked_a: Sequence[Call],
    marked_b: Sequence[Call],
    *,
    least: float = 0.0,
) -> list[tuple[Call, Call]]:
    """Within the layers of one kind and shape: the assignment under which what reaches them is most alike."""
    buckets: dict[Hashable, tuple[list[Call], list[Call]]] = defaultdict(lambda: ([], []))
    for side, calls in enumerate((calls_a, calls_b)):
        for call in calls:
            buckets[_key(call)][side].append(call)
    pairs = []
    for left, right in buckets.values():
        if left and right:
            alike = np.array([[_alike(marked_a[a.index], marked_b[b.index]) for b in right] for a in left])
            further = np.abs(np.subtract.outer(np.arange(len(left)), np.arange(len(right))))
            for i, j in zip(*linear_sum_assignment(TRANSPARENT * further - alike), strict=True):
                if alike[i, j] >= least:
                    pairs.append((left[i], right[j]))
    return pairs


def _alike(a: Call, b: Call) -> float:
    """1 where the same reaches two calls from before and from behind, 0 where nothing of it is the same."""
    if not a.received or not b.received:
        return 0.0
    return (_share(a.received[0], b.received[0]) + _share(a.cotangents.get(0), b.cotangents.get(0))) / 2


def _share(x: Array | None, y: Array | None) -> float:
    if x is None or y is None or x.size != y.size:
        return float(x is y)
    norms = float(np.linalg.norm(x) + np.linalg.norm(y))
    return 1.0 - float(np.linalg.norm(x.ravel() - y.ravel())) / norms if norms else 1.0


def _between(
    rest_a: Sequence[Call], rest_b: Sequence[Call], pairs: Sequence[tuple[Call, Call]]
) -> list[tuple[Call, Call]]:
    """Calls without parameters: aligned within each gap between two layers that are paired."""
    found = []
    free_a, free_b = ([c for c in rest if not c.layer.parameters] for rest in (rest_a, rest_b))
    edges = [(-1, -1), *((a.index, b.index) for a, b in pairs), (10**9, 10**9)]
    for (start_a, start_b), (end_a, end_b) in pairwise(edges):
        found += _aligned(
            [c for c in free_a if start_a < c.index < end_a], [c for c in free_b if start_b < c.index < end_b]
        )
    return found


def _aligned(left: Sequence[Call], right: Sequence[Call]) -> list[tuple[Call, Call]]:
    """The best alignment of two sequences in order (Needleman and Wunsch 1970), gaps free."""
    best = np.zeros((len(left) + 1, len(right) + 1))
    scores = np.array([[_score(a, b) for b in right] for a in left]).reshape(len(left), len(right))
    for i in range(len(left)):
        for j in range(len(right)):
            best[i + 1, j + 1] = max(best[i, j] + scores[i, j], best[i, j + 1], best[i + 1, j])
    pairs, i, j = [], len(left), len(right)
    while i and j:
        if scores[i - 1, j - 1] > 0 and best[i, j] == best[i - 1, j - 1] + scores[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((left[i], right[j]))
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _score(a: Call, b: Call) -> float:
    kinds = {a.layer.kind, b.layer.kind}
    arrays = [common(call.layer.kind, call.layer.parameters) for call in (a, b)]
    shapes = [sorted(array.shape for array in found.values()) for found in arrays]
    if arrays[0] or arrays[1]:
        if shapes[0] == shapes[1] and (len(kinds) == 1 or "unknown" in kinds or _family(kinds)):
            return 8.0
        if kinds & {*OWN} and arrays[0] and arrays[1] and _sizes(arrays[0]) == _sizes(arrays[1]):
            return 6.0
        return 2.0 if len(kinds) == 1 or (_family(kinds) and arrays[0] and arrays[1]) else 0.0
    sizes = [call.outputs[0].size if call.outputs else 0 for call in (a, b)]
    if len(kinds) == 1:
        return 4.0 + (sizes[0] == sizes[1])
    if _family(kinds) and sizes[0] == sizes[1]:
        return 1.0
    if "unknown" in kinds and (a.real or b.real) and sizes[0] == sizes[1]:
        return 0.5 if a.outputs[0].shape == b.outputs[0].shape else 0.25
    return 0.1 if "unknown" in kinds and a.real and b.real else 0.0


def _sizes(arrays: Arrays) -> list[list[int]]:
    """What axes there are, in whatever order."""
    return sorted(sorted(_bare(array.shape)) for array in arrays.values())


def _family(kinds: set[str]) -> bool:
    return any(kinds <= family for family in FAMILIES)


# --- one form of what the frameworks pack differently ----------------------------------------------------------


def common(kind: str, arrays: Arrays, *, gradients: bool = False) -> dict[str, Array]:
    """The arrays in the form that both frameworks have.

    PyTorch's recurrent layers have two biases where one is enough (they are added; their gradients are the same),
    Keras' GRU has both in one array; PyTorch's attention keeps the three projections in one array.
    """
    found = dict(arrays)
    if kind in ("rnn", "lstm", "gru"):
        for name in [name for name in found if name.startswith("bias_ih")]:
            suffix = name.removeprefix("bias_ih")
            own, other = found.pop(name), found.pop(f"bias_hh{suffix}")
            found[f"bias{suffix}"] = np.stack([own, other]) if kind == "gru" else own if gradients else own + other
    if kind == "attention":
        for name in [name for name in found if name.startswith("in_proj_")]:
            for part, array in zip("qkv", np.split(found.pop(name), 3), strict=True):
                found[f"{part}_proj.{name.removeprefix('in_proj_')}"] = array
    return found


def uncommon(kind: str, arrays: Arrays, like: Arrays, *, gradients: bool = False) -> dict[str, Array]:
    """The common form in the form of a layer that has the arrays `like`."""
    found = dict(arrays)
    for name in like.keys() - arrays.keys():
        if name.startswith("bias_ih") and (packed := f"bias{name.removeprefix('bias_ih')}") in found:
            both = found.pop(packed)
            second = f"bias_hh{name.removeprefix('bias_ih')}"
            found[name], found[second] = both if kind == "gru" else (both, both if gradients else np.zeros_like(both))
        elif name.startswith("in_proj_"):
            own = name.removeprefix("in_proj_")
            found[name] = np.concatenate([found.pop(f"{part}_proj.{own}") for part in "qkv"])
    return found


def likened(arrays: Arrays, like: Arrays) -> dict[str, Array]:
    """The common form with a GRU's two biases as the one that it has if it resets before the product, or the reverse.

    They are added; of one, all is the first.
    """
    found = dict(arrays)
    for name in found.keys() & like.keys():
        if name.startswith("bias") and {found[name].ndim, like[name].ndim} == {1, 2}:
            one = found[name]
            found[name] = one.sum(0) if one.ndim == 2 else np.stack([one, np.zeros_like(one)])
    return found


def packed(kind: str, arrays: Arrays) -> dict[str, Array]:
    """The common form as PyTorch has it."""
    if kind == "gru":
        arrays = likened(arrays, {name: np.empty((2, 0)) for name in arrays if name.startswith("bias_l")})
    names = {name.replace("bias_l", "bias_ih_l") for name in arrays if name.startswith("bias_l")}
    names |= {f"in_proj_{name.removeprefix('q_proj.')}" for name in arrays if name.startswith("q_proj.")}
    return uncommon(kind, arrays, dict.fromkeys(names, np.empty(0)))
