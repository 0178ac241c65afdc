"""The all-convolutional net in PyTorch.

    (3x3 conv -> ReLU), seven times, every second one with stride 2 -> mean of each map

The last ReLU comes before the mean: no score is negative.

Source: Springenberg et al. (2015), section 2; Raschka, deeplearning-models, cnn/cnn-allconv.
On this side a convolution pads both sides by itself.
"""

from collections import OrderedDict

import torch
from torch import nn

from dualnet.concepts.convnets.all_convolutional_net import KERNEL, PADDING, map_sizes

__all__ = ["AllConvolutionalNet"]


class Block(nn.Module):
    """Convolution and ReLU."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, KERNEL, stride, PADDING)  # differs: D001
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_in", nonlinearity="relu")  # differs: D051, D056
        nn.init.zeros_(self.conv.bias)  # differs: D052

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv(x))  # N C H/stride W/stride


class AllConvolutionalNet(nn.Sequential):
    """Convolutions alone, some with a stride; the mean of each last map is the score of a class.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the convolutions, one after the other; the last are the classes.
        strides: their strides in pixels.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, channels[-1]), logits of at least 0.

    Raises:
        ConfigError: there is no image, or a stride is less than 1.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        channels: tuple[int, ...] = (4, 4, 8, 8, 16, 16, 10),
        strides: tuple[int, ...] = (1, 2, 1, 2, 1, 2, 1),
    ) -> None:
        map_sizes(image_size, strides)
        widths = (in_channels, *channels)
        blocks = {f"block{i + 1}": Block(widths[i], channels[i], stride) for i, stride in enumerate(strides)}
        super().__init__(OrderedDict(blocks))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = super().forward(images)  # N C H W
        return x.mean((2, 3))  # N K
