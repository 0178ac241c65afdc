"""Pooling over images (N, C, *spatial), and local response normalisation, which is a pooling over channels."""

from collections.abc import Sequence

import numpy as np

from parity.reference.convolution import windows
from parity.reference.kind import Array, Call, Kind, pairs, spread

__all__ = ["KINDS"]


def max_pool(
    call: Call,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """The maximum of each window; padding never wins."""
    found, _ = _pooled(call.x, kernel, stride, padding, dilation, ceil_mode, fill=-np.inf)
    return found.max(axis=tuple(range(call.x.ndim, found.ndim)))


def avg_pool(
    call: Call,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    dilation: int | Sequence[int] = 1,
) -> Array:
    """The mean of each window; what `ceil_mode` adds beyond the padding is never counted."""
    found, counted = _pooled(call.x, kernel, stride, padding, dilation, ceil_mode, fill=0.0)
    axes = tuple(range(call.x.ndim, found.ndim))
    share = counted if count_include_pad else counted * (counted == 1)
    return found.sum(axis=axes) / (share > 0).sum(axis=axes)


def _pooled(
    x: Array,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | Sequence[int | tuple[int, int]],
    dilation: int | Sequence[int],
    ceil_mode: bool,
    fill: float,
) -> tuple[Array, Array]:
    """The windows of the padded input, and what stands in them: 1 data, 2 padding, 0 beyond it."""
    rank = x.ndim - 2
    sizes, spacing = spread(kernel, rank), spread(dilation, rank)
    steps = sizes if stride is None else spread(stride, rank)
    around = pairs(padding, rank)
    beyond = []
    for n, k, s, d, (before, after) in zip(x.shape[2:], sizes, steps, spacing, around, strict=True):
        free = n + before + after - d * (k - 1) - 1
        positions = (-(-free // s) if ceil_mode else free // s) + 1
        if ceil_mode and (positions - 1) * s >= n + before:
            positions -= 1  # the last window must start inside the input or the padding before it
        beyond.append((0, max(0, (positions - 1) * s - free)))
    outer = [(0, 0), (0, 0)]
    content = np.pad(np.ones((1, 1, *x.shape[2:])), [*outer, *around], constant_values=2)
    filled = np.pad(x, [*outer, *around], constant_values=fill)
    filled = np.pad(filled, [*outer, *beyond], constant_values=fill)
    content = np.pad(content, [*outer, *beyond])
    return windows(filled, sizes, steps, spacing), windows(content, sizes, steps, spacing)


def global_avg_pool(call: Call, keep_dims: bool = False) -> Array:
    """The mean of each channel."""
    return call.x.mean(axis=tuple(range(2, call.x.ndim)), keepdims=keep_dims)


def global_max_pool(call: Call, keep_dims: bool = False) -> Array:
    """The maximum of each channel."""
    return call.x.max(axis=tuple(range(2, call.x.ndim)), keepdims=keep_dims)


def adaptive_avg_pool(call: Call, size: int | Sequence[int | None]) -> Array:
    """Means over `size` bins in each dimension; neighbouring bins overlap where the size does not divide."""
    out = call.x
    sizes = (size,) * (out.ndim - 2) if isinstance(size, int) else tuple(size)
    for axis, bins in enumerate(sizes, start=2):
        length = out.shape[axis]
        count = length if bins is None else bins
        starts = [i * length // count for i in range(count)]
        ends = [-(-(i + 1) * length // count) for i in range(count)]
        means = [out.take(range(s, e), axis).mean(axis) for s, e in zip(starts, ends, strict=True)]
        out = np.stack(means, axis)
    return out


def local_response_norm(
    call: Call, size: int, alpha: float, beta: float, k: float = 1.0, divide_alpha_by_size: bool = True
) -> Array:
    """X / (k + alpha * sum of squares over `size` neighbouring channels) ** beta; alpha / size in PyTorch."""
    around = [(0, 0)] * call.x.ndim
    around[1] = (size // 2, (size - 1) // 2)
    squares = np.pad(call.x**2, around)
    total = np.lib.stride_tricks.sliding_window_view(squares, size, axis=1).sum(axis=-1)
    return call.x / (k + (alpha / size if divide_alpha_by_size else alpha) * total) ** beta


KINDS = {
    "max_pool": Kind(max_pool),
    "avg_pool": Kind(avg_pool),
    "global_avg_pool": Kind(global_avg_pool),
    "global_max_pool": Kind(global_max_pool),
    "adaptive_avg_pool": Kind(adaptive_avg_pool),
    "local_response_norm": Kind(local_response_norm),
}
