"""Convolution and transposed convolution as matrix products, in PyTorch.

A convolution is linear: y = M x for flat images x and y. M holds the weight's elements, each many times, and zeros;
the product with M transposed is the transposed convolution. Images are N C H W, weights (out, in, height, width).
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.convnets.conv_as_matrix_multiplication import Pair, output_sizes, read_pixels, same_cuts

__all__ = [
    "col2im",
    "conv2d",
    "conv2d_by_im2col",
    "conv2d_by_toeplitz",
    "conv_transpose2d",
    "conv_transpose2d_by_toeplitz",
    "conv_transpose2d_padded",
    "conv_transpose2d_same",
    "im2col",
    "im2col_by_gather",
    "toeplitz",
    "toeplitz_2d",
]


# --- windows as columns -------------------------------------------------------------------------------------


def im2col(x: torch.Tensor, window: Pair, stride: Pair) -> torch.Tensor:
    """Each window as a column, its elements in the order channel, row, column.

    Args:
        x: (N, C, H, W).
        window: (A, B).
        stride: vertical and horizontal.

    Returns:
        (N, C A B, L), the L windows row by row.

    Raises:
        ValueError: no window fits, or a window or stride is below 1.
    """
    output_sizes(x.shape[2:], window, stride)
    return F.unfold(x, window, stride=stride)  # (N, C A B, L)  # differs: D022


def im2col_by_gather(x: torch.Tensor, window: Pair, stride: Pair) -> torch.Tensor:
    """`im2col` by the index of the pixel that each element reads."""
    places = torch.tensor(read_pixels(x.shape[1], x.shape[2:], window, stride))  # (C A B, L)
    return x.flatten(1)[:, places]  # (N, C A B, L)


def col2im(columns: torch.Tensor, sizes: Pair, window: Pair, stride: Pair) -> torch.Tensor:
    """The transpose of `im2col`, not its inverse: each pixel is the sum of all elements that read it.

    Args:
        columns: (N, C A B, L).
        sizes: (H, W).
        window: (A, B).
        stride: vertical and horizontal.

    Returns:
        (N, C, H, W).

    Raises:
        ValueError: there are not as many windows of this size.
    """
    rows, count = output_sizes(sizes, window, stride)
    if columns.shape[1] % (window[0] * window[1]) or columns.shape[2] != rows * count:
        raise ValueError(f"columns {tuple(columns.shape)}: expected (N, C * {window[0] * window[1]}, {rows * count})")
    return F.fold(columns, sizes, window, stride=stride)  # differs: X-fold


# --- the matrix ---------------------------------------------------------------------------------------------


def toeplitz(kernel: torch.Tensor, length: int) -> torch.Tensor:
    """The matrix of a cross-correlation of signals of this length: the kernel (K,) along its diagonals.

    Returns:
        (T - K + 1, T).

    Raises:
        ValueError: the kernel is longer than the signal.
    """
    (count,) = output_sizes((length,), kernel.shape, (1,))
    rows = torch.arange(count)[:, None]  # (T - K + 1, 1)
    columns = rows + torch.arange(len(kernel))  # (T - K + 1, K)
    empty = torch.zeros(count, length, dtype=kernel.dtype)
    return empty.index_put((rows, columns), kernel)


def toeplitz_2d(weight: torch.Tensor, sizes: Pair, stride: Pair) -> torch.Tensor:
    """The matrix of a convolution of images of this size, flat in the order channel, row, column.

    Args:
        weight: (O, C, A, B).
        sizes: (H, W).
        stride: vertical and horizontal.

    Returns:
        (O L, C H W), doubly block Toeplitz for stride 1.
    """
    outputs, channels = weight.shape[:2]
    places = torch.tensor(read_pixels(channels, sizes, weight.shape[2:], stride)).T  # (L, C A B)
    rows = torch.arange(outputs * len(places)).reshape(outputs, -1, 1)  # (O, L, 1)
    empty = torch.zeros(outputs * len(places), channels * sizes[0] * sizes[1], dtype=weight.dtype)
    return empty.index_put((rows, places), weight.reshape(outputs, 1, -1))


# --- convolution --------------------------------------------------------------------------------------------


def conv2d_by_im2col(x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> torch.Tensor:
    """A convolution as one product of the flat weight with all columns.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        stride: vertical and horizontal.

    Returns:
        (N, O, H', W').
    """
    columns = im2col(x, weight.shape[2:], stride)  # (N, C A B, L)
    y = weight.flatten(1) @ columns  # (N, O, L)
    return y.reshape(len(x), len(weight), *output_sizes(x.shape[2:], weight.shape[2:], stride))


def conv2d_by_toeplitz(x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> torch.Tensor:
    """The same as the product of each flat image with the convolution's matrix."""
    matrix = toeplitz_2d(weight, x.shape[2:], stride)  # (O L, C H W)
    y = x.flatten(1) @ matrix.T  # (N, O L)
    return y.reshape(len(x), len(weight), *output_sizes(x.shape[2:], weight.shape[2:], stride))


