"""Reductions, norms, order and counting, in PyTorch.

Most methods take `dim` as a number or a tuple and `keepdim`; prod, sort and argmax take one axis only.

Everywhere `axis` is None for all axes, a number, or a tuple of several; negative ones count from the last. `keepdims`
leaves a 1 in the place of each. An axis out of range raises IndexError, none or a repeated one ValueError. Integers and
booleans are summed as int64; where the result is a fraction they count as float64.
"""

import math

import torch

from dualnet.concepts.foundations.tensor_reductions import Unique

__all__ = [
    "all_close",
    "all_equal",
    "argmax",
    "argmin",
    "argsort",
    "bincount",
    "count_nonzero",
    "cumulative_product",
    "cumulative_sum",
    "equal",
    "histogram",
    "logsumexp",
    "median",
    "norm_l1",
    "norm_l2",
    "norm_p",
    "quantile",
    "reduce_all",
    "reduce_any",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_product",
    "reduce_sum",
    "sort",
    "standard_deviation",
    "unique",
    "variance",
]

_Axis = int | tuple[int, ...] | None


# --- axes and types -----------------------------------------------------------------------------------------


def _axes(x: torch.Tensor, axis: _Axis, least: int = 0) -> tuple[int, ...]:
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    if not all(-x.ndim <= a < x.ndim for a in axes):  # differs: X-axis-error
        raise IndexError(f"axis {axis} of shape {tuple(x.shape)}: expected numbers in [{-x.ndim}, {x.ndim})")
    found = tuple(sorted(a % x.ndim for a in axes))
    if axis == () or len(set(found)) < len(found):  # differs: X-axis-error no axis at all would mean all of them
        raise ValueError(f"axis {axis}: expected one or more, each once")
    if (count := math.prod(x.shape[a] for a in found)) < least:  # differs: X-empty-maximum raises IndexError
        raise ValueError(f"axis {axis} of shape {tuple(x.shape)}: expected {least} elements or more, came {count}")
    return found


