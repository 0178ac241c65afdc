"""How far apart two arrays are, and how far apart they may be. The limits are derived, not picked by hand.

In float64 a correct pair agrees to about 1e-15 of a tensor's scale and a bug lies many orders above; the verdict
is `FLOAT64_LIMIT`.  In float32 each side is measured against its own float64 result, and may be `NOISE_FACTOR`
times as far from it as the other side is: rounding is alike on both sides, a loss of precision is not.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from dualnet.interface import Array

__all__ = [
    "FLOAT64_LIMIT", "NOISE_FACTOR", "ROUNDING", "ZERO_GRADIENT",
    "Distance", "check_limit", "distance", "exact", "relative_l2",
]  # fmt: skip

FLOAT64_LIMIT = 1e-11
"""Largest difference relative to the tensor's scale at which two float64 results agree."""
NOISE_FACTOR = 50.0
"""How many times the other side's rounding error one side may have in float32."""
ROUNDING = float(np.finfo(np.float32).eps)
"""No float32 noise is taken to be smaller than one rounding."""
ZERO_GRADIENT = 1e-12
"""A gradient this far below its layer's scale is rounding noise around a true value of 0."""
PIECE = 2**24
"""Elements of arrays that are compared in one go."""


@dataclass(frozen=True)
class Distance:
    """The distance of two arrays, and where it is greatest; `problem` tells why it could not be measured."""

    error: float
    index: tuple[int, ...] = ()
    values: tuple[float, float] | None = None
    problem: str = ""


def check_limit(limit: float) -> float:
    """The limit itself.

    Raises:
        ValueError: it is NaN, negative or infinite: such a limit decides nothing.
    """
    if not 0.0 <= limit < math.inf:
        raise ValueError(f"limit {limit!r}: expected a finite number of at least 0")
    return limit


def distance(a: Array, b: Array, *, scale: float | None = None, reference: Array | None = None) -> Distance:
    """The greatest absolute difference relative to a scale; infinite where the arrays cannot be compared.

    Args:
        a, b: arrays of any shape; another shape or dtype is an infinite distance.
        scale: what the difference is relative to; by default the greatest absolute value in a and b.
        reference: a third opinion. NaN and infinities are failures unless it has the same ones there.
    """
    if problem := _mismatch(a, b):
        return Distance(math.inf, problem=problem)
    if a.size == 0:
        return Distance(0.0)
    if not np.issubdtype(a.dtype, np.inexact):
        return exact(a, b)
    if a.size > PIECE and len(a) > 1 and reference is None:
        return _in_halves(a, b, largest(a, b) if scale is None else scale)
    left, right = a, b
    finite = np.isfinite(a) & np.isfinite(b)
    if not finite.all():
        if reference is None or reference.shape != a.shape:
            return _at(~finite, math.inf, a, b, "not finite")
        wrong = ~finite & ~(_same(a, reference) & _same(b, reference))
        if wrong.any():
            return _at(wrong, math.inf, a, b, "not finite where the reference is something else")
        left, right = np.where(finite, a, 0), np.where(finite, b, 0)
    gap = np.abs(left - right)
    error = float(gap.max())
    scale = largest(left, right) if scale is None else scale
    relative = error / scale if scale > 0.0 else (0.0 if error == 0.0 else math.inf)
    return _at(gap == error, relative, a, b, "")


def _in_halves(a: Array, b: Array, scale: float) -> Distance:
    """The distance of large arrays, without intermediate results of their size."""
    middle = len(a) // 2
    first, second = (distance(a[part], b[part], scale=scale) for part in (slice(middle), slice(middle, None)))
    if second.error <= first.error:
        return first
    return replace(second, index=(second.index[0] + middle, *second.index[1:]))


def exact(a: Array, b: Array) -> Distance:
    """0 if both are the same bit for bit in value, infinity otherwise."""
    if problem := _mismatch(a, b):
        return Distance(math.inf, problem=problem)
    wrong = ~_same(a, b)
    return (
        _at(wrong, math.inf, a, b, f"{int(wrong.sum())} of {a.size} elements differ") if wrong.any() else Distance(0.0)
    )


def relative_l2(a: Array, reference: Array) -> float:
    """||a - reference|| / ||reference||: how far a lower precision is from the float64 result; NaN gives infinity."""
    if a.shape != reference.shape:
        return math.inf
    if a.size == 0:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, where both are the same
        gap = np.subtract(a, reference, dtype=np.result_type(a, reference, np.float64))
    counted = reference
    if not np.isfinite(reference).all():
        gap, counted = np.where(_same(a, reference), 0.0, gap), np.where(np.isfinite(reference), reference, 0.0)
    if not np.isfinite(gap).all():
        return math.inf
    if (unit := largest(counted)) == 0.0:
        return math.inf if gap.any() else 0.0
    # In units of the greatest value no square overflows.
    return float(np.linalg.norm(gap.ravel() / unit) / np.linalg.norm(counted.ravel() / unit))


def largest(*arrays: Array) -> float:
    """The greatest absolute value in all of them; 0 if they are empty."""
    return max((_largest(array) for array in arrays if array.size), default=0.0)


def _largest(array: Array) -> float:
    if np.iscomplexobj(array):
        return float(np.abs(array).max())
    return max(float(array.max()), -float(array.min()))


def _mismatch(a: Array, b: Array) -> str:
    if a.shape != b.shape:
        return f"shape {a.shape} against {b.shape}"
    if a.dtype != b.dtype:
        return f"dtype {a.dtype} against {b.dtype}"
    return ""


def _same(a: Array, b: Array) -> Array:
    same: Array = (a == b) | ((a != a) & (b != b))
    return same


def _at(mask: Array, error: float, a: Array, b: Array, problem: str) -> Distance:
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), a.shape))
    return Distance(error, index, (float(np.real(a[index])), float(np.real(b[index]))), problem)
