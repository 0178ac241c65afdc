"""Creating tensors and reading and rewriting parts of them, in PyTorch.

Brackets do nearly everything, as in NumPy: slices, lists of indices, masks. Tensors can be written in place, which
these functions do to copies only. On a GPU an index out of range ends the process instead of raising IndexError.
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.foundations.tensor_indexing import TopK

__all__ = [
    "arange",
    "boolean_mask",
    "eye",
    "full_like",
    "gather_nd",
    "linspace",
    "lower_triangle",
    "masked_fill",
    "one_hot",
    "scatter_add",
    "scatter_update",
    "slice_rows",
    "strided_grid",
    "take_along_axis",
    "take_channel",
    "take_pairs",
    "take_rows",
    "topk",
    "where",
    "write_slice",
]


# --- creation -----------------------------------------------------------------------------------------------


def full_like(x: torch.Tensor, value: float) -> torch.Tensor:
    """A tensor of x's shape and type with this value everywhere; zeros_like and ones_like are two cases of it.

    Raises:
        TypeError: the value is a float, and x holds integers.
    """
    _check_value(value, x)
    return torch.full_like(x, value)


def _check_value(value: float, x: torch.Tensor) -> None:
    # differs: X-float-into-integers it would be truncated without a word
    if isinstance(value, float) and not x.is_floating_point():
        raise TypeError(f"value {value!r}: expected a whole number for a tensor of {x.dtype}")


def arange(start: float, stop: float, step: float, dtype: str = "int64") -> torch.Tensor:
    """Numbers from start on, step apart, before stop: none at all if the step leads away from stop.

    Args:
        start, stop, step: whole numbers if the type is an integer one.
        dtype: the type; floating ones are rounded once, from double precision.

    Returns:
        (ceil((stop - start) / step),).

    Raises:
        ValueError: the step is 0.
    """
    if step == 0:
        raise ValueError("step 0: expected another number")
    kind = getattr(torch, dtype)
    if start == stop or (start < stop) != (step > 0):  # differs: X-arange-direction raises RuntimeError
        return torch.zeros(0, dtype=kind)
    exact = torch.float64 if kind.is_floating_point else kind
    return torch.arange(start, stop, step, dtype=exact).to(kind)  # differs: X-arange-rounding adds up in float32


def linspace(start: float, stop: float, count: int, dtype: str = "float32") -> torch.Tensor:
    """Numbers (count,) at equal distances from start to stop, both included; a single one is start.

    Raises:
        ValueError: the count is negative.
    """
    if count < 0:
        raise ValueError(f"count {count}: expected 0 or more")
    return torch.linspace(start, stop, count, dtype=getattr(torch, dtype))


def eye(rows: int, columns: int, dtype: str = "float32") -> torch.Tensor:
    """Ones (rows, columns) on the main diagonal, zeros elsewhere."""
    return torch.eye(rows, columns, dtype=getattr(torch, dtype))


def one_hot(labels: torch.Tensor, classes: int, dtype: str = "float32") -> torch.Tensor:
    """A one at each label's place: labels (...) give (..., K).

    Raises:
        IndexError: a label is outside [0, K).
    """
    if ((labels < 0) | (labels >= classes)).any():  # differs: D251 one_hot raises RuntimeError
        raise IndexError(f"labels {labels.tolist()}: expected integers in [0, {classes})")
    return F.one_hot(labels, classes).to(getattr(torch, dtype))  # (..., K)  # differs: D251 int64


def lower_triangle(x: torch.Tensor, diagonal: int = 0) -> torch.Tensor:
    """Each matrix (..., R, C) with zeros above this diagonal: 0 is the main one, 1 the next one above it."""
    return torch.tril(x, diagonal)


# --- slices -------------------------------------------------------------------------------------------------


def slice_rows(x: torch.Tensor, start: int | None, stop: int | None, step: int = 1) -> torch.Tensor:
    """x[start:stop:step] along axis 0, as in NumPy: ends may be None or beyond the tensor, the step negative.

    Raises:
        ValueError: the step is 0.
    """
    if step < 0:  # differs: D258 raises ValueError: take the same rows forwards, then turn them round
        rows = range(len(x))[start:stop:step][::-1]
        return x[rows.start : rows.stop : rows.step].flip(0)
    return x[start:stop:step]


def strided_grid(x: torch.Tensor, row_step: int, column_step: int) -> torch.Tensor:
    """Every row_step-th row and column_step-th column of the last two axes: (..., R, C) gives fewer of both.

    Raises:
        ValueError: a step is less than 1.
    """
    return x[..., ::row_step, ::column_step]  # differs: D258 raises ValueError by itself


def take_channel(x: torch.Tensor, channel: int) -> torch.Tensor:
    """One element of the last axis, which disappears: (..., C) gives (...).

    Raises:
        IndexError: the channel is not in [-C, C).
    """
    return x[..., channel]  # (...)


# --- indices and masks --------------------------------------------------------------------------------------


def take_rows(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Whole slices along axis 0.

    Args:
        x: (R, ...), any dtype.
        rows: (M,) integers in [-R, R).

    Returns:
        (M, ...): x[rows[0]], x[rows[1]], ...

    Raises:
        IndexError: a row is out of range.
    """
    return x[rows]  # (M, ...)