def conv2d(x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> torch.Tensor:
    """The same by PyTorch's own operation."""
    output_sizes(x.shape[2:], weight.shape[2:], stride)  # differs: X-conv-no-window
    return F.conv2d(x, weight, stride=stride)  # (N, O, H', W')  # differs: D007


# --- transposed convolution ---------------------------------------------------------------------------------


def _full_sizes(x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> Pair:
    height, width = ((n - 1) * s + k for n, s, k in zip(x.shape[2:], stride, weight.shape[2:], strict=True))
    return height, width


def conv_transpose2d_by_toeplitz(x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> torch.Tensor:
    """The product with the transposed matrix of a convolution: it goes back to that one's input shape.

    Args:
        x: (N, O, H', W').
        weight: (O, C, A, B), as that convolution has it.
        stride: that convolution's, vertical and horizontal.

    Returns:
        (N, C, (H' - 1) stride + A, (W' - 1) stride + B).
    """
    sizes = _full_sizes(x, weight, stride)
    matrix = toeplitz_2d(weight, sizes, stride)  # (O H' W', C H W)
    return (x.flatten(1) @ matrix).reshape(len(x), weight.shape[1], *sizes)  # (N, C, H, W)


def conv_transpose2d(x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> torch.Tensor:
    """`conv_transpose2d_by_toeplitz` by PyTorch's own operation."""
    return F.conv_transpose2d(x, weight, stride=stride)  # (N, C, H, W)  # differs: D013, D017


def conv_transpose2d_same(x: torch.Tensor, weight: torch.Tensor, stride: Pair) -> torch.Tensor:
    """A transposed convolution to (N, C, H' stride, W' stride), the odd element cut from the end."""
    (top, bottom), (left, right) = same_cuts(weight.shape[2:], stride)
    y = conv_transpose2d(x, weight, stride)
    return F.pad(y, (-left, -right, -top, -bottom))  # differs: D014, D015


def conv_transpose2d_padded(
    x: torch.Tensor, weight: torch.Tensor, stride: Pair, padding: Pair, output_padding: Pair
) -> torch.Tensor:
    """A transposed convolution that goes back through a convolution with padding.

    Args:
        x: (N, O, H', W').
        weight: (O, C, A, B).
        stride, padding: of that convolution.
        output_padding: how many more outputs at the end: that convolution's last pixels, which it did not reach.

    Returns:
        (N, C, (H' - 1) stride - 2 padding + A + output_padding, the same for W').

    Raises:
        ValueError: there are as many more outputs as the stride.
    """
    if any(more >= step for more, step in zip(output_padding, stride, strict=True)):
        raise ValueError(f"output padding {output_padding}: expected less than the stride {stride}")
    # differs: D016
    return F.conv_transpose2d(x, weight, stride=stride, padding=padding, output_padding=output_padding)
