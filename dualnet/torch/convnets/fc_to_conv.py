"""A dense layer over a feature map as a convolution, and back, in PyTorch.

Images are N C H W, so that the features of a flat map come channel by channel, and a dense weight (out, C H W) is
the convolution's weight (out, C, H, W) as it lies in memory.
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.convnets.fc_to_conv import Sizes, check_features

__all__ = [
    "channels_first_weight",
    "channels_last_weight",
    "dense",
    "dense_as_1x1_convolution",
    "dense_as_convolution",
    "dense_of_kernel",
    "kernel_of_dense",
    "slide",
]


# --- the weight ---------------------------------------------------------------------------------------------


def kernel_of_dense(weight: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """A dense weight (O, C H W) as that of a convolution, (O, C, H, W).

    Raises:
        ValueError: the weight is for another number of features.
    """
    check_features(weight.shape[1], sizes)
    return weight.reshape(-1, *sizes)  # (O, C, H, W)


def dense_of_kernel(kernel: torch.Tensor) -> torch.Tensor:
    """A convolution's weight (O, C, H, W) as that of a dense layer over the whole map, (O, C H W)."""
    return kernel.flatten(1)  # (O, C H W)


def channels_last_weight(weight: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """A dense weight (O, C H W) as Keras keeps it behind its Flatten, (H W C, O).

    Raises:
        ValueError: the weight is for another number of features.
    """
    kernel = kernel_of_dense(weight, sizes).permute(2, 3, 1, 0)  # (H, W, C, O)  # differs: D019
    return kernel.flatten(0, 2)  # (H W C, O)  # differs: D008


def channels_first_weight(kernel: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """The inverse of `channels_last_weight`: (H W C, O) to (O, C H W).

    Raises:
        ValueError: the weight is for another number of features.
    """
    check_features(len(kernel), sizes)
    channels, height, width = sizes
    weight = kernel.reshape(height, width, channels, -1).permute(3, 2, 0, 1)  # (O, C, H, W)  # differs: D019
    return weight.flatten(1)  # (O, C H W)


# --- three forms of one layer -------------------------------------------------------------------------------


def dense(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A dense layer over the flat feature map.

    Args:
        x: (N, C, H, W).
        weight: (O, C H W).
        bias: (O,).

    Returns:
        (N, O).

    Raises:
        ValueError: the weight is for another number of features.
    """
    check_features(weight.shape[1], x.shape[1:])
    return F.linear(x.flatten(1), weight, bias)  # (N, O)


def dense_as_convolution(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`dense` as a convolution whose window is the whole map."""
    y = F.conv2d(x, kernel_of_dense(weight, x.shape[1:]), bias)  # (N, O, 1, 1)  # differs: D007
    return y.flatten(1)  # (N, O)


def dense_as_1x1_convolution(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`dense` as a 1x1 convolution of a single pixel whose channels are all features."""
    check_features(weight.shape[1], x.shape[1:])
    pixel = x.flatten(1)[:, :, None, None]  # (N, C H W, 1, 1)
    return F.conv2d(pixel, weight[:, :, None, None], bias).flatten(1)  # (N, O)


# --- what it is good for ------------------------------------------------------------------------------------


def slide(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """A dense layer made for maps of these sizes, applied at every place of a larger one.

    Args:
        x: (N, C, H', W').
        weight: (O, C H W).
        bias: (O,).
        sizes: (C, H, W).

    Returns:
        (N, O, H' - H + 1, W' - W + 1).

    Raises:
        ValueError: the weight is for another number of features, or x is smaller than the sizes.
    """
    if x.shape[1] != sizes[0] or x.shape[2] < sizes[1] or x.shape[3] < sizes[2]:
        raise ValueError(f"feature maps of shape {tuple(x.shape[1:])}: expected at least {tuple(sizes)}")
    return F.conv2d(x, kernel_of_dense(weight, sizes), bias)  # (N, O, H' - H + 1, W' - W + 1)
