"""Feature maps and kernels as pictures, in PyTorch.

    3x3 conv -> ReLU -> max pool 2 -> 3x3 conv

On this side a hook on each module catches what leaves it, and a function runs a module with other weights.
"""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from dualnet.concepts.convnets.feature_map_visualization import FeatureMaps, check_images, check_maps

__all__ = ["feature_maps", "mosaic", "stretched"]


def feature_maps(
    images: torch.Tensor, kernel1: torch.Tensor, bias1: torch.Tensor, kernel2: torch.Tensor, bias2: torch.Tensor
) -> FeatureMaps:
    """The activations of every layer of a small network for these images.

    Args:
        images: (N, B, H, W).
        kernel1, bias1: (C, B, 3, 3) and (C,), of the first convolution, which keeps the size.
        kernel2, bias2: (D, C, 3, 3) and (D,), of the second one.

    Returns:
        What leaves each layer, channels first.

    Raises:
        ValueError: there is no image.
    """
    check_images(len(images))  # differs: X-conv-no-image
    network = nn.Sequential()
    network.add_module("conv1", nn.Conv2d(kernel1.shape[1], kernel1.shape[0], 3, padding="same"))
    network.add_module("relu1", nn.ReLU())
    network.add_module("pool1", nn.MaxPool2d(2))
    network.add_module("conv2", nn.Conv2d(kernel2.shape[1], kernel2.shape[0], 3, padding="same"))
    weights = {"conv1.weight": kernel1, "conv1.bias": bias1, "conv2.weight": kernel2, "conv2.bias": bias2}
    caught: dict[str, torch.Tensor] = {}
    for name, layer in network.named_children():
        layer.register_forward_hook(  # differs: X-feature-maps
            lambda module, args, output, name=name: caught.__setitem__(name, output)
        )
    functional_call(network, weights, images)
    return FeatureMaps(**caught)


def stretched(maps: torch.Tensor) -> torch.Tensor:
    """Each map, or each slice of a kernel, from its least value (0, black) to its greatest (1, white).

    Args:
        maps: (N, C, H, W); kernels are (out, in, A, B).

    Returns:
        The same shape; 0 where all of a map is one value.
    """
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)  # N C 1 1
    return (maps - low) / torch.where(high > low, high - low, 1)


def mosaic(maps: torch.Tensor, columns: int) -> torch.Tensor:
    """All maps of one image in one picture, row by row.

    Args:
        maps: (C, H, W).
        columns: how many side by side.

    Returns:
        (rows * H, columns * W); 0 where no map is left.

    Raises:
        ValueError: there are no maps, or no columns.
    """
    check_maps(maps.shape, columns)
    count, height, width = maps.shape
    rows = -(-count // columns)
    maps = F.pad(maps, (0, 0, 0, 0, 0, rows * columns - count))
    maps = maps.reshape(rows, columns, height, width).permute(0, 2, 1, 3)  # rows H columns W
    return maps.reshape(rows * height, columns * width)
