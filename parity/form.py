"""One form of what a layer makes, where the frameworks, or two ways to use a layer, make more or less of the same.

A crop behind a convolution belongs to it, as zeros put before it do: the other framework may have a setting for it.
A recurrent layer may give every step or the last, and its states or none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dualnet.interface import Array
from parity.side import RECURRENT, Call, Padding, crop, pad

__all__ = ["Form", "form"]

CONVOLUTIONS = ("conv", "conv_transpose")


@dataclass(frozen=True)
class Form:
    """Two calls in one form.

    Args:
        a, b: the calls, comparable.
        forced: what a made, in the form of b, to be put in the place of what b makes.
        again: brings another run of b to the one form.
    """

    a: Call
    b: Call
    forced: Call
    again: Callable[[Call], Call] = lambda call: call


def form(a: Call, b: Call) -> Form:
    """Two calls of paired layers in one form."""
    if a.layer.kind == b.layer.kind and a.outputs and b.outputs:
        if a.layer.kind in CONVOLUTIONS:
            return _cropped(a, b)
        if a.layer.kind in RECURRENT:
            return _recurrent(a, b)
    return Form(a, b, a)


# --- crops -----------------------------------------------------------------------------------------------------


def _cropped(a: Call, b: Call) -> Form:
    """Images of other sizes from equal ones, without the borders from which nothing comes back.

    A pooling behind may leave a border out, too: only transposed convolutions are cut to sizes that still differ.
    """
    arrived = [[array.shape for array in call.received] for call in (a, b)]
    if arrived[0] != arrived[1] or a.outputs[0].shape == b.outputs[0].shape or not (a.cotangents and b.cotangents):
        return Form(a, b, a)
    cuts = _silent_border(a.cotangents[0]), _silent_border(b.cotangents[0])
    left = [crop(call.outputs[0], cut).shape for call, cut in zip((a, b), cuts, strict=True)]
    if left[0] != left[1] and a.layer.kind != "conv_transpose":
        return Form(a, b, a)
    short = _shortened(a, cuts[0])
    return Form(short, _shortened(b, cuts[1]), _widened(short, cuts[1]), lambda call: _shortened(call, cuts[1]))


def _silent_border(cotangent: Array) -> Padding | None:
    """How much is 0 before and behind, per spatial dimension of (N, C, ...), if not all is."""
    if not cotangent.any():
        return None
    places = zip(np.nonzero(cotangent)[2:], cotangent.shape[2:], strict=True)
    return tuple((int(where.min()), int(length - 1 - where.max())) for where, length in places)


def _shortened(call: Call, cut: Padding | None) -> Call:
    """A call without what is cut off behind it, which is a setting of its layer now."""
    if not cut:
        return call
    settings = dict(call.layer.settings)
    crops = call.layer.kind == "conv_transpose"  # by its padding; a convolution has the less padding for it
    factors = [1 if crops else -stride for stride in settings["stride"]]
    each = zip(settings["padding"], cut, factors, strict=True)
    settings["padding"] = tuple((before + f * b, after + f * a) for (before, after), (b, a), f in each)
    return replace(
        call,
        layer=replace(call.layer, settings=settings),
        outputs=[crop(array, cut) for array in call.outputs],
        cotangents={i: crop(array, cut) for i, array in call.cotangents.items()},
    )


def _widened(call: Call, cut: Padding | None) -> Call:
    """A call with room for what will be cut off behind it."""
    return replace(
        call,
        outputs=[pad(array, cut) for array in call.outputs],
        cotangents={i: pad(array, cut) for i, array in call.cotangents.items()},
    )


# --- recurrent layers ------------------------------------------------------------------------------------------


def _recurrent(a: Call, b: Call) -> Form:
    """Every step where both are read beyond the last, else the last; what comes back to the last state comes to it."""
    last = any(call.outputs[0].ndim == 2 for call in (a, b))
    if last and not all(_only_last(call) for call in (a, b)):
        return Form(a, b, a)
    count = max(2, min(len(call.outputs) for call in (a, b)))
    one = _read(a, last, count)
    return Form(one, _read(b, last, count), _as_made(one, b), lambda call: _read(call, last, count))


def _halves(call: Call) -> list[tuple[slice, int]]:
    """The features of each direction, and the step at which it ends."""
    hidden = call.layer.settings["hidden"]
    both = call.layer.settings.get("bidirectional")
    return [(slice(0, hidden), -1), (slice(hidden, None), 0)] if both else [(slice(None), -1)]


def _only_last(call: Call) -> bool:
    """Whether nothing comes back to the sequence but to its last step."""
    cotangent = call.cotangents.get(0)
    if cotangent is None or cotangent.ndim == 2:
        return True
    rest = cotangent.copy()
    for features, step in _halves(call):
        rest[:, step, features] = 0
    return not rest.any()


def _ends(call: Call, sequence: Array) -> Array:
    """The last step of (N, T, D), of either direction: (N, D)."""
    return np.concatenate([sequence[:, step, features] for features, step in _halves(call)], axis=-1)


def _read(call: Call, last: bool, count: int) -> Call:
    """A call with its sequence or last step, h made of it, and c if both have it; what comes back to h comes to it."""
    out, cotangent = call.outputs[0], call.cotangents.get(0, np.zeros_like(call.outputs[0]))
    if last and out.ndim == 3:
        out, cotangent = _ends(call, out), _ends(call, cotangent)
    if (back := call.cotangents.get(1)) is not None:  # to h (directions, N, H)
        cotangent = cotangent.copy()
        for (features, step), own in zip(_halves(call), back, strict=True):
            where = (slice(None), features) if cotangent.ndim == 2 else (slice(None), step, features)
            cotangent[where] += own
    h = _state(call, out)
    settings = {**call.layer.settings, "return_sequences": False} if last else call.layer.settings
    rest = {i: array for i, array in call.cotangents.items() if 1 < i < count}
    return replace(
        call,
        layer=replace(call.layer, settings=settings),
        outputs=[out, h, *call.outputs[2:count]],
        cotangents={0: cotangent, 1: np.zeros_like(h), **rest},
    )


def _state(call: Call, out: Array) -> Array:
    """The h (directions, N, H) of a sequence or of its last step."""
    ends = _ends(call, out) if out.ndim == 3 else out
    return np.stack([ends[:, features] for features, _ in _halves(call)])


def _as_made(read: Call, like: Call) -> Call:
    """What was read, with the outputs of a layer that may make more of it, or less."""
    out, cotangent = read.outputs[0], read.cotangents[0]
    sequence = like.outputs[0]
    if sequence.ndim == 3 and out.ndim == 2:
        wide, back = sequence.copy(), np.zeros_like(sequence)
        for features, step in _halves(like):
            wide[:, step, features], back[:, step, features] = out[:, features], cotangent[:, features]
        out, cotangent = wide, back
    others = [*read.outputs[1:], *like.outputs[len(read.outputs) :]][: len(like.outputs) - 1]
    back_to = {i: read.cotangents.get(i, np.zeros_like(own)) for i, own in enumerate(others, 1)}
    return replace(read, outputs=[out, *others], cotangents={0: cotangent, **back_to})
