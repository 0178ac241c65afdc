"""The residual block in PyTorch.

    y = relu(f(x) + shortcut(x)),  f = conv -> batch norm -> relu -> conv -> batch norm

The shortcut is the identity, or a 1x1 convolution where the block changes the shape.

Source: He et al. (2015), section 3.2, eq. 1 and 2; Dive into Deep Learning, section 8.6.2.
On this side images are N C H W and a layer must be told the size of its input.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.modern_convnets.residual_block import EPSILON, MOMENTUM, map_sizes
from dualnet.torch._convolution import Conv2D

__all__ = ["ResidualNet"]


def _conv(in_channels: int, channels: int, kernel: int, stride: int = 1) -> Conv2D:
    conv = Conv2D(in_channels, channels, kernel, stride)  # differs: D001
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")  # differs: D051, D056
    nn.init.zeros_(conv.bias)  # differs: D052
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, EPSILON, MOMENTUM)  # differs: D030, D031, D033


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut: the identity, or a 1x1 convolution (with batch normalization if wanted)."""

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, int],
        kernels: tuple[int, int],
        stride: int,
        shortcut: str,
        shortcut_norm: bool,
    ) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, channels[0], kernels[0], stride)
        self.bn1 = _norm(channels[0])
        self.conv2 = _conv(channels[0], channels[1], kernels[1])
        self.bn2 = _norm(channels[1])
        layers: list[nn.Module] = []
        if shortcut == "projection":
            layers.append(_conv(in_channels, channels[1], 1, stride))
            if shortcut_norm:
                layers.append(_norm(channels[1]))
        self.downsample = nn.Sequential(*layers)  # without layers, the identity

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        residual = F.relu(self.bn1(self.conv1(x)))  # N C1 H/stride W/stride
        residual = self.bn2(self.conv2(residual))  # N C2 H/stride W/stride
        return F.relu(residual + self.downsample(x))


class ResidualNet(nn.Module):
    """Residual blocks and a dense layer.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        channels: feature maps of the two convolutions of each block.
        kernels: their heights and widths, in pixels; odd.
        stride: of each block's first convolution and of its shortcut.
        shortcut: "identity" or "projection", a 1x1 convolution.
        shortcut_norm: batch normalization after a projection.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an unknown shortcut, or the identity where a block changes the shape.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 10,
        channels: tuple[tuple[int, int], ...] = ((4, 1), (4, 1)),
        kernels: tuple[int, int] = (1, 3),
        stride: int = 1,
        shortcut: str = "identity",
        shortcut_norm: bool = True,
    ) -> None:
        super().__init__()
        size = map_sizes(image_size, in_channels, channels, stride, shortcut)[-1]
        inputs = [in_channels, *(out_channels for _, out_channels in channels)]
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs[i], pair, kernels, stride, shortcut, shortcut_norm) for i, pair in enumerate(channels)
        )
        self.fc = nn.Linear(inputs[-1] * size * size, num_classes)
        nn.init.xavier_uniform_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = images
        for block in self.blocks:
            x = block(x)  # N C H W
        return self.fc(torch.flatten(x, start_dim=1))  # N K
