"""What a difference looks like, in words, where no known cause explains it."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from parity.causes.cause import Array
from parity.causes.verify import LIMIT, distance, observed
from parity.layer import Fault

__all__ = ["measured"]

Found = Iterator[str]
FLOAT32 = 2e-6
"""A relative error below this may come from a computation in float32."""


def measured(fault: Fault) -> str:
    """Describe how the two sides differ.

    Args:
        fault: two runs of paired layers on equal inputs.

    Returns:
        Short statements, separated by semicolons: sizes, the best constant factor, where the difference lies, and
        whether one side is a permutation, transposition or shift of the other.
    """
    a, b = observed(fault.a, fault.phase), observed(fault.b, fault.phase)
    said = []
    for i, (mine, theirs) in enumerate(zip(a, b, strict=False)):  # one side may give more, as its states
        x, y = np.asarray(mine, float), np.asarray(theirs, float)
        with np.errstate(over="ignore"):  # against a side of zeros
            differ = distance((x,), (y,)) > LIMIT
        if differ:
            which = f"array {i}: " if len(a) > 1 else ""
            said.append(which + "; ".join(_different_shapes(x, y) if x.shape != y.shape else _compared(x, y)))
    return ". ".join(said) or "no difference"


def _different_shapes(a: Array, b: Array) -> Found:
    yield f"shapes {a.shape} against {b.shape}"
    if a.size == b.size:
        yield "the same values in another shape" if _close(a.ravel(), b.ravel()) else "as many values"
        if np.allclose(np.sort(a, axis=None), np.sort(b, axis=None), rtol=1e-10, atol=0):
            yield "the same values in another order"


def _compared(a: Array, b: Array) -> Found:
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        yield f"{(~np.isfinite(a)).sum()} values of a and {(~np.isfinite(b)).sum()} of b are not finite"
        return
    difference = np.abs(a - b)
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()))
    yield f"greatest error {difference.max() / scale:.2e} of the scale {scale:.3g}"
    if LIMIT < difference.max() / scale < FLOAT32:
        yield "no more than the rounding of float32"
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norms) == 0:
        yield f"side {'a' if norms[0] == 0 else 'b'} is 0 everywhere"
        return
    yield f"ratio of the norms b/a {norms[1] / norms[0]:.6g}"
    factor = float((a * b).sum() / (a**2).sum())
    left = float(np.linalg.norm(b - factor * a)) / norms[1]
    exactly = "exactly" if left <= LIMIT else f"up to {left:.1e} of the norm"
    yield f"b = {factor:.6g} a {exactly}"
    if left > LIMIT:
        yield from _offset(a, b)
        differing = difference > LIMIT * scale
        yield f"{differing.mean():.1%} of the elements differ"
        yield from _place(differing)
        yield from _rearranged(a, b)


def _offset(a: Array, b: Array) -> Found:
    if np.ptp(b - a) <= LIMIT * np.abs(b).max():
        yield f"b = a + {float((b - a).flat[0]):.6g}"
    elif a.ndim > 1:
        others = tuple(i for i in range(a.ndim) if i != 1)
        if np.ptp(b - a, axis=others).max() <= LIMIT * np.abs(b).max():
            yield "b = a + one constant for each channel"


def _place(differing: Array) -> Found:
    """Whether the difference lies at borders, in some channels or in some samples only."""
    for axis, name in enumerate(("samples", "channels")[: differing.ndim]):
        others = tuple(i for i in range(differing.ndim) if i != axis)
        found = np.flatnonzero(differing.any(axis=others))
        if len(found) < differing.shape[axis]:
            yield f"only in the {name} {found.tolist()[:8]} of {differing.shape[axis]}"
    for axis in range(2, differing.ndim):
        others = tuple(i for i in range(differing.ndim) if i != axis)
        found = np.flatnonzero(differing.any(axis=others))
        if 0 < len(found) < differing.shape[axis]:
            edges = {0: "the first", differing.shape[axis] - 1: "the last"}
            at = [edges.get(int(i), str(i)) for i in found[:8]]
            yield f"along axis {axis} only at {', '.join(at)}"
    if differing.ndim > 2 and differing.any():
        inner = tuple(slice(1, -1) if n > 2 else slice(None) for n in differing.shape[2:])
        if not differing[(slice(None), slice(None), *inner)].any():
            yield "only at the borders"


def _rearranged(a: Array, b: Array) -> Found:
    for order in list(permutations(range(a.ndim)))[1:] if a.ndim <= 5 else ():
        if a.transpose(order).shape == b.shape and _close(a.transpose(order), b):
            yield f"b is a with its axes in the order {order}"
    for axis in range(a.ndim):
        if a.shape[axis] > 1 and _close(np.flip(a, axis), b):
            yield f"b is a reversed along axis {axis}"
        for by in (1, -1):
            kept = np.roll(a, by, axis)
            inner = [slice(None)] * a.ndim
            inner[axis] = slice(1, None) if by > 0 else slice(None, -1)
            if a.shape[axis] > 2 and _close(kept[tuple(inner)], b[tuple(inner)]):
                yield f"b is a shifted by {by:+} along axis {axis}"
    ordered = np.sort(a, axis=None), np.sort(b, axis=None)
    if _close(*ordered):
        yield "the same values in another order"
    elif a.ndim > 1 and _close(np.sort(a, axis=1), np.sort(b, axis=1)):
        yield "the same values, permuted along axis 1"


def _close(a: Array, b: Array) -> bool:
    return bool(np.abs(a - b).max(initial=0.0) <= LIMIT * np.abs(b).max(initial=0.0))