def _folded(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    kept = [a for a in range(x.ndim) if a not in axes]
    sizes = [x.shape[a] for a in kept]
    return x.permute((*kept, *axes)).reshape(*sizes, math.prod(x.shape[a] for a in axes))  # (..., M)


def _left(x: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> list[int]:
    return [1 if a in axes else x.shape[a] for a in range(x.ndim) if keepdims or a not in axes]


def _floating(x: torch.Tensor) -> torch.Tensor:
    return x if x.is_floating_point() else x.to(torch.float64)  # differs: D230 integers raise RuntimeError


# --- sums and products --------------------------------------------------------------------------------------


def reduce_sum(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The sum; 0 of nothing. Integers and booleans give int64."""
    return x.sum(dim=_axes(x, axis), keepdim=keepdims)  # differs: D229, D231, D233 by itself


def reduce_mean(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The mean; NaN of nothing. Integers and booleans give float64."""
    return _floating(x).mean(dim=_axes(x, axis), keepdim=keepdims)


def reduce_product(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The product; 1 of nothing. Its gradient is right where elements are 0, too. Integers give int64."""
    product = x if x.is_floating_point() else x.to(torch.int64)
    for a in reversed(_axes(x, axis)):  # differs: X-one-axis prod takes one
        product = product.prod(dim=a, keepdim=keepdims)
    return product


def logsumexp(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """log(sum(exp(x))) without overflow; -inf of nothing. Its gradient is the softmax of x, NaN if all are -inf."""
    x, axes = _floating(x), _axes(x, axis)
    # differs: X-logsumexp-gradient exp(x - result) has lost as many digits as the result has before its point
    shift = torch.logsumexp(x.detach(), dim=axes, keepdim=True)
    shift = shift.where(shift.isfinite(), 0)
    result = torch.logsumexp(x - shift, dim=axes, keepdim=True) + shift
    return result.reshape(_left(x, axes, keepdims))


# --- extremes -----------------------------------------------------------------------------------------------


def reduce_max(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The greatest element; NaN if there is one. Equal ones share the gradient evenly.

    Raises:
        ValueError: there are no elements.
    """
    return x.amax(dim=_axes(x, axis, least=1), keepdim=keepdims)  # differs: D204 max(dim) gives it to one of them


def reduce_min(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The least element; NaN if there is one. Equal ones share the gradient evenly.

    Raises:
        ValueError: there are no elements.
    """
    return x.amin(dim=_axes(x, axis, least=1), keepdim=keepdims)  # differs: D204 min(dim) gives it to one of them


def argmax(x: torch.Tensor, axis: int | None = None, keepdims: bool = False) -> torch.Tensor:
    """Where the greatest element is (int64), the first of equal ones; of NaN, the first NaN.

    Args:
        x: numbers of any shape.
        axis: None counts through all elements, row by row.
        keepdims: leaves a 1 in the place of each axis.

    Raises:
        ValueError: there are no elements.
    """
    axes = _axes(x, axis, least=1)
    return _folded(x, axes).argmax(dim=-1).reshape(_left(x, axes, keepdims))  # differs: D240 NaN counts as greatest


def argmin(x: torch.Tensor, axis: int | None = None, keepdims: bool = False) -> torch.Tensor:
    """Where the least element is (int64), the first of equal ones; of NaN, the first NaN. Otherwise as argmax."""
    axes = _axes(x, axis, least=1)
    return _folded(x, axes).argmin(dim=-1).reshape(_left(x, axes, keepdims))  # differs: D240 NaN counts as least


# --- norms and moments --------------------------------------------------------------------------------------


def norm_l1(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The sum of absolute values; the gradient of an element that is 0 is 0."""
    return _floating(x).abs().sum(dim=_axes(x, axis), keepdim=keepdims)


def norm_l2(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The root of the sum of squares, of matrices too; its gradient at the zero vector is 0."""
    # differs: D205, D245 linalg.norm would take matrices for matrices
    return torch.linalg.vector_norm(_floating(x), 2, dim=_axes(x, axis), keepdim=keepdims)


def norm_p(x: torch.Tensor, p: float, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """(sum |x|^p)^(1/p), the greatest |x| for p = inf; its gradient at the zero vector is 0.

    Raises:
        ValueError: p is less than 1, or p = inf and there are no elements.
    """
    if not p >= 1:
        raise ValueError(f"p {p}: expected 1 or more")
    axes = _axes(x, axis, least=int(p == math.inf))
    return torch.linalg.vector_norm(_floating(x), p, dim=axes, keepdim=keepdims)  # differs: D205, D245


def variance(x: torch.Tensor, axis: _Axis = None, correction: int = 0, keepdims: bool = False) -> torch.Tensor:
    """The sum of squared distances from the mean, divided by M - correction: 0 for a population, 1 for a sample.

    Raises:
        ValueError: there are no more than `correction` elements.
    """
    axes = _axes(x, axis, least=correction + 1)
    return _floating(x).var(dim=axes, correction=correction, keepdim=keepdims)  # differs: D237 its default is 1


def standard_deviation(
    x: torch.Tensor, axis: _Axis = None, correction: int = 0, keepdims: bool = False
) -> torch.Tensor:
    """The root of the variance, with the same arguments; its gradient is 0 where the variance is 0."""
    axes = _axes(x, axis, least=correction + 1)
    return _floating(x).std(dim=axes, correction=correction, keepdim=keepdims)  # differs: D206, D237


# --- order --------------------------------------------------------------------------------------------------


def sort(x: torch.Tensor, axis: int = -1, descending: bool = False) -> torch.Tensor:
    """The elements in order along one axis; NaN counts as greatest, and equal ones keep their order."""
    (axis,) = _axes(x, axis)
    return x.sort(dim=axis, descending=descending, stable=True).values  # differs: D242


def argsort(x: torch.Tensor, axis: int = -1, descending: bool = False) -> torch.Tensor:
    """Where the sorted elements were (int64); NaN counts as greatest, and equal ones keep their order."""
    (axis,) = _axes(x, axis)
    return x.argsort(dim=axis, descending=descending, stable=True)  # differs: D242 is not stable unless told so


def median(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The element in the middle, or the mean of the two there; NaN if there is one.

    Raises:
        ValueError: there are no elements.
    """
    return quantile(x, 0.5, axis, keepdims)  # differs: D238 median would take the lower of the two


def quantile(x: torch.Tensor, q: float, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """The value at q (M - 1) of the M sorted elements, linear between its neighbours; NaN if there is one.

    Of equal elements, the gradient goes to the first in that place of a stable order.

    Raises:
        ValueError: q is not in [0, 1], or there are no elements.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q {q}: expected a number in [0, 1]")
    axes = _axes(x, axis, least=1)
    rows = sort(_folded(_floating(x), axes))  # (..., M)  # differs: D239 torch.quantile takes one axis, 16M elements
    weight, lower = math.modf(q * (rows.shape[-1] - 1))
    result = rows[..., int(lower)]  # (...)
    if weight:
        result = (1 - weight) * result + weight * rows[..., int(lower) + 1]
    last = rows[..., -1]
    return torch.where(last.isnan(), last, result).reshape(_left(x, axes, keepdims))


# --- running sums and products ------------------------------------------------------------------------------


def cumulative_sum(x: torch.Tensor, axis: int, exclusive: bool = False, reverse: bool = False) -> torch.Tensor:
    """The sums of each element and all before it; integers give int64.

    Args:
        x: one axis or more.
        axis: along which to add.
        exclusive: without the element itself, so that the first is 0.
        reverse: all after it instead of all before it.
    """
    (axis,) = _axes(x, axis)
    rows = _run_in(x, axis, exclusive, reverse, first=0)  # differs: D246 cumsum has no such options
    return _run_out(rows.cumsum(dim=0), axis, reverse)


def cumulative_product(x: torch.Tensor, axis: int, exclusive: bool = False, reverse: bool = False) -> torch.Tensor:
    """The products of each element and all before it, as cumulative_sum; the gradient is right at zeros, too."""
    (axis,) = _axes(x, axis)
    rows = _run_in(x, axis, exclusive, reverse, first=1)  # differs: D246 cumprod has no such options
    return _run_out(rows.cumprod(dim=0), axis, reverse)


def _run_in(x: torch.Tensor, axis: int, exclusive: bool, reverse: bool, first: int) -> torch.Tensor:
    rows = x.movedim(axis, 0)  # (M, ...)
    rows = rows.flip(0) if reverse else rows
    return torch.cat((torch.full_like(rows[:1], first), rows[:-1])) if exclusive else rows


def _run_out(rows: torch.Tensor, axis: int, reverse: bool) -> torch.Tensor:
    return (rows.flip(0) if reverse else rows).movedim(0, axis)


# --- comparing ----------------------------------------------------------------------------------------------


def _check_types(x: torch.Tensor, y: torch.Tensor) -> None:
    if x.dtype != y.dtype:  # differs: D225 would be promoted
        raise TypeError(f"types {x.dtype} and {y.dtype}: expected one type; convert one of them first")


def _check_pair(x: torch.Tensor, y: torch.Tensor) -> None:
    _check_types(x, y)
    try:
        torch.broadcast_shapes(x.shape, y.shape)
    except RuntimeError as error:  # differs: X-shape-error
        raise ValueError(f"expected shapes that broadcast: {error}") from error


def equal(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Where x is y (booleans); the shapes broadcast. NaN equals nothing, and -0 equals 0.

    Raises:
        TypeError: the types differ.
        ValueError: the shapes do not broadcast.
    """
    _check_pair(x, y)
    return x == y


def all_equal(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Whether x and y have the same shape and equal elements (a boolean without axes).

    Raises:
        TypeError: the types differ.
    """
    _check_types(x, y)
    return torch.tensor(torch.equal(x, y), device=x.device)  # differs: X-all-equal gives Python's own boolean


def all_close(x: torch.Tensor, y: torch.Tensor, relative: float, absolute: float) -> torch.Tensor:
    """Whether |x - y| <= absolute + relative |y| everywhere; infinities are close to themselves, NaN to nothing.

    Raises:
        TypeError: the types differ.
        ValueError: the shapes do not broadcast.
    """
    _check_pair(x, y)
    return x.isclose(y, relative, absolute).all()  # ()  # differs: X-all-close


def unique(x: torch.Tensor) -> Unique:
    """The different elements of x in ascending order, and how often each occurs (int64).

    Each NaN is one of its own.
    """
    return Unique(*x.unique(return_counts=True))  # differs: D243 sorted by itself


# --- counting -----------------------------------------------------------------------------------------------


def reduce_any(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Whether an element is true, or not 0 (NaN is not); false of nothing."""
    return x.any(dim=_axes(x, axis), keepdim=keepdims)  # differs: X-truth takes numbers, too


def reduce_all(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Whether all elements are true, or not 0 (NaN is not); true of nothing."""
    return x.all(dim=_axes(x, axis), keepdim=keepdims)  # differs: X-truth takes numbers, too


def count_nonzero(x: torch.Tensor, axis: _Axis = None, keepdims: bool = False) -> torch.Tensor:
    """How many elements are true, or not 0 (NaN is not): int64."""
    return (x != 0).sum(dim=_axes(x, axis), keepdim=keepdims)  # differs: X-count-keepdims torch's own has none


def bincount(x: torch.Tensor, minimum_length: int = 0) -> torch.Tensor:
    """How often each of 0, 1, 2, ... occurs.

    Args:
        x: (N,) integers of at least 0.
        minimum_length: the least number of counts.

    Returns:
        (greatest element + 1 or more,), int64.

    Raises:
        ValueError: an integer is negative, or x has another number of axes than 1.
    """
    if x.ndim != 1 or (x < 0).any():  # differs: X-bincount raises RuntimeError
        raise ValueError(f"x {tuple(x.shape)}: expected one axis, and no negative numbers")
    return torch.bincount(x, minlength=minimum_length)


def histogram(x: torch.Tensor, bins: int, low: float, high: float) -> torch.Tensor:
    """How many elements lie in each of equally wide bins from low to high: (bins,), int64.

    A value on an edge counts above it, `high` itself in the last bin; NaN and what lies outside count nowhere.

    Raises:
        ValueError: there is no bin, or low is not below high.
    """
    if bins < 1 or not low < high:
        raise ValueError(f"{bins} bins from {low} to {high}: expected 1 or more, from a lower to a higher number")
    width = (high - low) / bins
    edges = torch.tensor([*(low + i * width for i in range(bins)), high], dtype=x.dtype, device=x.device)
    inside = x[(x >= low) & (x <= high)]  # (N,)  # differs: D252 histc rounds the edges its own way, and gives floats
    index = torch.bucketize(inside, edges, right=True) - 1  # differs: D253 right=True means the bin above
    return torch.bincount(index.clamp(max=bins - 1), minlength=bins)
