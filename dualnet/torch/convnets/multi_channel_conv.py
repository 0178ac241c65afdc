"""Convolutions over several channels, in PyTorch.

    y[n, o, i, j] = bias[o] + sum over c, a, b of x[n, c, i + a, j + b] weight[o, c, a, b]

Images are N C H W and weights (out, in, height, width); no padding, stride 1.
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.convnets.multi_channel_conv import check_fit

__all__ = [
    "conv1d",
    "conv2d",
    "conv2d_from_scratch",
    "conv3d",
    "conv_1x1",
    "conv_1x1_as_matmul",
    "depthwise_conv2d",
    "depthwise_conv2d_from_scratch",
    "grouped_conv2d",
    "grouped_conv2d_from_scratch",
    "separable_conv2d",
]


# --- all channels with all channels -------------------------------------------------------------------------


def conv2d_from_scratch(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A convolution as a sum over the kernel's elements, each of which mixes the channels of shifted images.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        bias: (O,).

    Returns:
        (N, O, H - A + 1, W - B + 1).

    Raises:
        ValueError: the weight is for another number of channels, or larger than the image.
    """
    check_fit(x.shape, weight.shape)
    height, width = weight.shape[2:]
    rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
    y = sum(
        torch.einsum("nchw,oc->nohw", x[:, :, a : a + rows, b : b + columns], weight[:, :, a, b])
        for a in range(height)
        for b in range(width)
    )
    return y + bias[:, None, None]


def conv2d(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`conv2d_from_scratch` by PyTorch's own operation."""
    check_fit(x.shape, weight.shape)  # differs: X-group-guess, X-conv-no-window
    return F.conv2d(x, weight, bias)  # (N, O, H', W')  # differs: D007


def conv1d(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same along one axis: x (N, C, T), weight (O, C, K), bias (O,) give (N, O, T - K + 1)."""
    check_fit(x.shape, weight.shape)
    return F.conv1d(x, weight, bias)  # (N, O, T')  # differs: D009


def conv3d(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same in a volume: x (N, C, D, H, W), weight (O, C, A, B, E), bias (O,) give (N, O, D', H', W')."""
    check_fit(x.shape, weight.shape)
    return F.conv3d(x, weight, bias)  # (N, O, D', H', W')  # differs: D010


# --- 1x1: a dense layer at each pixel -----------------------------------------------------------------------


def conv_1x1(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A convolution whose window is one pixel: it only mixes channels.

    Args:
        x: (N, C, H, W).
        weight: (O, C, 1, 1).
        bias: (O,).

    Returns:
        (N, O, H, W).

    Raises:
        ValueError: the weight is for another number of channels, or for more than one pixel.
    """
    _check_1x1(weight)
    return conv2d(x, weight, bias)


def conv_1x1_as_matmul(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`conv_1x1` as a matrix product over the channels of all pixels."""
    _check_1x1(weight)
    check_fit(x.shape, weight.shape)
    pixels = x.movedim(1, -1)  # (N, H, W, C)
    y = F.linear(pixels, weight[:, :, 0, 0], bias)  # (N, H, W, O)  # differs: D008
    return y.movedim(-1, 1)  # (N, O, H, W)


def _check_1x1(weight: torch.Tensor) -> None:
    if tuple(weight.shape[2:]) != (1, 1):
        raise ValueError(f"weight of shape {tuple(weight.shape)}: expected (out, in, 1, 1)")


# --- fewer connections --------------------------------------------------------------------------------------


def grouped_conv2d_from_scratch(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, groups: int) -> torch.Tensor:
    """Channels in groups side by side, each with a convolution of its own.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, A, B).
        bias: (O,).
        groups: how many.

    Returns:
        (N, O, H - A + 1, W - B + 1).

    Raises:
        ValueError: the weight is for another number of channels or groups, or larger than the image.
    """
    check_fit(x.shape, weight.shape, groups)
    parts = zip(x.chunk(groups, 1), weight.chunk(groups), bias.chunk(groups), strict=True)
    return torch.cat([conv2d_from_scratch(*part) for part in parts], 1)


def grouped_conv2d(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, groups: int) -> torch.Tensor:
    """`grouped_conv2d_from_scratch` by PyTorch's own operation."""
    check_fit(x.shape, weight.shape, groups)
    return F.conv2d(x, weight, bias, groups=groups)  # (N, O, H', W')  # differs: D012


def depthwise_conv2d_from_scratch(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Each channel with kernels of its own: as many groups as channels.

    Args:
        x: (N, C, H, W).
        weight: (C M, 1, A, B): the M kernels of the first channel, then those of the second, ...

    Returns:
        (N, C M, H - A + 1, W - B + 1).

    Raises:
        ValueError: the number of kernels is no multiple of that of channels.
    """
    bias = torch.zeros(len(weight), dtype=x.dtype)
    return grouped_conv2d_from_scratch(x, weight, bias, x.shape[1])


def depthwise_conv2d(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`depthwise_conv2d_from_scratch` by PyTorch's own operation."""
    check_fit(x.shape, weight.shape, x.shape[1])
    return F.conv2d(x, weight, groups=x.shape[1])  # (N, C M, H', W')  # differs: D011


def separable_conv2d(
    x: torch.Tensor, depthwise: torch.Tensor, pointwise: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """A depthwise convolution, then a 1x1 convolution that mixes the channels.

    Args:
        x: (N, C, H, W).
        depthwise: (C M, 1, A, B).
        pointwise: (O, C M, 1, 1).
        bias: (O,).

    Returns:
        (N, O, H - A + 1, W - B + 1).
    """
    features = depthwise_conv2d(x, depthwise)  # (N, C M, H', W')  # differs: D018
    return conv_1x1(features, pointwise, bias)  # (N, O, H', W')