def take_along_axis(x: torch.Tensor, indices: torch.Tensor, axis: int) -> torch.Tensor:
    """One element for each index, from the index's own place in the other axes.

    Args:
        x: of any shape, with R elements along the axis.
        indices: integers in [-R, R); M along the axis, elsewhere as x or 1.
        axis: negative ones count from the last.

    Returns:
        Of x's shape with M in the place of R.

    Raises:
        IndexError: an index or the axis is out of range.
        ValueError: the shapes do not fit.
    """
    size = x.shape[axis]
    if ((indices < -size) | (indices >= size)).any():  # differs: X-take-along-wraps 5 of 5 would be taken as 0
        raise IndexError(f"indices {indices.tolist()}: expected integers in [{-size}, {size})")
    try:
        return torch.take_along_dim(x, indices, axis)  # differs: D250 the other meaning of gather
    except RuntimeError as error:  # differs: X-shape-error
        raise ValueError(f"expected indices of x's shape outside axis {axis}: {error}") from error


def gather_nd(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Elements or slices by coordinates.

    Args:
        x: K axes or more.
        indices: (..., K) integers; each counts along its own axis, negative ones from the end.

    Returns:
        (..., the axes of x after the first K).

    Raises:
        IndexError: a coordinate is out of range, or there are more of them than axes.
    """
    return x[indices.unbind(dim=-1)]  # differs: D250 PyTorch has no gather_nd; a tuple of indices is one


def take_pairs(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """x[rows[i], columns[i]] for each i: x (R, C, ...), rows (M,) and columns (M,) give (M, ...).

    Raises:
        IndexError: rows and columns are not equally many, or one is out of range.
    """
    if rows.shape != columns.shape:
        raise IndexError(f"rows {tuple(rows.shape)}, columns {tuple(columns.shape)}: expected equally many")
    return x[rows, columns]  # (M, ...)  # differs: D257 pairs, not a grid of rows and columns


def boolean_mask(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What lies where the mask is true, in order.

    Args:
        x: any shape.
        mask: booleans of the shape of x or of its first axes.

    Returns:
        (number of true elements, the axes of x after the mask's).

    Raises:
        IndexError: the mask has another shape, or none.
    """
    if mask.dim() == 0 or x.shape[: mask.dim()] != mask.shape:  # differs: X-mask-shape
        raise IndexError(f"mask {tuple(mask.shape)}: expected the first axes of {tuple(x.shape)}")
    return x[mask]


def where(condition: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Elements of x where the condition is true, else of y; all three broadcast, what is not taken has gradient 0.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    try:
        return torch.where(condition, x, y)
    except RuntimeError as error:  # differs: X-shape-error
        raise ValueError(f"expected shapes that broadcast: {error}") from error


def masked_fill(x: torch.Tensor, mask: torch.Tensor, value: float) -> torch.Tensor:
    """The value where the mask, which broadcasts with x, is true, else x: -inf hides scores from a softmax.

    Raises:
        TypeError: the value is a float, and x holds integers.
        ValueError: the shapes do not broadcast.
    """
    _check_value(value, x)
    try:
        return x.masked_fill(mask, value)
    except RuntimeError as error:  # differs: X-shape-error
        raise ValueError(f"expected shapes that broadcast: {error}") from error


# --- writing ------------------------------------------------------------------------------------------------


def write_slice(x: torch.Tensor, start: int, values: torch.Tensor) -> torch.Tensor:
    """Values (M, ...) in the place of the rows of x (R, ...) from start on; x itself stays as it is.

    Raises:
        ValueError: the values do not fit there.
    """
    stop = start + len(values)
    if not 0 <= start <= stop <= len(x) or x.shape[1:] != values.shape[1:]:  # differs: D220 one row would fill all
        raise ValueError(f"values {tuple(values.shape)} do not fit into {tuple(x.shape)} from row {start} on")
    result = x.clone()  # differs: D222 x itself may be needed for a gradient
    result[start:stop] = values
    return result


def scatter_update(x: torch.Tensor, rows: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
    """Updates (M, ...) in the place of the rows (M,) of x (R, ...); of several for one row the last wins.

    The others get gradient 0.

    Raises:
        IndexError: a row is not in [-R, R).
        ValueError: the updates have another shape.
    """
    _check_updates(x, rows, updates)
    order = torch.arange(len(rows), device=x.device)  # (M,)
    rows = torch.arange(len(x), device=x.device)[rows]  # (M,) from the front
    # differs: X-scatter-duplicates which one wins is not defined: find the last one of each row
    last = torch.full((len(x),), -1, device=x.device).scatter_reduce(0, rows, order, "amax")  # (R,), -1 for none
    written = last >= 0  # (R,)
    result = x.clone()
    result[written] = updates[last[written]]
    return result


def scatter_add(x: torch.Tensor, rows: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
    """Updates (M, ...) added to the rows (M,) of x (R, ...); several for one row all count.

    Raises:
        IndexError: a row is not in [-R, R).
        ValueError: the updates have another shape.
    """
    _check_updates(x, rows, updates)
    return x.index_put((rows,), updates, accumulate=True)  # differs: D221 x[rows] += updates keeps one of several


def _check_updates(x: torch.Tensor, rows: torch.Tensor, updates: torch.Tensor) -> None:
    expected = (*rows.shape, *x.shape[1:])
    if updates.shape != expected:  # differs: D220 a smaller one would be broadcast
        raise ValueError(f"updates {tuple(updates.shape)}: expected the shape {expected}")


# --- the largest --------------------------------------------------------------------------------------------


def topk(x: torch.Tensor, k: int) -> TopK:
    """The k largest along the last axis, in descending order; of equal ones the lower index comes first.

    Args:
        x: (..., F) without NaN.
        k: from 0 to F.

    Returns:
        values (..., k) and their indices (..., k), int64.

    Raises:
        ValueError: x holds NaN, or k is out of range.
    """
    if not 0 <= k <= x.shape[-1]:
        raise ValueError(f"k {k}: expected a number from 0 to {x.shape[-1]}")
    if (x != x).any():  # differs: X-topk-nan NaN counts as largest
        raise ValueError("x holds NaN, which has no place in an order: replace it first")
    values, indices = x.sort(dim=-1, descending=True, stable=True)  # differs: D241 topk takes any of equal ones
    return TopK(values[..., :k], indices[..., :k])
