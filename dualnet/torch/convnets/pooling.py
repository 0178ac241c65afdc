"""Max and average pooling, in PyTorch.

Images are N C H W. PyTorch pads both ends of an axis alike, by at most half the window; other paddings are put
explicitly. Where several elements of a window are greatest, the gradient goes to the first of them.
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.convnets.pooling import MaximaAndIndices, Pair, Pairs, check_windows, same_paddings

__all__ = [
    "avg_pool2d",
    "avg_pool2d_from_scratch",
    "avg_pool2d_over_the_end",
    "avg_pool2d_same",
    "conv_then_pool",
    "global_avg_pool",
    "global_max_pool",
    "lp_pool2d",
    "max_pool2d",
    "max_pool2d_from_scratch",
    "max_pool2d_over_the_end",
    "max_pool2d_same",
    "max_pool2d_with_indices",
]


def _pad(x: torch.Tensor, paddings: Pairs, value: float) -> torch.Tensor:
    return F.pad(x, (*paddings[1], *paddings[0]), value=value)  # differs: D026


# --- from scratch -------------------------------------------------------------------------------------------


def _windows(x: torch.Tensor, window: Pair, stride: Pair) -> torch.Tensor:
    """The elements of each window on a new last axis: (N, C, H', W', A B)."""
    rows, columns = ((n - k) // s * s + 1 for n, k, s in zip(x.shape[2:], window, stride, strict=True))
    shifted = [
        x[:, :, a : a + rows : stride[0], b : b + columns : stride[1]]
        for a in range(window[0])
        for b in range(window[1])
    ]
    return torch.stack(shifted, -1)


def max_pool2d_from_scratch(x: torch.Tensor, window: Pair, stride: Pair, paddings: Pairs) -> torch.Tensor:
    """The greatest element of each window; NaN if there is one.

    Args:
        x: (N, C, H, W).
        window, stride: vertical and horizontal.
        paddings: ((top, bottom), (left, right)), which are never the greatest.

    Returns:
        (N, C, floor((H + top + bottom - window) / stride) + 1, the same for W).

    Raises:
        ValueError: no window fits, one lies in the padding, a padding is negative, or a stride is below 1.
    """
    check_windows(x.shape[2:], window, stride, paddings)
    windows = _windows(_pad(x, paddings, -torch.inf), window, stride)  # (N, C, H', W', A B)
    return windows.max(-1).values  # differs: D098 amax would split the gradient of ties


def avg_pool2d_from_scratch(
    x: torch.Tensor, window: Pair, stride: Pair, paddings: Pairs, count_include_pad: bool
) -> torch.Tensor:
    """The mean of each window.

    Args:
        x: (N, C, H, W).
        window, stride: vertical and horizontal.
        paddings: ((top, bottom), (left, right)) zeros.
        count_include_pad: whether the mean is over those, too, or over the pixels only.

    Returns:
        (N, C, floor((H + top + bottom - window) / stride) + 1, the same for W).

    Raises:
        ValueError: no window fits, one lies in the padding, a padding is negative, or a stride is below 1.
    """
    check_windows(x.shape[2:], window, stride, paddings)
    sums = _windows(_pad(x, paddings, 0.0), window, stride).sum(-1)  # (N, C, H', W')
    counted = _pad(torch.ones_like(x[:1, :1]), paddings, float(count_include_pad))
    return sums / _windows(counted, window, stride).sum(-1)


# --- native -------------------------------------------------------------------------------------------------


def max_pool2d(x: torch.Tensor, window: Pair, stride: Pair, paddings: Pairs) -> torch.Tensor:
    """`max_pool2d_from_scratch` by PyTorch's own operation."""
    check_windows(x.shape[2:], window, stride, paddings)  # differs: X-pool-no-window
    return F.max_pool2d(_pad(x, paddings, -torch.inf), window, stride)  # differs: D093, D094


