"""Convolution and transposed convolution in one to three dimensions.

Images are (N, C, *spatial). A convolution is the cross-correlation that both frameworks compute.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from parity.reference.kind import Array, Call, Kind, choose, pairs, spread

__all__ = ["KINDS", "correlate", "windows"]

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def windows(x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Every window of x (N, C, *spatial) as a view (N, C, *positions, *kernel)."""
    extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    axes = tuple(range(2, x.ndim))
    view = sliding_window_view(x, extent, axis=axes)
    steps = [slice(None, None, s) for s in stride] + [slice(None, None, d) for d in dilation]
    return view[(slice(None), slice(None), *steps)]


def correlate(x: Array, weight: Array, stride: tuple[int, ...], dilation: tuple[int, ...], groups: int) -> Array:
    """Cross-correlation without padding: x (N, I, *spatial), weight (O, I/groups, *kernel)."""
    if x.shape[1] != weight.shape[1] * groups or len(weight) % groups:
        raise ValueError(f"weight {weight.shape} in {groups} groups does not fit {x.shape[1]} channels")
    view = windows(x, weight.shape[2:], stride, dilation)
    positions = view.shape[2 : 2 + len(stride)]
    rank, size = len(positions), weight.shape[1] * prod(weight.shape[2:])
    view = view.reshape(len(x), groups, weight.shape[1], *positions, *weight.shape[2:])
    # (N, G, positions, I/G * kernel) @ (G, I/G * kernel, O/G): one matrix product for each group
    columns = np.moveaxis(view, 2, 2 + rank).reshape(len(x), groups, prod(positions), size)
    kernels = weight.reshape(groups, len(weight) // groups, size).swapaxes(1, 2)
    return (columns @ kernels).swapaxes(2, 3).reshape(len(x), len(weight), *positions)


def conv(
    call: Call,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Array:
    """Pad, correlate, add the bias; weight (O, I/groups, *kernel)."""
    rank = call.x.ndim - 2
    width = [(0, 0), (0, 0), *pairs(padding, rank)]
    padded = np.pad(call.x, width, mode=choose("padding_mode", padding_mode, MODES))
    out = correlate(padded, call.parameters["weight"], spread(stride, rank), spread(dilation, rank), groups)
    return _with_bias(call, out)


def conv_transpose(
    call: Call,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    output_padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Array:
    """The full transposed convolution, `output_padding` more at the end, cropped; weight (I, O/groups, *kernel)."""
    x, weight = call.x, call.parameters["weight"]
    rank = x.ndim - 2
    steps, spacing = spread(stride, rank), spread(dilation, rank)
    stretched = np.zeros((*x.shape[:2], *((n - 1) * s + 1 for n, s in zip(x.shape[2:], steps, strict=True))), x.dtype)
    stretched[(slice(None), slice(None), *(slice(None, None, s) for s in steps))] = x
    full = [(0, 0), (0, 0), *((d * (k - 1),) * 2 for k, d in zip(weight.shape[2:], spacing, strict=True))]
    split = weight.reshape(groups, len(weight) // groups, *weight.shape[1:]).swapaxes(1, 2)
    kernels = split.reshape(groups * weight.shape[1], len(weight) // groups, *weight.shape[2:])
    flipped = np.flip(kernels, tuple(range(2, kernels.ndim)))
    out = correlate(np.pad(stretched, full), flipped, (1,) * rank, spacing, groups)
    extra = spread(output_padding, rank)
    out = np.pad(out, [(0, 0), (0, 0), *((0, e) for e in extra)])
    crop = zip(pairs(padding, rank), out.shape[2:], strict=True)
    kept = [slice(before, length - after) for (before, after), length in crop]
    return _with_bias(call, out[(slice(None), slice(None), *kept)])


def _with_bias(call: Call, out: Array) -> Array:
    bias = call.get("bias")
    return out if bias is None else out + bias.reshape(-1, *(1,) * (out.ndim - 2))


KINDS = {"conv": Kind(conv, "weight|bias"), "conv_transpose": Kind(conv_transpose, "weight|bias")}
