"""Network in network in PyTorch.

    (k x k conv -> 1x1 conv -> 1x1 conv -> pool 3, stride 2 -> dropout), several times -> mean of each map

Source: Lin, Chen, Yan (2014), section 3; Dive into Deep Learning, section 8.3; Raschka, cnn/nin-cifar10.
On this side convolutions and poolings pad both sides by themselves.
"""

from collections import OrderedDict

import torch
from torch import nn

from dualnet.concepts.modern_convnets.nin import map_sizes

__all__ = ["NetworkInNetwork"]


class Block(nn.Module):
    """A convolution and two of 1x1, a ReLU after each."""

    def __init__(self, channels: list[int], kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels[0], channels[1], kernel, stride, padding)
        self.mixer1 = nn.Conv2d(channels[1], channels[2], 1)
        self.mixer2 = nn.Conv2d(channels[2], channels[3], 1)
        for layer in (self.conv, self.mixer1, self.mixer2):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x))  # N C H W
        return torch.relu(self.mixer2(torch.relu(self.mixer1(x))))


def pooling(kind: str, padding: int) -> nn.Module:
    """A 3x3 pooling with stride 2 that pads both sides; a mean counts the zeros."""
    return nn.MaxPool2d(3, 2, padding) if kind == "max" else nn.AvgPool2d(3, 2, padding)


class NetworkInNetwork(nn.Sequential):
    """Network in network: the last mixer has one map for each class, and its mean is the logit.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the first convolution of each block.
        mixers: those of the two 1x1 convolutions that follow, block after block; the last are the classes.
        kernel_sizes: heights and widths of the first convolutions in pixels.
        strides: their strides in pixels.
        paddings: zeros on each side of their inputs, in pixels.
        poolings: "max" or "avg" of 3x3 with stride 2 after each block but the last.
        pool_padding: pixels on each side before each pooling.
        dropouts: probability that a value is dropped after each pooling.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, mixers[-1]), logits.

    Raises:
        ConfigError: an unknown pooling, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 95,
        channels: tuple[int, ...] = (16, 24, 32, 10),
        mixers: tuple[int, ...] = (16, 16, 24, 24, 32, 32, 10, 10),
        kernel_sizes: tuple[int, ...] = (11, 5, 3, 3),
        strides: tuple[int, ...] = (4, 1, 1, 1),
        paddings: tuple[int, ...] = (0, 2, 1, 1),
        poolings: tuple[str, ...] = ("max", "max", "max"),
        pool_padding: int = 0,
        dropouts: tuple[float, ...] = (0.0, 0.0, 0.5),
    ) -> None:
        map_sizes(image_size, kernel_sizes, strides, paddings, poolings, pool_padding)
        stack: dict[str, nn.Module] = {}
        for i, kernel in enumerate(kernel_sizes):
            widths = [mixers[2 * i - 1] if i else in_channels, channels[i], *mixers[2 * i : 2 * i + 2]]
            stack[f"block{i + 1}"] = Block(widths, kernel, strides[i], paddings[i])
            if i < len(poolings):
                stack[f"pool{i + 1}"] = pooling(poolings[i], pool_padding)
                stack[f"dropout{i + 1}"] = nn.Dropout(dropouts[i])
        super().__init__(OrderedDict(stack))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = super().forward(images)  # N C H W
        return x.mean((2, 3))  # N K
