"""The Inception block in PyTorch.

    1x1 conv | 1x1 conv -> 3x3 conv | 1x1 conv -> 5x5 conv | 3x3 max pool -> 1x1 conv

Source: Szegedy et al. (2015), figure 2 (b); Dive into Deep Learning, section 8.4.1.
On this side the channels, along which the paths are joined, are axis 1.
"""

import torch
from torch import nn

from dualnet.concepts.modern_convnets.inception_block import EPSILON, MOMENTUM

__all__ = ["InceptionNet"]


class ConvBlock(nn.Module):
    """Convolution, then batch normalization or a bias, then ReLU."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, batch_norm: bool, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride, padding, bias=not batch_norm)
        nn.init.xavier_uniform_(self.conv.weight)  # differs: D051
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)  # differs: D052
        self.bn = nn.BatchNorm2d(channels, EPSILON, MOMENTUM) if batch_norm else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.bn(self.conv(x)))  # N C H W


class Inception(nn.Module):
    """1x1; 1x1 and 3x3; 1x1 and 5x5; pooling and 1x1: the maps of the four paths one after another."""

    def __init__(self, in_channels: int, channels: tuple[int, ...], kernel: int, batch_norm: bool) -> None:
        super().__init__()
        one, squeezed3, three, squeezed5, five, pooled = channels
        self.branch1 = ConvBlock(in_channels, one, 1, batch_norm)
        self.branch2 = nn.Sequential(
            ConvBlock(in_channels, squeezed3, 1, batch_norm), ConvBlock(squeezed3, three, 3, batch_norm, padding=1)
        )
        self.branch3 = nn.Sequential(
            ConvBlock(in_channels, squeezed5, 1, batch_norm),
            ConvBlock(squeezed5, five, kernel, batch_norm, padding=kernel // 2),
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), ConvBlock(in_channels, pooled, 1, batch_norm))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)  # N 4*C H W


class InceptionNet(nn.Module):
    """A 3x3 convolution, one Inception block, the mean of each of its maps, and a dense layer.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        stem_channels: maps of the 3x3 convolution before the block.
        channels: maps of the 1x1 path, of the 3x3 and the 5x5 path (squeezed, then wide each), of the pooled one.
        kernel_size: of the third path; torchvision has 3.
        batch_norm: normalise before every ReLU.
        num_classes: units of the output.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 16,
        stem_channels: int = 6,
        channels: tuple[int, ...] = (5, 4, 7, 3, 6, 2),
        kernel_size: int = 5,
        batch_norm: bool = False,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        self.stem = ConvBlock(in_channels, stem_channels, 3, batch_norm, padding=1)
        self.block = Inception(stem_channels, channels, kernel_size, batch_norm)
        one, _, three, _, five, pooled = channels
        self.fc = nn.Linear(one + three + five + pooled, num_classes)
        nn.init.xavier_uniform_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = self.block(self.stem(images))  # N C H W
        x = x.mean((2, 3))  # N C
        return self.fc(x)  # N K