def avg_pool2d(x: torch.Tensor, window: Pair, stride: Pair, paddings: Pairs, count_include_pad: bool) -> torch.Tensor:
    """`avg_pool2d_from_scratch` by PyTorch's own operation."""
    check_windows(x.shape[2:], window, stride, paddings)
    y = F.avg_pool2d(_pad(x, paddings, 0.0), window, stride)
    if count_include_pad:  # differs: D091
        return y
    return y / F.avg_pool2d(_pad(torch.ones_like(x[:1, :1]), paddings, 0.0), window, stride)  # the share of pixels


def max_pool2d_same(x: torch.Tensor, window: Pair, stride: Pair) -> torch.Tensor:
    """The maxima of ceil(H / stride) by ceil(W / stride) windows, the odd element of padding at the end."""
    return max_pool2d(x, window, stride, same_paddings(x.shape[2:], window, stride))  # differs: D093


def avg_pool2d_same(x: torch.Tensor, window: Pair, stride: Pair) -> torch.Tensor:
    """The means of ceil(H / stride) by ceil(W / stride) windows, over their pixels only."""
    return avg_pool2d(x, window, stride, same_paddings(x.shape[2:], window, stride), False)  # differs: D091, D092


def max_pool2d_over_the_end(x: torch.Tensor, window: Pair, stride: Pair) -> torch.Tensor:
    """The maxima of all windows that start inside, as far as needed for every pixel: the last may be cut."""
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    return F.max_pool2d(x, window, stride, ceil_mode=True)  # differs: D095


def avg_pool2d_over_the_end(x: torch.Tensor, window: Pair, stride: Pair) -> torch.Tensor:
    """The means of the windows of `max_pool2d_over_the_end`, over their pixels only."""
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    return F.avg_pool2d(x, window, stride, ceil_mode=True)  # differs: D095


def max_pool2d_with_indices(x: torch.Tensor, window: Pair, stride: Pair) -> MaximaAndIndices:
    """The greatest element of each window and its place; the first of several.

    Args:
        x: (N, C, H, W), without NaN.
        window, stride: vertical and horizontal.

    Returns:
        Both (N, C, H', W'), the places int64.
    """
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    return MaximaAndIndices(*F.max_pool2d(x, window, stride, return_indices=True))  # differs: D097


# --- whole images, norms, features --------------------------------------------------------------------------


def global_max_pool(x: torch.Tensor) -> torch.Tensor:
    """The greatest pixel of each channel, (N, C, H, W) to (N, C); ties share the gradient."""
    return x.amax((2, 3))  # differs: D099


def global_avg_pool(x: torch.Tensor) -> torch.Tensor:
    """The mean pixel of each channel, (N, C, H, W) to (N, C)."""
    return x.mean((2, 3))  # differs: D100


def lp_pool2d(x: torch.Tensor, window: Pair, stride: Pair, power: float) -> torch.Tensor:
    """The p-norm of each window; not the mean of the powers, but their sum is under the root.

    Args:
        x: (N, C, H, W).
        window, stride: vertical and horizontal.
        power: p.

    Returns:
        (N, C, H', W').

    Raises:
        ValueError: the power is below 1, or no window fits.
    """
    if power < 1:
        raise ValueError(f"power {power}: expected at least 1")
    check_windows(x.shape[2:], window, stride, ((0, 0), (0, 0)))
    sums = F.avg_pool2d(x.abs() ** power, window, stride, divisor_override=1)  # (N, C, H', W')
    flat = sums == 0
    return torch.where(flat, 0, torch.where(flat, 1, sums) ** (1 / power))  # differs: X-lp-pool


def conv_then_pool(x: torch.Tensor, weight: torch.Tensor, window: Pair) -> torch.Tensor:
    """The strongest answer of each kernel in each patch: it stays when the image moves a little.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        window: of the maximum, and its stride.

    Returns:
        (N, O, (H - A + 1) // height, (W - B + 1) // width).

    Raises:
        ValueError: the kernel or the window does not fit.
    """
    check_windows(x.shape[2:], weight.shape[2:], (1, 1), ((0, 0), (0, 0)))
    features = F.conv2d(x, weight)  # (N, O, H - A + 1, W - B + 1)
    return max_pool2d(features, window, window, ((0, 0), (0, 0)))
